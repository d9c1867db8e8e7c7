"""gcsa, a client of others', does its work against the sandbox.

It builds its service for Google's address and has no parameter for another; the service is an attribute of
its own, `service`, which is set to one for the sandbox's address. Nothing else of it is touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from gcsa.acl import AccessControlRule, ACLRole, ACLScopeType  # type: ignore[import-untyped]
from gcsa.calendar import Calendar, CalendarListEntry  # type: ignore[import-untyped]
from gcsa.event import Event  # type: ignore[import-untyped]
from gcsa.free_busy import FreeBusyQueryError  # type: ignore[import-untyped]
from gcsa.google_calendar import GoogleCalendar  # type: ignore[import-untyped]
from gcsa.recurrence import DAILY, Recurrence  # type: ignore[import-untyped]

from tests.sandbox.google.conftest import Json, Sandbox

DAY = datetime(2026, 3, 10, tzinfo=UTC)
BERLIN = "Europe/Berlin"


@contextlib.contextmanager
def calendar_of(sandbox: Sandbox, account: Json) -> Iterator[Any]:
    calendar = GoogleCalendar(credentials=sandbox.credentials(account))
    calendar.service.close()
    calendar.service = sandbox.client(account)
    yield calendar


@pytest.fixture
def account(sandbox: Sandbox) -> Json:
    return sandbox.account(scopes=["calendar"])


@pytest.fixture
def calendar(sandbox: Sandbox, account: Json) -> Iterator[Any]:
    with calendar_of(sandbox, account) as made:
        yield made


def summaries(calendar: Any, **query: Any) -> list[str]:
    span = {"time_min": DAY, "time_max": DAY + timedelta(days=30)}
    return [event.summary for event in calendar.get_events(**{**span, **query})]


def test_events_are_added_read_changed_and_deleted(calendar: Any) -> None:
    start = DAY + timedelta(hours=9)
    made = calendar.add_event(
        Event(
            "Tea",
            start=start,
            end=start + timedelta(hours=1),
            timezone=BERLIN,
            description="Green",
            location="Room 1",
            color_id="5",
            minutes_before_popup_reminder=15,
        )
    )
    read = calendar.get_event(made.event_id)
    assert (read.summary, read.start, read.location, read.color_id) == ("Tea", start, "Room 1", "5")
    assert [reminder.minutes_before_start for reminder in read.reminders] == [15]
    read.summary, read.start = "Coffee", start + timedelta(minutes=30)
    assert calendar.update_event(read).summary == "Coffee"
    assert summaries(calendar) == ["Coffee"]
    assert summaries(calendar, query="tea") == []
    calendar.delete_event(made.event_id)
    assert summaries(calendar) == []


def test_whole_days_sentences_and_imports_are_events_too(calendar: Any) -> None:
    calendar.add_event(Event("Trip", start=date(2026, 3, 12), end=date(2026, 3, 14)))
    quick = calendar.add_quick_event("Lunch at Anna's on March 11 12pm-1pm")
    assert (quick.summary, quick.location) == ("Lunch", "Anna's")
    copy = Event("Talk", start=DAY, end=DAY + timedelta(hours=1), iCalUID="talk@example.com")
    assert calendar.import_event(copy).other["iCalUID"] == "talk@example.com"
    rows = calendar.get_events(DAY, DAY + timedelta(days=30), order_by="startTime", single_events=True)
    assert [(event.summary, event.start) for event in rows][-1] == ("Trip", date(2026, 3, 12))


def test_a_series_recurs_and_one_of_its_instances_goes_its_own_way(calendar: Any) -> None:
    start = DAY + timedelta(hours=9)
    made = calendar.add_event(
        Event(
            "Tea",
            start=start,
            end=start + timedelta(hours=1),
            timezone=BERLIN,
            recurrence=Recurrence.rule(freq=DAILY, count=4),
        )
    )
    assert made.recurrence == ["RRULE:FREQ=DAILY;COUNT=4;WKST=SU"]
    instances = list(calendar.get_instances(made, DAY, DAY + timedelta(days=30)))
    assert [each.start for each in instances] == [start + timedelta(days=day) for day in range(4)]
    instances[1].summary = "Coffee"
    calendar.update_event(instances[1])
    calendar.delete_event(instances[2])
    assert summaries(calendar, single_events=True, order_by="startTime") == ["Tea", "Coffee", "Tea"]
    busy = calendar.get_free_busy(time_min=DAY, time_max=DAY + timedelta(days=30), timezone="UTC")
    assert [period.start.day for period in busy] == [10, 11, 13]
    calendar.delete_event(made)
    assert summaries(calendar, single_events=True) == []


def test_calendars_are_made_renamed_listed_and_deleted(calendar: Any, account: Json) -> None:
    made = calendar.add_calendar(Calendar("Work", description="Plans", timezone=BERLIN))
    assert (calendar.get_calendar(made.calendar_id).summary, made.timezone) == ("Work", BERLIN)
    made.summary = "Job"
    assert calendar.update_calendar(made).summary == "Job"
    entries = {entry.calendar_id: entry for entry in calendar.get_calendar_list()}
    assert set(entries) == {account["calendar"], made.calendar_id}
    assert entries[account["calendar"]].primary
    event = calendar.add_event(Event("Tea", start=DAY, end=DAY + timedelta(hours=1)))
    calendar.move_event(event, made.calendar_id)
    assert summaries(calendar, calendar_id=made.calendar_id) == ["Tea"]
    calendar.clear_calendar()
    calendar.delete_calendar(made.calendar_id)
    assert [entry.calendar_id for entry in calendar.get_calendar_list()] == [account["calendar"]]


def test_a_calendar_of_anothers_is_put_on_the_list_coloured_and_left(
    sandbox: Sandbox, calendar: Any, account: Json
) -> None:
    owner = sandbox.account(scopes=["calendar"])
    with calendar_of(sandbox, owner) as theirs:
        rule = theirs.add_acl_rule(
            AccessControlRule(role=ACLRole.READER, scope_type=ACLScopeType.USER, scope_value=account["email"])
        )
        assert {each.acl_id for each in theirs.get_acl_rules()} == {rule.acl_id, f"user:{owner['email']}"}
        entry = calendar.add_calendar_list_entry(CalendarListEntry(owner["calendar"], color_id="7"))
        assert entry.access_role == "reader"
        entry.summary_override, entry.background_color = "Theirs", "#0088aa"
        entry.foreground_color = "#ffffff"
        changed = calendar.update_calendar_list_entry(entry)
        assert (changed.summary_override, changed.background_color) == ("Theirs", "#0088aa")
        calendar.delete_calendar_list_entry(entry)
        rule.role = ACLRole.FREE_BUSY_READER
        assert theirs.update_acl_rule(rule).role == "freeBusyReader"
        theirs.delete_acl_rule(rule)
        assert [each.acl_id for each in theirs.get_acl_rules()] == [f"user:{owner['email']}"]


def test_colours_and_settings_are_read(sandbox: Sandbox, calendar: Any, account: Json) -> None:
    assert calendar.list_event_colors()["11"]["background"] == "#dc2127"
    assert len(calendar.list_calendar_colors()) == 24
    sandbox.user(account, "change_setting", setting="weekStart", value="1")
    settings = calendar.get_settings()
    assert (settings.timezone, settings.week_start, settings.locale) == (BERLIN, "1", "en")


def test_busy_times_are_read_and_errors_in_them_raised(calendar: Any) -> None:
    calendar.add_event(Event("Tea", start=DAY + timedelta(hours=9), end=DAY + timedelta(hours=10)))
    span = {"time_min": DAY, "time_max": DAY + timedelta(days=1), "timezone": "UTC"}
    (busy,) = calendar.get_free_busy(**span)
    assert (busy.start.hour, busy.end.hour) == (9, 10)
    with pytest.raises(FreeBusyQueryError, match="notFound"):
        calendar.get_free_busy("nobody@example.com", **span)
