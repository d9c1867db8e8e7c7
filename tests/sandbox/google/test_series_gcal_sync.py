"""gcal_sync, a client of others', expands series itself: what it shows is what the sandbox does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from gcal_sync.api import GoogleCalendarService, LocalListEventsRequest
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager

from tests.sandbox.google.conftest import Json, Sandbox
from tests.sandbox.google.recurring import days, timed
from tests.sandbox.google.test_gcal_sync import run

WINDOW = (datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))
SERIES: tuple[tuple[Json, list[str]], ...] = (
    (timed("2026-03-10T10:00:00"), ["RRULE:FREQ=WEEKLY;BYDAY=TU;UNTIL=20260512T080000Z"]),
    (timed("2026-03-25T02:30:00"), ["RRULE:FREQ=DAILY;COUNT=5"]),
    (timed("2026-02-25T23:00:00", 120, "America/New_York"), ["RRULE:FREQ=MONTHLY;BYDAY=-1WE"]),
    (days("2026-03-09", 2), ["RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=6", "EXDATE;VALUE=DATE:20260323"]),
)


def change(sandbox: Sandbox, account: Json, number: int, made: Json) -> None:
    """One instance is moved, one renamed, one deleted, and the last series split."""

    def does(action: str, event: str, **more: Any) -> None:
        sandbox.user(account, action, calendar="primary", event=event, **more)

    request = (
        sandbox.client(account).events().instances(calendarId="primary", eventId=made["id"], maxResults=6)
    )
    names = [row["id"] for row in request.execute()["items"]]
    does("move", names[1], **timed(f"2026-04-{10 + number}T18:00:00"))
    does("edit", names[2], body={"summary": f"renamed {number}"})
    does("delete", names[3])
    if number == len(SERIES) - 1:
        does("edit", names[4], body={"summary": "split"}, scope="following")


def here(row: Json) -> tuple[str, str]:
    start = row["start"]
    return start.get("date") or in_utc(datetime.fromisoformat(start["dateTime"])), row["summary"]


def in_utc(moment: date) -> str:
    return str(moment.astimezone(UTC) if isinstance(moment, datetime) else moment)


def test_what_it_expands_is_what_is_expanded_here(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])
    for number, (span, rules) in enumerate(SERIES):
        body = {**span, "recurrence": rules, "summary": f"series {number}"}
        change(sandbox, account, number, sandbox.user(account, "create", calendar="primary", body=body))

    async def expanded(service: GoogleCalendarService) -> list[tuple[str, str]]:
        manager = CalendarEventSyncManager(service, "primary", InMemoryCalendarStore())
        await manager.run()
        request = LocalListEventsRequest(start_time=WINDOW[0], end_time=WINDOW[1])
        found = await manager.store_service.async_list_events(request)
        return sorted((in_utc(each.start.value), each.summary) for each in found.events)

    low, high = (moment.isoformat() for moment in WINDOW)
    bounds = {"timeMin": low, "timeMax": high, "singleEvents": True}
    rows = sandbox.client(account).events().list(calendarId="primary", **bounds).execute()["items"]
    assert len(rows) == 21
    assert run(sandbox, account, expanded) == sorted(map(here, rows))
