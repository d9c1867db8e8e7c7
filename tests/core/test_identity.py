"""Names are derived, distinct, fit for where they go, and prove what is ours."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import combinations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.core.identity import GENERATIONS_MAX, Keys, identifier, parse_identifier, parse_marker
from shared.core.model import Event, Kind, Marker, What

KEYS = Keys(b"a synthetic identity key")
EVENT_ID_RULE = re.compile(r"[a-v0-9]{5,1024}")
"""developers.google.com/workspace/calendar/api/v3/reference/events/insert, `id`."""
DOCUMENT_ID_RULE = re.compile(r"[a-z2-7.]{1,100}")
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def an_event(event_id: str, marker: Marker | None) -> Event:
    return Event(event_id, "1", cancelled=False, when=None, what=What(""), marker=marker)


# --- keys -----------------------------------------------------------------------------------------------


def test_every_part_of_a_name_counts() -> None:
    names = {
        KEYS.connection("practice", "practitioner"),
        KEYS.connection("other", "practitioner"),
        KEYS.connection("practice", "other"),
        KEYS.k_of_appointment("practice", "connection", "appointment"),
        KEYS.k_of_appointment("other", "connection", "appointment"),
        KEYS.k_of_appointment("practice", "other", "appointment"),
        KEYS.k_of_appointment("practice", "connection", "other"),
        KEYS.calendar("connection", "sub"),
        KEYS.calendar("other", "sub"),
        KEYS.calendar("connection", "other"),
        KEYS.calendar("connection", "sub", "external"),
        KEYS.calendar_mark("practice", "practitioner", "sub"),
        KEYS.calendar_mark("practice", "practitioner", "other"),
        KEYS.k_of_event("calendar", "event"),
        KEYS.k_of_event("other", "event"),
        KEYS.k_of_event("calendar", "other"),
        KEYS.k_of_occurrence("calendar", "event", START),
        KEYS.k_of_occurrence("calendar", "event", START + timedelta(days=7)),
        KEYS.patient("practice", "patient"),
        KEYS.patient("other", "patient"),
        KEYS.patient("practice", "other"),
    }
    assert len(names) == 21


def test_the_same_parts_name_different_things_by_what_they_are() -> None:
    parts = ("one", "two", "three")
    names = {
        KEYS.k_of_appointment(*parts),
        KEYS.calendar(*parts),
        KEYS.calendar_mark(*parts),
        KEYS.connection(*parts[:2]),
        KEYS.k_of_event(*parts[:2]),
        KEYS.calendar(*parts[:2]),
        KEYS.patient(*parts[:2]),
    }
    assert len(names) == 7


def test_another_identity_key_names_everything_anew() -> None:
    other = Keys(b"another key")
    assert other.connection("p", "q") != KEYS.connection("p", "q")
    assert other.event_id("c", "k", 0) != KEYS.event_id("c", "k", 0)
    assert other.what(What("text"), Kind.CLIENT) != KEYS.what(What("text"), Kind.CLIENT)


def test_a_name_is_the_same_in_every_job() -> None:
    again = Keys(KEYS.identity_key)
    assert again.k_of_appointment("p", "c", "a") == KEYS.k_of_appointment("p", "c", "a")
    assert again.event_id("c", "k", 3) == KEYS.event_id("c", "k", 3)


def test_parts_are_not_told_apart_by_where_one_ends_in_a_joined_text() -> None:
    splits = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("abc", "", "d"), ("", "abc", "d")]
    assert len({KEYS.k_of_appointment(*parts) for parts in splits}) == len(splits)


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_different_parts_never_share_a_name(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    assume(one != other)
    assert KEYS.k_of_appointment(*one) != KEYS.k_of_appointment(*other)


@given(st.text(), st.text())
def test_names_are_short_plain_document_ids(one: str, other: str) -> None:
    for name in (
        KEYS.connection(one, other),
        KEYS.k_of_event(one, other),
        KEYS.k_of_occurrence(one, other, START),
    ):
        assert DOCUMENT_ID_RULE.fullmatch(name)


def test_an_occurrence_begins_with_the_name_of_its_series() -> None:
    first, dot, second = KEYS.k_of_occurrence("calendar", "master", START).partition(".")
    assert (first, dot) == (KEYS.k_of_event("calendar", "master"), ".")
    assert "." not in second


def test_an_occurrence_is_named_by_its_instant_whatever_the_zone() -> None:
    elsewhere = START.astimezone(timezone(timedelta(hours=-5)))
    assert KEYS.k_of_occurrence("c", "m", elsewhere) == KEYS.k_of_occurrence("c", "m", START)


def test_the_identity_key_is_never_shown() -> None:
    for shown in (repr(KEYS), str(KEYS), f"{KEYS}", repr([KEYS])):
        assert "synthetic" not in shown
        assert KEYS.identity_key.hex() not in shown


# --- event ids ------------------------------------------------------------------------------------------


@given(st.text(), st.text(), st.integers(0, GENERATIONS_MAX))
def test_event_ids_are_what_the_calendar_takes(calendar_key: str, k: str, generation: int) -> None:
    assert EVENT_ID_RULE.fullmatch(KEYS.event_id(calendar_key, k, generation))


def test_every_generation_has_an_id_of_its_own() -> None:
    ids = {KEYS.event_id("calendar", "k", generation) for generation in range(GENERATIONS_MAX + 1)}
    assert len(ids) == GENERATIONS_MAX + 1
    assert KEYS.event_id("other", "k", 0) not in ids
    assert KEYS.event_id("calendar", "other", 0) not in ids


def test_an_event_id_does_not_show_its_k() -> None:
    k = KEYS.k_of_appointment("practice", "connection", "appointment")
    assert k not in KEYS.event_id("calendar", k, 0)


# --- ours -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generation", "marked", "ours"),
    [(0, 0, True), (1, 0, True), (2, 0, False), (0, 1, True), (0, 7, True), (8, 7, True), (9, 7, False)],
)
def test_an_event_is_ours_up_to_one_generation_above_its_marker(
    generation: int, marked: int, *, ours: bool
) -> None:
    event = an_event(KEYS.event_id("calendar", "k", generation), Marker("calendar", "k", marked))
    assert KEYS.is_ours("calendar", event) is ours


def test_an_event_without_a_marker_is_not_proved_ours() -> None:
    assert not KEYS.is_ours("calendar", an_event(KEYS.event_id("calendar", "k", 0), None))


def test_our_marker_on_another_id_is_not_ours() -> None:
    assert not KEYS.is_ours("calendar", an_event("somebodyelses", Marker("calendar", "k", 5)))


def test_the_marker_of_another_calendar_is_not_ours_even_where_the_id_is_right_for_it() -> None:
    event = an_event(KEYS.event_id("other", "k", 0), Marker("other", "k", 0))
    assert KEYS.is_ours("other", event)
    assert not KEYS.is_ours("calendar", event)


def test_an_absurd_generation_is_not_ours() -> None:
    at_the_end = an_event(KEYS.event_id("calendar", "k", 0), Marker("calendar", "k", GENERATIONS_MAX))
    beyond = replace(at_the_end, marker=Marker("calendar", "k", GENERATIONS_MAX + 1))
    assert KEYS.is_ours("calendar", at_the_end)
    assert not KEYS.is_ours("calendar", beyond)


# --- markers and identifiers ----------------------------------------------------------------------------


def test_an_identifier_names_calendar_and_k() -> None:
    assert parse_identifier(identifier("calendar", "k")) == ("calendar", "k")


def test_the_identifier_of_an_occurrence_keeps_both_halves() -> None:
    k = KEYS.k_of_occurrence("calendar", "master", START)
    assert parse_identifier(identifier("calendar", k)) == ("calendar", k)


@pytest.mark.parametrize("junk", ["", ".", "calendar", "calendar.", ".k", " "])
def test_junk_is_no_identifier(junk: str) -> None:
    assert parse_identifier(junk) is None


def test_a_marker_is_read_back_as_it_was_written() -> None:
    assert parse_marker(identifier("calendar", "k"), "12") == Marker("calendar", "k", 12)


@pytest.mark.parametrize(
    ("k", "g"),
    [
        (None, None),
        ("calendar.k", None),
        (None, "0"),
        ("calendar", "0"),
        ("calendar.", "0"),
        (".k", "0"),
        ("calendar.k", ""),
        ("calendar.k", "-1"),
        ("calendar.k", "+1"),
        ("calendar.k", "1.0"),
        ("calendar.k", " 1"),
        ("calendar.k", "1e2"),
        ("calendar.k", "two"),
        ("calendar.k", "²"),
        ("calendar.k", "٣"),
        ("calendar.k", "1000"),
        ("calendar.k", "9" * 5_000),
    ],
)
def test_junk_is_no_marker(k: str | None, g: str | None) -> None:
    assert parse_marker(k, g) is None


@given(st.none() | st.text(), st.none() | st.text())
def test_whatever_stands_in_the_properties_is_a_marker_or_none(k: str | None, g: str | None) -> None:
    marker = parse_marker(k, g)
    assert marker is None or marker.generation >= 0


# --- what -----------------------------------------------------------------------------------------------


def test_texts_that_differ_only_in_form_have_one_hash() -> None:
    written, given_back = What("Caf\u00e9\nnoon"), What("  Cafe\u0301\r\nnoon ")
    assert KEYS.what(written, Kind.CLIENT) == KEYS.what(given_back, Kind.CLIENT)


def test_every_part_that_counts_changes_the_hash() -> None:
    plain = What("text")
    changed = [
        plain,
        replace(plain, summary="other"),
        replace(plain, description="other"),
        replace(plain, location="other"),
        replace(plain, busy=False),
        replace(plain, private=False),
        replace(plain, recurring=True),
    ]
    hashes = [KEYS.what(what, Kind.CLIENT) for what in changed]
    assert all(one != other for one, other in combinations(hashes, 2))


def test_one_part_cannot_pass_for_another() -> None:
    hashes = {
        KEYS.what(what, Kind.CLIENT)
        for what in (What("x"), What("", description="x"), What("", location="x"), What("", "x=", "x"))
    }
    assert len(hashes) == 4


def test_a_hash_does_not_contain_its_text() -> None:
    assert "canary" not in KEYS.what(What("canary"), Kind.CLIENT)
