"""The page about the endpoints is held to the code."""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path

import pytest

import shared.adapters.jwt_verifier
import shared.app.connect
from shared.api.callback import UNAVAILABLE
from shared.api.models import (
    Answer,
    AppointmentsCalendarAnswer,
    ExternalCalendarAnswer,
    SettingsAnswer,
    SettingsBody,
    StateAnswer,
)
from shared.api.problems import PROBLEMS
from shared.api.roster import RosterEntryAnswer
from shared.api.table import OF_A_PRACTICE, OF_A_PRACTITIONER
from shared.api.telling import (
    AppointmentThenAnswer,
    AsideAnswer,
    EventThenAnswer,
    LineAnswer,
    SpanAnswer,
    SyncedAnswer,
)
from shared.app.eligible import Unfit
from shared.app.explain import Standing
from shared.app.notices import NoticeKind
from shared.app.state import Shown
from shared.core.activity import Because, Happened
from shared.core.availability import Availability
from shared.core.blocking import Rule
from shared.core.reasons import REASONS

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`]+)`")


def rows(heading: str) -> list[list[str]]:
    """The cells of the tables under a heading."""
    section = re.split(r"\n##+ ", PAGE.partition(f" {heading}\n")[2])[0]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if "|" in line
    ]
    return [cells for cells in found if not set(cells[0]) <= {"-"}]


def codes(heading: str, column: int = 0) -> set[str]:
    return {code for cells in rows(heading) for code in CODE.findall(cells[column])}


def test_every_endpoint_is_there_with_who_may_and_what_it_takes() -> None:
    said = {
        tuple(CODE.findall(cells[0])[0].partition(" ")[::2]): (cells[1] == "yes", set(CODE.findall(cells[2])))
        for cells in rows("Of a practitioner's sync")[1:]
    }
    assert {(method, rest): admin for (method, rest), (admin, _) in said.items()} == {
        (method, rest): endpoint.admin
        for rest, methods in OF_A_PRACTITIONER.items()
        for method, endpoint in methods.items()
    }
    for (method, rest), (_, fields) in said.items():
        body = OF_A_PRACTITIONER[rest][method].body
        if body not in (None, SettingsBody):
            assert set(body.model_fields if body else ()) <= fields


def test_every_endpoint_of_a_practice_is_there_with_what_it_takes() -> None:
    said = {
        tuple(CODE.findall(cells[0])[0].partition(" ")[::2]): set(CODE.findall(cells[1]))
        for cells in rows("Of a practice")[1:]
        if cells[0].startswith(("`GET", "`POST", "`DELETE", "`PUT", "`PATCH"))
    }
    assert set(said) == {(method, path) for path, methods in OF_A_PRACTICE.items() for method in methods}
    for (method, path), fields in said.items():
        body = OF_A_PRACTICE[path][method].body
        assert set(body.model_fields if body else ()) <= fields


def test_every_kind_of_notice_is_there() -> None:
    assert {kind.value for kind in NoticeKind} == codes("Notices") - {"kind"}


def test_every_problem_is_there_with_its_status() -> None:
    said = {(int(cells[0]), code) for cells in rows("Errors")[1:] for code in CODE.findall(cells[1])}
    assert said == {(status, code) for code, (status, _) in PROBLEMS.items()} | {(503, "stopping")}


def test_the_codes_of_a_token_are_those_of_who_checks_it() -> None:
    named = set(re.findall(r"jwt_\w+", shared.adapters.jwt_verifier.__doc__ or ""))
    assert {code for code in PROBLEMS if code.startswith("jwt_")} == named


def test_every_word_for_the_state_is_there() -> None:
    assert {word.value for word in Shown} < codes("The state")


def test_every_error_that_the_return_page_is_told_is_there() -> None:
    raised = set(re.findall(r"`(consent_\w+)`", shared.app.connect.receive.__doc__ or ""))
    assert len(raised) > 8
    assert codes("Where people come back to") == raised | {UNAVAILABLE, "error"}


@pytest.mark.parametrize(
    ("heading", "answer", "prefix"),
    [
        ("Of a practice", RosterEntryAnswer, ""),
        ("The state", StateAnswer, ""),
        ("The state", AppointmentsCalendarAnswer, "calendar."),
        ("The settings", SettingsAnswer, ""),
    ],
)
def test_every_field_is_there(heading: str, answer: type[Answer], prefix: str) -> None:
    assert {f"{prefix}{name}" for name in answer.model_fields} <= codes(heading)


def test_every_reason_against_a_calendar_is_there() -> None:
    assert codes("Why a calendar is not eligible") == {unfit.value for unfit in Unfit} | {"reason"}


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("The history", Happened),
        ("The history", Because),
        ("An instant explained", Standing),
        ("An instant explained", Rule),
        ("Free and busy time", Availability),
    ],
)
def test_every_word_of_what_is_told_is_there(heading: str, words: type[Enum]) -> None:
    assert {word.value for word in words} <= codes(heading)


@pytest.mark.parametrize(
    ("heading", "answer"),
    [
        ("The history", LineAnswer),
        ("What is set aside", AsideAnswer),
        ("An instant explained", AppointmentThenAnswer),
        ("An instant explained", EventThenAnswer),
        ("An instant explained", SyncedAnswer),
        ("Free and busy time", SpanAnswer),
        ("External calendars", ExternalCalendarAnswer),
    ],
)
def test_every_field_of_what_is_told_is_there(heading: str, answer: type[Answer]) -> None:
    section = re.split(r"\n##+ ", PAGE.partition(f" {heading}\n")[2])[0]
    assert set(answer.model_fields) <= set(CODE.findall(section))


def test_every_reason_is_there_with_who_can_mend_it_and_its_sentence() -> None:
    said = {CODE.findall(cells[0])[0]: cells[1:] for cells in rows("Reasons")[1:] if "`" in cells[0]}
    assert {code: cells for code, cells in said.items() if "…" not in code} == {
        code: [f"`{reason.remedy.value}`", reason.sentence] for code, reason in REASONS.items()
    }
