"""Every reason that somebody may meet has its sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.api.problems import PROBLEMS
from shared.app.records import Status
from shared.core.policy import Mode
from shared.core.reasons import REASONS, UNFORESEEN, Remedy, reason_of

SHARED = Path(__file__).resolve().parents[2] / "shared"
CODE = re.compile(r"[a-z]+(_[a-z]+)+|bug|contested")


def modules() -> set[Path]:
    """What a job runs: the adapters of both sides, and all of the use cases that it imports."""
    found, new = set[Path](), {SHARED / "app" / f"{name}.py" for name in ("calendar_job", "feed", "follow")}
    while new:  # every round finds modules that no round has found
        found |= new
        named = {name for path in new for name in re.findall(r"from shared\.app\.(\w+) ", path.read_text())}
        new = {SHARED / "app" / f"{name}.py" for name in named} - found
    for folder in ("google_calendar", "fhir"):
        found |= set((SHARED / "adapters" / folder).glob("*.py"))
    return found


def raised(path: Path) -> Iterator[str]:
    """Codes given to our errors, and those a calendar is said to have."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            given = node.args[:1] if name.endswith("Error") else []
            given += [each.value for each in node.keywords if each.arg in ("problem", "reason", "aside")]
            values = [each.value for each in given if isinstance(each, ast.Constant)]
            yield from (value for value in values if isinstance(value, str) and CODE.fullmatch(value))


NEVER_KEPT = {"lease_over", "deleted_before", "event_exists", "given_a_client", "practice_is_read"}
"""Met and mended within a job."""


def test_every_code_that_a_job_may_keep_has_its_sentence() -> None:
    """What only a request may meet is answered as a problem, and listed with those."""
    codes = {code for path in modules() for code in raised(path)} - NEVER_KEPT - PROBLEMS.keys()
    assert len(codes) > 60
    assert {code for code in codes if reason_of(code) is UNFORESEEN} == set()


def test_whatever_a_connection_stands_at_instead_of_running_has_its_sentence() -> None:
    still = {status.value for status in Status} - {Status.ACTIVE.value} | {Mode.OFF.value}
    assert still <= REASONS.keys()


@pytest.mark.parametrize("code", ["ehr_refused_room_taken", "store_unavailable", "secrets_disabled"])
def test_what_carries_a_code_of_somebody_elses_is_told_by_how_it_begins(code: str) -> None:
    assert reason_of(code) is not UNFORESEEN


def test_what_nobody_foresaw_is_the_operators() -> None:
    assert reason_of("something_new") is UNFORESEEN
    assert UNFORESEEN.remedy is Remedy.OPERATOR
