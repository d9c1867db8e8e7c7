"""How the demo measures: each lane one step after the other, and what never arrives is told."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sandbox.demo import measure
from sandbox.demo.interrupts import Interrupts
from sandbox.demo.measure import Step, measured
from sandbox.demo.setting import Setting

SETTING = cast(Setting, SimpleNamespace(interrupts=Interrupts(), deployment=None))


def steps(name: str, count: int, done: list[str], arrives: Any = lambda _: True) -> Iterator[Step]:
    for number in range(count):
        key = f"{name}{number}"
        yield Step(key, f"told {key}", lambda key=key: done.append(key), arrives)  # type: ignore[misc]


def test_a_step_is_made_when_the_one_before_it_in_its_lane_has_arrived() -> None:
    done: list[str] = []
    waits = iter([False, False, True, True])
    lanes = [steps("slow", 2, done, lambda _: next(waits)), steps("fast", 2, done)]
    found = [change.key for change in measured(SETTING, lanes)]
    assert sorted(found) == sorted(done) == ["fast0", "fast1", "slow0", "slow1"]
    assert found.index("slow0") > found.index("fast0")
    assert done.index("slow1") > done.index("fast1")


def test_what_never_arrives_has_no_latency_and_the_lane_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measure, "SECONDS_MAX", 0.1)
    done: list[str] = []
    [first, second] = measured(SETTING, [steps("lost", 2, done, lambda _: done == ["lost0", "lost1"])])
    assert (first.key, first.latency_ms) == ("lost0", None)
    assert second.key == "lost1"
    assert second.latency_ms is not None


def test_no_lane_is_no_change() -> None:
    assert list(measured(SETTING, [])) == []
