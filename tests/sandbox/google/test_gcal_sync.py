"""gcal_sync, a client of others', syncs with the sandbox, whose address is its parameter `host`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import aiohttp
from gcal_sync.api import GoogleCalendarService, ListEventsRequest, LocalListEventsRequest
from gcal_sync.auth import AbstractAuth
from gcal_sync.model import DateOrDatetime, Event
from gcal_sync.store import InMemoryCalendarStore
from gcal_sync.sync import CalendarEventSyncManager, CalendarListSyncManager

from tests.sandbox.google.conftest import Json, Sandbox
from tests.sandbox.google.world import event

T = TypeVar("T")

DAY = datetime(2026, 3, 10, tzinfo=UTC)


def run(sandbox: Sandbox, account: Json, work: Callable[[GoogleCalendarService], Awaitable[T]]) -> T:
    """The work, with the library's service for the sandbox."""

    class Auth(AbstractAuth):
        async def async_get_access_token(self) -> str:
            return sandbox.bearer(account).removeprefix("Bearer ")

    async def main() -> T:
        async with aiohttp.ClientSession() as session:
            return await work(GoogleCalendarService(Auth(session, f"{sandbox.address}/calendar/v3")))

    return asyncio.run(main())


async def stored(manager: Any) -> list[str]:
    """What the local store knows of the month."""
    request = LocalListEventsRequest(start_time=DAY, end_time=DAY + timedelta(days=30))
    found = await manager.store_service.async_list_events(request)
    return [each.summary for each in found.events]


def test_calendars_are_listed_and_the_list_is_synced(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])

    async def work(service: GoogleCalendarService) -> None:
        listed = await service.async_list_calendars()
        assert [(each.id, each.access_role, each.primary) for each in listed.items] == [
            (account["calendar"], "owner", True)
        ]
        assert (await service.async_get_calendar("primary")).timezone == "Europe/Berlin"
        manager = CalendarListSyncManager(service, InMemoryCalendarStore())
        await manager.run()
        made = sandbox.user(account, "create_calendar", summary="Work")["id"]
        await manager.run()
        calendars = (await manager.store_service.async_list_calendars()).calendars
        assert {each.id: each.summary for each in calendars} == {
            account["calendar"]: account["calendar"],
            made: "Work",
        }

    run(sandbox, account, work)


def test_events_are_listed_in_pages_with_the_fields_the_library_names(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])
    for number in range(3):
        sandbox.user(account, "create", calendar="primary", body=event(summary=f"Tea {number}"))
    sandbox.control("POST", "settings", {"short_page_chance": 0.9, "empty_page_chance": 0.5})

    async def work(service: GoogleCalendarService) -> list[str | None]:
        request = ListEventsRequest(
            calendarId="primary", timeMin=DAY, timeMax=DAY + timedelta(days=1), q="tea"
        )
        pages = [page async for page in await service.async_list_events(request)]
        return [each.summary for page in pages for each in page.items]

    assert run(sandbox, account, work) == ["Tea 0", "Tea 1", "Tea 2"]


def test_a_calendar_is_synced_and_then_its_changes(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])
    first = sandbox.user(account, "create", calendar="primary", body=event(summary="Tea"))["id"]

    async def work(service: GoogleCalendarService) -> None:
        manager = CalendarEventSyncManager(service, account["calendar"], InMemoryCalendarStore())
        await manager.run()
        assert await stored(manager) == ["Tea"]
        sandbox.user(account, "create", calendar="primary", body=event(summary="Coffee"))
        sandbox.user(account, "edit", calendar="primary", event=first, body={"summary": "Green tea"})
        await manager.run()
        assert sorted(await stored(manager)) == ["Coffee", "Green tea"]
        sandbox.user(account, "delete", calendar="primary", event=first)
        await manager.run()
        assert await stored(manager) == ["Coffee"]
        sandbox.control("POST", "expire-sync-tokens", {"calendar": account["calendar"]})
        await manager.run()
        assert await stored(manager) == ["Coffee"]

    run(sandbox, account, work)
    listings = [e["query"] for e in sandbox.requests(account) if e["operation"] == "events.list"]
    assert ["syncToken" in query for query in listings] == [False, True, True, True, False]


def test_events_are_added_read_patched_and_deleted(sandbox: Sandbox) -> None:
    account = sandbox.account(scopes=["calendar"])

    async def work(service: GoogleCalendarService) -> None:
        manager = CalendarEventSyncManager(service, account["calendar"], InMemoryCalendarStore())
        start = DAY + timedelta(hours=9)
        body = Event(
            summary="Tea",
            start=DateOrDatetime(dateTime=start),
            end=DateOrDatetime(dateTime=start + timedelta(hours=1)),
        )
        await manager.store_service.async_add_event(body)
        await manager.run()
        (made,) = sandbox.control("GET", f"calendars/{account['calendar']}/events")
        read = await service.async_get_event("primary", made["id"])
        assert (read.summary, read.start.value) == ("Tea", start)
        await service.async_patch_event("primary", made["id"], {"summary": "Green tea"})
        await manager.run()
        assert await stored(manager) == ["Green tea"]
        await manager.store_service.async_delete_event(made["iCalUID"])
        await manager.run()
        assert await stored(manager) == []

    run(sandbox, account, work)
