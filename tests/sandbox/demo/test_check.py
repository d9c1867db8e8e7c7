"""The judge of the demo: it says yes to what agrees, and no to every kind of difference that it knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.demo.check import Found, View, broken_rules, compare, ehr_writes, google_writes
from sandbox.demo.measure import Change
from sandbox.demo.report import Result, as_json
from sandbox.demo.rounds import Direction, p95_ms
from sandbox.demo.survey import Verdict
from sandbox.ehr import urls
from shared.core.policy import LabelMode

Json = dict[str, Any]

ZONE = ZoneInfo("America/New_York")
ME = "dr-1"
NINE, TEN, NOON = "2026-03-09T09:00:00-04:00", "2026-03-09T10:00:00-04:00", "2026-03-09T12:00:00-04:00"


def appointment(
    key: str,
    start: str = NINE,
    end: str = TEN,
    patients: tuple[str, ...] = ("p-1",),
    status: str = "booked",
    practitioner: str = ME,
    **more: Any,
) -> Json:
    references = [*(f"Patient/{each}" for each in patients), f"Practitioner/{practitioner}"]
    participants = [{"actor": {"reference": reference}} for reference in references]
    return {"id": key, "status": status, "start": start, "end": end, "participant": participants, **more}


def relative(key: str) -> Json:
    """Of a client's relative, without the client."""
    row = appointment(key, patients=())
    return {**row, "participant": [*row["participant"], {"actor": {"reference": "RelatedPerson/r-1"}}]}


def personal(key: str, title: str, identifier: str | None = None, **more: Any) -> Json:
    ours = [{"system": urls.CALSYNC_PERSONAL, "value": identifier}] if identifier else []
    return appointment(key, patients=(), description=title, identifier=ours, **more)


def event(
    key: str,
    start: str = NINE,
    end: str = TEN,
    summary: str = "C-1001",
    marker: str | None = None,
    **more: Any,
) -> Json:
    properties = {"private": {"k": marker}} if marker else {}
    times = {"start": {"dateTime": start}, "end": {"dateTime": end}}
    return {
        "id": key,
        "status": "confirmed",
        "summary": summary,
        "extendedProperties": properties,
        **times,
        **more,
    }


def all_day(key: str, start: str, end: str, summary: str) -> Json:
    return event(key, summary=summary) | {"start": {"date": start}, "end": {"date": end}}


NUMBER, NAME = LabelMode.INTERNAL_ID, LabelMode.FULL_NAME


def view(appointments: list[Json], events: list[Json], *, label: LabelMode = NUMBER) -> View:
    number = [{"system": urls.INTERNAL_ID, "value": "C-1001"}]
    patients: dict[str, Json] = {
        "p-1": {
            "identifier": number,
            "name": [
                {"use": "old", "family": "Before", "given": ["Testa"]},
                {"use": "nickname", "text": "Tess"},
                {"use": "official", "family": "Sample", "given": ["Testa", "Maria"]},
            ],
        },
        "p-2": {"name": [{"text": "Mononym"}]},
        "p-3": {"link": [{"type": "replaced-by", "other": {"reference": "Patient/p-2"}}]},
    }
    return View(
        practitioner=ME,
        zone=ZONE,
        label=label,
        starts=datetime(2026, 3, 1, 5, tzinfo=UTC),
        ends=datetime(2026, 9, 20, 4, tzinfo=UTC),
        appointments=appointments,
        patients=patients,
        events=events,
    )


# --- yes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("both", "label"),
    [
        pytest.param(([appointment("a")], [event("e")]), NUMBER, id="number"),
        pytest.param(
            ([appointment("a")], [event("e", summary="Testa Maria Sample")]), NAME, id="name of today"
        ),
        pytest.param(
            ([appointment("a")], [event("e", summary="Testa")]), LabelMode.FIRST_NAME, id="first name"
        ),
        pytest.param(([appointment("a")], [event("e", summary="TS")]), LabelMode.INITIALS, id="initials"),
        pytest.param(
            ([appointment("a", patients=("p-2",))], [event("e", summary="Client")]), NUMBER, id="nameless"
        ),
        pytest.param(
            ([appointment("a", patients=("p-2",))], [event("e", summary="Mononym")]), NAME, id="text"
        ),
        pytest.param(
            ([appointment("a", patients=("p-3",))], [event("e", summary="Mononym")]), NAME, id="merged"
        ),
        pytest.param(([relative("a")], [event("e", summary="Client")]), NUMBER, id="a relative comes alone"),
        pytest.param(
            ([appointment("a", patients=("p-1", "p-2"))], [event("e", summary="Group (2)")]), NAME, id="group"
        ),
        pytest.param(
            ([appointment("a", end=NINE)], [event("e", end="2026-03-09T09:01:00-04:00")]),
            NUMBER,
            id="a minute",
        ),
        pytest.param(
            ([personal("a", "Dentist")], [event("e", summary="Busy")]), NUMBER, id="made in the EHR"
        ),
        pytest.param(
            ([personal("a", "Choir", "c.k")], [event("e", summary="Choir ")]), NUMBER, id="made in Google"
        ),
        pytest.param(
            (
                [personal("a", "Away", "c.k", start="2026-03-08T00:00:00-05:00", end="2026-03-09T04:00:00Z")],
                [all_day("e", "2026-03-08", "2026-03-09", "Away")],
            ),
            NUMBER,
            id="a day of 23 hours",
        ),
        pytest.param(
            ([appointment("a", start="2026-03-09T13:00:00Z")], [event("e")]), NUMBER, id="other offset"
        ),
        pytest.param(([appointment("a", status="cancelled")], []), NUMBER, id="cancelled"),
        pytest.param(([appointment("a", practitioner="dr-2")], []), NUMBER, id="another's"),
        pytest.param(([{"id": "a", "status": "proposed"}], []), NUMBER, id="a request"),
        pytest.param(([], [event("e", status="cancelled")]), NUMBER, id="deleted"),
        pytest.param(
            ([], [event("e", start="2026-02-01T09:00:00Z", end="2026-02-01T10:00:00Z")]),
            NUMBER,
            id="long ago",
        ),
        pytest.param(
            ([appointment("a"), appointment("b", patients=("p-1",))], [event("e"), event("f")]),
            NUMBER,
            id="twice on both sides",
        ),
    ],
)
def test_what_agrees_is_found_to_agree(both: tuple[list[Json], list[Json]], label: LabelMode) -> None:
    found = compare(view(*both, label=label))
    assert (found.differences, found.duplicates) == ((), 0)


def test_both_sides_are_counted() -> None:
    found = compare(
        view(
            [
                appointment("a"),
                personal("b", "Dentist", start=TEN, end=NOON),
                appointment("c", status="noshow"),
            ],
            [event("e"), event("f", start=TEN, end=NOON, summary="Busy"), event("g", status="cancelled")],
        )
    )
    assert (found.appointments, found.events, found.personal) == (2, 2, 1)


# --- no -------------------------------------------------------------------------------------------------

TIMES = "2026-03-09 13:00 to 2026-03-09 14:00 UTC"


@pytest.mark.parametrize(
    ("appointments", "events", "differences"),
    [
        pytest.param([appointment("a")], [], [f"no event for appointment a, {TIMES}"], id="no event"),
        pytest.param(
            [appointment("a")],
            [event("e", status="cancelled")],
            [f"no event for appointment a, {TIMES}"],
            id="event deleted",
        ),
        pytest.param([], [event("e")], [f"no appointment for event e, {TIMES}"], id="no appointment"),
        pytest.param(
            [appointment("a", status="cancelled")],
            [event("e")],
            [f"no appointment for event e, {TIMES}"],
            id="appointment cancelled",
        ),
        pytest.param(
            [appointment("a")],
            [event("e", summary="Testa Maria Sample")],
            [f"event e has not the text of appointment a, {TIMES}"],
            id="a name where a number is promised",
        ),
        pytest.param(
            [personal("a", "Dentist")],
            [event("e", summary="Dentist")],
            [f"event e has not the text of appointment a, {TIMES}"],
            id="a private title",
        ),
        pytest.param(
            [appointment("a")],
            [event("e", end=NOON)],
            [
                f"no event for appointment a, {TIMES}",
                "no appointment for event e, 2026-03-09 13:00 to 2026-03-09 16:00 UTC",
            ],
            id="other times",
        ),
        pytest.param(
            [personal("a", "Away", "c.k", start="2026-03-10T04:00:00Z", end="2026-03-11T04:00:00Z")],
            [event("e", start="2026-03-10T04:00:00Z", end="2026-03-11T04:00:00Z", summary="Away")],
            [
                "no event for appointment a, 2026-03-10 04:00 to 2026-03-11 04:00 UTC, all-day",
                "no appointment for event e, 2026-03-10 04:00 to 2026-03-11 04:00 UTC",
            ],
            id="a day that is none there",
        ),
    ],
)
def test_a_difference_is_said_with_ids_and_times(
    appointments: list[Json], events: list[Json], differences: list[str]
) -> None:
    found = compare(view(appointments, events))
    assert (list(found.differences), found.duplicates) == (differences, 0)


@pytest.mark.parametrize(
    ("appointments", "events", "duplicates"),
    [
        pytest.param(
            [appointment("a")], [event("e"), event("f"), event("g")], ["event f", "event g"], id="seen"
        ),
        pytest.param(
            [appointment("a")],
            [event("e", marker="c.k"), event("f", marker="c.k")],
            ["event f"],
            id="seen and marked, once",
        ),
        pytest.param(
            [appointment("a"), appointment("b", start=TEN, end=NOON)],
            [event("e", marker="c.k"), event("f", marker="c.k", start=TEN, end=NOON)],
            ["event f"],
            id="marked as one",
        ),
        pytest.param(
            [personal("a", "Choir", "c.k"), personal("b", "Choir", "c.k")],
            [event("e", summary="Choir"), event("f", summary="Choir")],
            ["appointment b"],
            id="made for one event",
        ),
    ],
)
def test_a_duplicate_is_counted_and_said(
    appointments: list[Json], events: list[Json], duplicates: list[str]
) -> None:
    found = compare(view(appointments, events))
    assert found.duplicates == len(duplicates)
    assert list(found.differences) == [f"duplicate: {each}" for each in duplicates]


# --- what was asked of the servers ----------------------------------------------------------------------


def write(operation: str = "events.patch", **more: Any) -> Json:
    return {
        "operation": operation,
        "query": {"sendUpdates": "none"},
        "body": {"summary": "C-1001"},
        "path": "/calendar/v3/calendars/mine%40group.example/events/e",
        "sub": "1",
        **more,
    }


def test_quiet_writes_to_the_appointments_calendar_break_no_rule() -> None:
    requests = [
        write(),
        write("events.insert", path="/calendar/v3/calendars/mine%40group.example/events"),
        write("events.delete", body=None),
        write("calendars.insert", query={}, path="/calendar/v3/calendars"),
        write("events.list", query={}, path="/calendar/v3/calendars/other/events"),
        write("token", query={}, path="/token", sub=None),
    ]
    assert broken_rules(requests, {"1": "mine@group.example"}) == []


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        (write(query={}), "events.patch without sendUpdates=none: 1"),
        (write(query={"sendUpdates": "all"}), "events.patch without sendUpdates=none: 1"),
        (write(body={"attendees": []}), "events.patch with attendees: 1"),
        (write(path="/calendar/v3/calendars/other/events/e"), "events.patch on another calendar: 1"),
        (write(sub="2"), "events.patch on another calendar: 1"),
        (write("calendars.delete"), "calendars.delete was called: 1"),
        (write("calendarList.patch"), "calendarList.patch was called: 1"),
    ],
)
def test_a_broken_rule_is_said(request_: Json, rule: str) -> None:
    assert broken_rules([write(), request_], {"1": "mine@group.example"}) == [rule]


def test_writes_are_told_from_reads() -> None:
    google = [write(each) for each in ("events.list", "events.get", "events.patch", "token")]
    ehr = [
        {"operation": each} for each in ("Appointment.search", "Appointment.update", "Patient.read", "batch")
    ]
    assert [request["operation"] for request in google_writes(google)] == ["events.patch"]
    assert [request["operation"] for request in ehr_writes(ehr)] == ["Appointment.update"]


# --- the verdict ----------------------------------------------------------------------------------------

FINE = Found(appointments=1, events=1, personal=0, blocks=0, duplicates=0, differences=())
VERDICT = Verdict((FINE,), {"Google": 0, "the EHR": 0}, ())
ROUNDS = {
    Direction.EHR_TO_GOOGLE: [Change("book", "", 1000.0)],
    Direction.GOOGLE_TO_EHR: [Change("make", "", 500.0), Change("move", "", 700.0)],
}
LOST = Change("book", "", None)
STORY = [Change("ehr_cancel", "…", 12.34), Change("google_move_put_back", "…", 800.0)]
RESULT = Result(VERDICT, STORY, ROUNDS, loaded=0, set_aside=[0], store="embedded", seconds=1.0)


def test_all_in_order_is_agreement() -> None:
    assert as_json(RESULT)["agree"] is True
    assert as_json(RESULT)["counts"]["put_back"] == 1


def test_what_a_direction_took_is_told_of_every_change_that_went_over() -> None:
    told = as_json(RESULT)
    assert told["latencies_ms"] == {"ehr_cancel": 12.3, "google_move_put_back": 800.0}
    assert told["samples_ms"] == {"ehr_to_google": [12.3, 1000.0], "google_to_ehr": [500.0, 700.0]}
    assert told["latency_p95_ms"] == {"ehr_to_google": 1000.0, "google_to_ehr": 700.0}


@pytest.mark.parametrize(
    ("latencies", "p95"),
    [
        ([float(number) for number in range(1, 21)], 19.0),
        ([float(number) for number in range(1, 101)], 95.0),
        ([5.0], 5.0),
        ([5.0, None], None),
        ([], None),
    ],
)
def test_nineteen_of_twenty_took_no_longer(latencies: list[float | None], p95: float | None) -> None:
    assert p95_ms(latencies) == p95


@pytest.mark.parametrize(
    "spoil",
    [
        lambda result: with_verdict(result, found=(FINE, replace(FINE, differences=("no event for …",)))),
        lambda result: with_verdict(
            result, found=(replace(FINE, duplicates=1, differences=("duplicate: …",)),)
        ),
        lambda result: with_verdict(result, rewrites={"Google": 1, "the EHR": 0}),
        lambda result: with_verdict(result, rewrites={"Google": 0, "the EHR": 1}),
        lambda result: with_verdict(result, broken=("events.patch with attendees: 1",)),
        lambda result: with_verdict(result, troubles=("sync_task task bug KeyError",)),
        lambda result: replace(result, changes=[Change("ehr_cancel", "…", None)]),
        lambda result: replace(result, rounds={**ROUNDS, Direction.EHR_TO_GOOGLE: [LOST]}),
    ],
    ids=[
        "difference",
        "duplicate",
        "Google written again",
        "EHR written again",
        "rule",
        "error of a function",
        "change lost",
        "one of many lost",
    ],
)
def test_one_thing_out_of_order_is_no_agreement(spoil: Callable[[Result], Result]) -> None:
    assert as_json(spoil(RESULT))["agree"] is False


def with_verdict(result: Result, **changes: Any) -> Result:
    return replace(result, verdict=replace(result.verdict, **changes))
