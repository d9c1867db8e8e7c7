"""A calendar as text, read by a library that knows the format and by its rules."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.ics import LINE_OCTETS_MAX, Entry, calendar_text, escaped, folded
from shared.core.model import What, When, all_day, timed

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
AT_NINE = timed(NOW, NOW + HOUR)

texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], include_characters="\n"), max_size=200
)


def entry(when: When = AT_NINE, what: What | None = None, uid: str = "u@calsync") -> Entry:
    return Entry(uid, NOW, when, what or What("ID-7"))


def read(*entries: Entry) -> Any:
    return icalendar.Calendar.from_ical(calendar_text("Appointments", entries))


def only(*entries: Entry) -> Any:
    [event] = read(*entries).walk("VEVENT")
    assert event.errors == []
    return event


def test_an_appointment_whole() -> None:
    event = only(entry(what=What("ID-7", "Telehealth: https://video.example/1", "Room 2; left, up")))
    assert (event["UID"], event["SUMMARY"], event["LOCATION"]) == ("u@calsync", "ID-7", "Room 2; left, up")
    assert event["DESCRIPTION"] == "Telehealth: https://video.example/1"
    assert (event.start, event.end) == (NOW, NOW + HOUR)
    assert (event["TRANSP"], event["CLASS"]) == ("OPAQUE", "PRIVATE")
    assert event.decoded("DTSTAMP") == event.decoded("LAST-MODIFIED") == NOW


def test_whole_days_are_dates_with_an_exclusive_end() -> None:
    event = only(entry(all_day(date(2026, 3, 9), date(2026, 3, 11))))
    assert (event.start, event.end) == (date(2026, 3, 9), date(2026, 3, 11))


def test_what_takes_no_time_is_transparent() -> None:
    assert only(entry(what=What("Cancelled", busy=False)))["TRANSP"] == "TRANSPARENT"


def test_what_changed_later_has_a_higher_sequence_and_it_fits_an_integer() -> None:
    before = only(Entry("u", NOW, AT_NINE, What("x")))["SEQUENCE"]
    after = only(Entry("u", NOW + timedelta(seconds=1), AT_NINE, What("x")))["SEQUENCE"]
    last = only(Entry("u", datetime(2080, 1, 1, tzinfo=UTC), AT_NINE, What("x")))["SEQUENCE"]
    assert 0 < before < after < last < 2**31
    assert only(Entry("u", datetime(1999, 1, 1, tzinfo=UTC), AT_NINE, What("x")))["SEQUENCE"] == 0


def test_the_same_appointments_are_the_same_text_in_whatever_order() -> None:
    three = [entry(timed(NOW + n * HOUR, NOW + (n + 1) * HOUR), uid=f"u{n}") for n in range(3)]
    three.append(entry(all_day(date(2026, 3, 2), date(2026, 3, 3)), uid="u9"))
    assert calendar_text("a", three) == calendar_text("a", reversed(three))


def test_a_calendar_says_what_it_is_and_is_never_empty() -> None:
    calendar = read()
    assert (calendar["VERSION"], calendar["METHOD"]) == ("2.0", "PUBLISH")
    assert calendar["PRODID"]
    assert calendar["X-WR-CALNAME"] == "Appointments"
    assert len(calendar.subcomponents) == 1
    assert [each.name for each in read(entry()).subcomponents] == ["VEVENT"]


@given(summary=texts, location=texts)
def test_any_text_comes_back(summary: str, location: str) -> None:
    event = only(entry(what=What(summary, location=location)))
    assert event["SUMMARY"] == summary
    assert event.get("LOCATION", "") == location


@given(text=texts)
def test_every_line_ends_as_it_has_to_and_is_short(text: str) -> None:
    content = calendar_text(text, [entry(what=What(text))]).encode()
    lines = content.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= LINE_OCTETS_MAX for line in lines)
    assert not any(b"\n" in line or b"\r" in line for line in lines)
    assert all(line.decode() for line in lines)  # no character is cut in two


def test_a_line_is_folded_where_it_is_full_and_not_before() -> None:
    assert folded("x" * LINE_OCTETS_MAX) == "x" * LINE_OCTETS_MAX
    assert folded("x" * (LINE_OCTETS_MAX + 1)) == "x" * LINE_OCTETS_MAX + "\r\n x"
    assert folded("é" * 38) == "é" * 37 + "\r\n é"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\\b", "a\\\\b"),
        ("a;b,c:d", "a\\;b\\,c:d"),
        ("a\r\nb\rc\nd", "a\\nb\\nc\\nd"),
        ("a\x00\x07\x1b\x7fb\tc", "ab\tc"),
        ("\nEND:VEVENT\nBEGIN:VEVENT", "\\nEND:VEVENT\\nBEGIN:VEVENT"),
    ],
)
def test_what_has_a_meaning_of_its_own_is_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_no_text_makes_a_line_of_its_own() -> None:
    hostile = What("x\r\nATTENDEE:mailto:a@example.com", "y\nBEGIN:VALARM", "z\rEND:VCALENDAR")
    content = calendar_text("n\r\nMETHOD:REQUEST", [entry(what=hostile)])
    names = {re.split("[:;]", line)[0] for line in content.split("\r\n") if line and line[0] != " "}
    assert not names & {"ATTENDEE"}
    assert content.count("\r\nBEGIN:") == 1
    assert content.count("METHOD:PUBLISH") == 1
