"""Calendar files."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google.ics import CalendarFile, Problem, read_ics


def file(*lines: str, head: tuple[str, ...] = ()) -> str:
    return "\r\n".join(("BEGIN:VCALENDAR", "VERSION:2.0", *head, *lines, "END:VCALENDAR", ""))


def vevent(*lines: str) -> tuple[str, ...]:
    return ("BEGIN:VEVENT", *lines, "END:VEVENT")


def read(*lines: str, head: tuple[str, ...] = ()) -> CalendarFile:
    return read_ics(file(*lines, head=head), "a.ics", "Europe/Berlin")


def one(*lines: str, head: tuple[str, ...] = ()) -> Any:
    """The body of the one event with these properties."""
    found = read(*vevent(*lines), head=head)
    assert found.problems == []
    (body,) = found.events
    return body


def problem(*lines: str) -> tuple[int, str]:
    """Line and sentence of the one problem; a good event before and one after are read."""
    good = vevent("DTSTART:20260310T090000Z")
    found = read(*good, *vevent(*lines), *good)
    assert len(found.events) == 2
    (only,) = found.problems
    assert only.file == "a.ics"
    return only.line, only.sentence


def test_utc_local_and_floating_times() -> None:
    utc = one("DTSTART:20260310T090000Z", "DTEND:20260310T100000Z")
    assert utc["start"] == {"dateTime": "2026-03-10T09:00:00", "timeZone": "UTC"}
    local = one("DTSTART;TZID=America/New_York:20260310T090000", "DTEND:20260310T140000Z")
    assert local["start"] == {"dateTime": "2026-03-10T09:00:00", "timeZone": "America/New_York"}
    assert local["end"] == {"dateTime": "2026-03-10T14:00:00", "timeZone": "UTC"}
    assert one("DTSTART:20260310T090000")["start"]["timeZone"] == "Europe/Berlin"
    head = ("X-WR-TIMEZONE:Asia/Tokyo",)
    assert one("DTSTART:20260310T090000", head=head)["start"]["timeZone"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    "tzid",
    ["Europe/Berlin", '"Europe/Berlin"', "W. Europe Standard Time", "/example.org/20260101_1/Europe/Berlin"],
)
def test_zones_by_their_other_names(tzid: str) -> None:
    assert one(f"DTSTART;TZID={tzid}:20260310T090000")["start"]["timeZone"] == "Europe/Berlin"


def test_all_day_events() -> None:
    assert one("DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260312")["end"] == {"date": "2026-03-12"}
    assert one("DTSTART;VALUE=DATE:20260310")["end"] == {"date": "2026-03-11"}
    assert one("DTSTART;VALUE=DATE:20260310", "DURATION:P3D")["end"] == {"date": "2026-03-13"}
    same = one("DTSTART;VALUE=DATE:20260310", "DTEND;VALUE=DATE:20260310")
    assert same["end"] == {"date": "2026-03-11"}


def test_a_timed_event_without_an_end_has_no_length() -> None:
    body = one("DTSTART:20260310T090000Z")
    assert body["end"] == body["start"]


def test_a_duration_counts_days_by_the_calendar_and_hours_by_the_clock() -> None:
    start = "DTSTART;TZID=Europe/Berlin:20260328T120000"  # the clocks go forward in the night
    assert one(start, "DURATION:P1D")["end"]["dateTime"] == "2026-03-29T12:00:00"
    assert one(start, "DURATION:PT20H")["end"]["dateTime"] == "2026-03-29T09:00:00"


def test_text_status_class_and_free_busy() -> None:
    body = one(
        "DTSTART:20260310T090000Z",
        "SUMMARY:Tea\\, cake\\nand more",
        "DESCRIPTION:A long",
        "  line",
        "LOCATION:",
        "TRANSP:TRANSPARENT",
        "CLASS:CONFIDENTIAL",
        "STATUS:TENTATIVE",
    )
    assert (body["summary"], body["description"]) == ("Tea, cake\nand more", "A long line")
    assert "location" not in body
    assert (body["transparency"], body["visibility"], body["status"]) == (
        "transparent",
        "confidential",
        "tentative",
    )
    plain = one("DTSTART:20260310T090000Z", "TRANSP:OPAQUE", "STATUS:CONFIRMED")
    assert plain.keys() == {"start", "end"}
    assert one("DTSTART:20260310T090000Z", "CLASS:PUBLIC")["visibility"] == "public"
    assert one("DTSTART:20260310T090000Z", "CLASS:X-SECRET")["visibility"] == "private"


def test_series_and_cancelled_events_are_left_out_and_counted() -> None:
    start = "DTSTART:20260310T090000Z"
    found = read(
        *vevent(start, "RRULE:FREQ=DAILY"),
        *vevent(start, "RDATE:20260311T090000Z"),
        *vevent(start, "RECURRENCE-ID:20260311T090000Z"),
        *vevent(start, "STATUS:CANCELLED"),
        *vevent(start),
    )
    assert found.left_out == {"recurring": 2, "changed occurrence": 1, "cancelled": 1}
    assert (len(found.events), found.problems, found.lines) == (1, [], [19])


def test_what_else_a_calendar_holds_is_passed_over() -> None:
    alarm = ("BEGIN:VALARM", "TRIGGER:-PT10M", "ACTION:DISPLAY", "END:VALARM")
    zone = (
        "BEGIN:VTIMEZONE",
        "TZID:X",
        "BEGIN:STANDARD",
        "DTSTART:20251026T030000",
        "END:STANDARD",
        "END:VTIMEZONE",
    )
    todo = ("BEGIN:VTODO", "SUMMARY:x", "END:VTODO")
    found = read(*zone, *todo, *vevent("DTSTART:20260310T090000Z", "GEO:nowhere", *alarm))
    assert (len(found.events), found.problems) == (1, [])


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        (("SUMMARY:x",), 6, "no DTSTART"),
        (("SUMMARY:x", "DTSTART:2026"), 8, "DTSTART is no date or time"),
        (("DTSTART:20261410T090000Z",), 7, "DTSTART is no date or time"),
        (("DTSTART:20260310T090000Z", "DTEND:later"), 8, "DTEND is no date or time"),
        (("DTSTART:20260310T090000Z", "DTEND;VALUE=DATE:20260311"), 8, "must both be dates"),
        (("DTSTART:20260310T090000Z", "DTEND:20260310T080000Z"), 8, "ends before it begins"),
        (("DTSTART:20260310T090000Z", "DURATION:long"), 8, "DURATION is no duration"),
        (("DTSTART;TZID=Mars/Olympus:20260310T090000",), 7, "a time zone nobody knows: Mars/Olympus"),
        (("DTSTART;TZID=Europe:20260310T090000",), 6, "cannot be read"),
        (("DTSTART;VALUE=DATE:99991231",), 7, "where no calendar reaches"),
        (("DTSTART;TZID=Asia/Tokyo:00010101T000000",), 7, "where no calendar reaches"),
        (("DTSTART:20260310T090000Z", "what is this"), 8, "line 8 is no property"),
        (("DTSTART:20260310T090000Z", "X;Y:1"), 6, "cannot be read"),
        (("DTSTART:20260310T090000Z", "BEGIN:VALARM"), 6, "cannot be read"),
    ],
)
def test_a_bad_event_is_named_with_its_line_and_the_rest_is_read(
    lines: tuple[str, ...], line: int, says: str
) -> None:
    where, sentence = problem(*lines)
    assert where == line
    assert says in sentence


def test_an_event_that_does_not_end_is_named_and_the_rest_is_read() -> None:
    good = vevent("DTSTART:20260310T090000Z")
    found = read("BEGIN:VEVENT", "DTSTART:20260310T090000Z", *good)
    assert len(found.events) == 1
    assert found.problems == [Problem("a.ics", 3, "the event that begins here has no END:VEVENT")]
    cut = "\n".join(["BEGIN:VCALENDAR", *good, "BEGIN:VEVENT", "DTSTART:2026"])
    assert [p.line for p in read_ics(cut, "a.ics").problems] == [5]


@pytest.mark.parametrize("text", ["", "\n\n", "hello", "<html></html>", "BEGIN:VCARD\r\nEND:VCARD\r\n"])
def test_a_file_that_is_no_calendar_is_one_problem(text: str) -> None:
    found = read_ics(text, "notes.txt")
    (only,) = found.problems
    assert (only.file, only.line, found.events) == ("notes.txt", 1, [])


def test_line_ends_of_every_kind_and_a_byte_order_mark_do_no_harm() -> None:
    text = file(*vevent("DTSTART:20260310T090000Z", "SUMMARY:a\u2028b"))
    for end in ("\r\n", "\n", "\r"):
        (body,) = read_ics("\ufeff" + text.replace("\r\n", end), "a.ics").events
        assert body["summary"] == "a\u2028b"
