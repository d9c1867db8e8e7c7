"""The deployed function: called by the queue it works, called by anybody else it does not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_a_first_sync_and_a_cancellation_go_through_the_queue_and_nobody_else_gets_in() -> None:
    command = [sys.executable, "-m", "tests.functions.through_the_queue"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert ended.returncode == 0, ended.stderr[-3_000:]
    seen = json.loads(ended.stdout.splitlines()[-1])
    assert seen["synced"] > 10
    assert seen["after_a_cancellation"] == seen["synced"] - 1
    assert seen["forged"] == 403
