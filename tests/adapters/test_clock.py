from __future__ import annotations

from datetime import UTC, datetime, timedelta

from shared.adapters.clock import SystemClock


def test_it_runs_ahead_by_its_offset() -> None:
    before = datetime.now(UTC)
    now = SystemClock(timedelta(days=1)).now()
    assert before <= now - timedelta(days=1) <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_time_passes_while_it_sleeps() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now() > before
