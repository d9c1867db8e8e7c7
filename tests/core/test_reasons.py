"""Every reason that somebody may meet has its sentence."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.core.reasons import UNFORESEEN, Remedy, reason_of

SHARED = Path(__file__).resolve().parents[2] / "shared"
PEOPLE_CALL = {
    "choosing.py",
    "connect.py",
    "connections.py",
    "disconnect.py",
    "hook_secret.py",
    "jobs.py",
    "label_choice.py",
    "notification.py",
    "webhook.py",
}
"""Of the use cases: what only a request may meet is answered as a problem, and listed there."""


CODE = re.compile(r"[a-z]+(_[a-z]+)+|bug|contested")


def modules() -> Iterator[Path]:
    for folder in ("adapters/google_calendar", "adapters/fhir", "app"):
        yield from (path for path in (SHARED / folder).rglob("*.py") if path.name not in PEOPLE_CALL)


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
    codes = {code for path in modules() for code in raised(path)} - NEVER_KEPT
    assert len(codes) > 60
    assert {code for code in codes if reason_of(code) is UNFORESEEN} == set()


@pytest.mark.parametrize("code", ["ehr_refused_room_taken", "store_unavailable", "secrets_disabled"])
def test_what_carries_a_code_of_somebody_elses_is_told_by_how_it_begins(code: str) -> None:
    assert reason_of(code) is not UNFORESEEN


def test_what_nobody_foresaw_is_the_operators() -> None:
    assert reason_of("something_new") is UNFORESEEN
    assert UNFORESEEN.remedy is Remedy.OPERATOR
