"""One line of JSON a request or job, as Cloud Logging reads it: ids, counts and codes, never content."""

from __future__ import annotations

import json
import sys
from enum import Enum


class Severity(Enum):
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


def log(severity: Severity, event: str, **fields: str | float | bool | None) -> None:
    """`event`: a stable name with a dot, `webhook.google`; `fields`: short values under names of our own."""
    line = {"severity": severity.value, "event": event, **fields}
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()
