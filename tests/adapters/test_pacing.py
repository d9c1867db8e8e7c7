"""Pacing: the calls of a bulk job in time."""

from __future__ import annotations

import pytest

from shared.adapters.google_calendar import Pacer
from tests.fakes.clock import START, FakeClock


def seconds_of(*operations: str, units_per_second: float = 9) -> float:
    """From before the first call until after the last may begin."""
    clock = FakeClock()
    pace = Pacer(clock, units_per_second)
    for operation in operations:
        pace(operation)
    return (clock.now() - START).total_seconds()


def test_the_first_call_does_not_wait() -> None:
    assert seconds_of("events.patch") == 0


def test_calls_are_spaced_by_what_the_one_before_cost() -> None:
    assert seconds_of(*["events.insert"] * 10) == pytest.approx(1, abs=1e-4)
    assert seconds_of(*["events.patch"] * 10) == pytest.approx(3, abs=1e-4)


def test_what_was_not_used_is_not_saved_up() -> None:
    clock = FakeClock()
    pace = Pacer(clock, 1)
    pace("events.list")
    clock.advance(60)
    began = clock.now()
    for _ in range(3):
        pace("events.list")
    assert (clock.now() - began).total_seconds() == 2


def test_a_call_that_takes_its_time_has_paid_with_it() -> None:
    clock = FakeClock()
    pace = Pacer(clock, 1)
    for _ in range(3):
        before = clock.now()
        pace("events.list")
        assert clock.now() == before
        clock.advance(1.5)
