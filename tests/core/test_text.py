"""Texts are compared in one form, and nothing of a text is ever shown."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.model import Appointment, Client, Event, Kind, Side, Status, What
from shared.core.policy import PersonalText
from shared.core.text import BUSY, canonical, comparable, personal_what
from shared.ports import EventWrite

ROW = Appointment("a1", "1", Status.LIVE, Kind.PERSONAL, None, frozenset({"p"}), title="Supervision")


# --- canonical form -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_back", "expected"),
    [
        ("plain", "plain"),
        ("  spaces around\t\n", "spaces around"),
        ("two\r\nlines", "two\nlines"),
        ("two\rlines", "two\nlines"),
        ("kept\n\n  inside", "kept\n\n  inside"),
        ("e\u0301", "\u00e9"),
        ("", ""),
        (" \r\n ", ""),
    ],
)
def test_the_canonical_form(given_back: str, expected: str) -> None:
    assert canonical(given_back) == expected


@given(st.text())
def test_the_canonical_form_is_stable(text: str) -> None:
    once = canonical(text)
    assert canonical(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert "\r" not in once


# --- personal appointments ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "text", "expected"),
    [
        (Side.EHR, PersonalText.BUSY, BUSY),
        (Side.EHR, PersonalText.TITLE, "Supervision"),
        (Side.CALENDAR, PersonalText.BUSY, "Supervision"),
        (Side.CALENDAR, PersonalText.TITLE, "Supervision"),
    ],
)
def test_a_title_is_hidden_only_of_what_was_made_in_the_ehr(
    origin: Side, text: PersonalText, expected: str
) -> None:
    assert personal_what(ROW, origin, text).summary == expected


def test_a_free_personal_appointment_is_free_in_the_calendar() -> None:
    assert not personal_what(replace(ROW, busy=False), Side.EHR, PersonalText.BUSY).busy


# --- what counts ----------------------------------------------------------------------------------------

PLAIN = What("Text")
NEVER_BY_KIND = {
    Kind.CLIENT: [],
    Kind.PERSONAL: ["description", "location", "private", "recurring"],
    Kind.BLOCK: ["description", "location", "busy", "private", "recurring"],
}


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("summary", "Other"),
        ("description", "Other"),
        ("location", "Other"),
        ("busy", False),
        ("private", False),
        ("recurring", True),
    ],
)
def test_what_counts_of_a_kind(kind: Kind, name: str, value: object) -> None:
    changed = replace(PLAIN, **{name: value})  # type: ignore[arg-type]
    counts = comparable(changed, kind) != comparable(PLAIN, kind)
    assert counts is (name not in NEVER_BY_KIND[kind])


@pytest.mark.parametrize("kind", Kind)
def test_the_form_of_a_text_does_not_count(kind: Kind) -> None:
    assert comparable(What(" Te\u0301 \r\n"), kind) == comparable(What("T\u00e9"), kind)


# --- nothing is shown -----------------------------------------------------------------------------------

CANARY = "canary"


@pytest.mark.parametrize(
    "value",
    [
        What(CANARY, description=CANARY, location=CANARY),
        Client(full_name=CANARY, internal_id=CANARY, given=CANARY, family=CANARY),
        replace(
            ROW,
            title=CANARY,
            location=CANARY,
            service=CANARY,
            telehealth=CANARY,
            patient_ids=(CANARY,),
            raw={CANARY: CANARY},
        ),
        Event("e1", "1", cancelled=False, when=None, what=What(CANARY)),
        EventWrite(what=What(CANARY)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_nothing_of_a_text_is_shown(value: object) -> None:
    for shown in (repr(value), str(value), f"{value}", f"{value!r:>90}", repr([value]), repr({1: value})):
        assert CANARY not in shown
