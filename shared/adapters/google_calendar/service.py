"""`ports.CalendarService` in terms of single calls of the Calendar API."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from shared.adapters.google_calendar.calls import Calls
from shared.adapters.google_calendar.events import (
    FIELDS,
    UNMARKED,
    event_from_json,
    event_to_json,
    new_event_to_json,
)
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError
from shared.core.model import Event
from shared.ports import (
    CalendarEntry,
    Channel,
    EventPage,
    EventWrite,
    GoneError,
    NewChannel,
    RefusedError,
)

LIST_PAGES_MAX = 100
"""Pages of a calendar list: 25,000 calendars, far above any account."""
_LIST_PAGE = 250
INSTANCE_PAGES_MAX = 20
"""Of one series: 50,000 occurrences, one every twenty minutes for two years."""
_EVENTS_PAGE = 2500
_ENTRY_FIELDS = "id,summary,summaryOverride,description,accessRole,primary,timeZone,deleted"
_CALENDAR_FIELDS = "id,summary,description,timeZone"
_CHANNEL_FIELDS = "id,resourceId,expiration"
_PAGE_FIELDS = f"nextPageToken,nextSyncToken,timeZone,items({FIELDS})"


class GoogleCalendarService:
    """The calendars of the account that `calls` speaks for. Belongs to one thread, as its calls do.

    Every write says `sendUpdates=none` and names no guest.
    """

    def __init__(self, calls: Calls, *, zone: ZoneInfo) -> None:
        """`zone`: the practitioner's, for times that neither their event nor its calendar gives one."""
        self._calls = calls
        self._zone = zone

    # --- calendars --------------------------------------------------------------------------------------

    def entries(self) -> Iterator[CalendarEntry]:
        """Hidden ones too. Raises BlockedError past LIST_PAGES_MAX pages."""
        page: str | None = None
        for _ in range(LIST_PAGES_MAX):
            token = {} if page is None else {"pageToken": page}
            fields = f"nextPageToken,items({_ENTRY_FIELDS})"
            answer = self._calls(
                "calendarList.list", maxResults=_LIST_PAGE, showHidden=True, fields=fields, **token
            )
            yield from (_entry(raw) for raw in answer.get("items", ()) if not raw.get("deleted"))
            page = answer.get("nextPageToken")
            if page is None:
                return
        raise BlockedError("google_calendar_list_endless")

    def add_calendar(self, name: str, description: str, zone: str) -> CalendarEntry:
        """Sent once, never again by itself. Raises RejectedError, for one for a zone Google does not know."""
        body = {"summary": name, "description": description, "timeZone": zone}
        answer = self._calls("calendars.insert", body=body, fields=_CALENDAR_FIELDS)
        return _entry({**answer, "accessRole": "owner"})

    def remove_calendar(self, calendar_id: str) -> None:
        with contextlib.suppress(GoneError):
            self._calls("calendars.delete", calendarId=calendar_id)

    def calendar(self, calendar_id: str) -> CalendarEntry:
        """As the account's list has it, which says the role and needs no right to the calendar itself."""
        raw = self._calls("calendarList.get", calendarId=calendar_id, fields=_ENTRY_FIELDS)
        if raw.get("deleted"):
            raise GoneError("google_calendar_gone")
        return _entry(raw)

    # --- events -----------------------------------------------------------------------------------------

    def events(self, calendar_id: str, *, cursor: str | None, page: str | None) -> EventPage:
        """A page token is taken with the cursor it came with."""
        tokens = {"syncToken": cursor, "pageToken": page}
        answer = self._calls(
            "events.list",
            calendarId=calendar_id,
            maxResults=_EVENTS_PAGE,
            showDeleted=True,
            singleEvents=False,
            fields=_PAGE_FIELDS,
            **{name: token for name, token in tokens.items() if token is not None},
        )
        return self._page(answer)

    def occurrences(self, calendar_id: str, start: datetime, end: datetime, *, page: str | None) -> EventPage:
        token = {} if page is None else {"pageToken": page}
        answer = self._calls(
            "events.list",
            calendarId=calendar_id,
            maxResults=_EVENTS_PAGE,
            singleEvents=True,
            timeMin=_rfc3339(start),
            timeMax=_rfc3339(end),
            fields=_PAGE_FIELDS,
            **token,
        )
        return self._page(answer)

    def instances(self, calendar_id: str, master_id: str, start: datetime, end: datetime) -> list[Event]:
        """Raises BlockedError past INSTANCE_PAGES_MAX pages."""
        found: list[Event] = []
        page: str | None = None
        for _ in range(INSTANCE_PAGES_MAX):
            token = {} if page is None else {"pageToken": page}
            answer = self._calls(
                "events.instances",
                calendarId=calendar_id,
                eventId=master_id,
                maxResults=_EVENTS_PAGE,
                timeMin=_rfc3339(start),
                timeMax=_rfc3339(end),
                fields=_PAGE_FIELDS,
                **token,
            )
            read = self._page(answer)
            found += read.events
            page = read.next_page
            if page is None:
                return found
        raise BlockedError("google_series_endless")

    def event(self, calendar_id: str, event_id: str) -> Event | None:
        """404 says the same of a missing event and a missing calendar: the calendar is asked then."""
        try:
            raw = self._calls("events.get", calendarId=calendar_id, eventId=event_id, fields=FIELDS)
        except GoneError:
            self._calls("events.list", calendarId=calendar_id, maxResults=1, fields="kind")
            return None
        return self._event(raw)

    def create(self, calendar_id: str, event_id: str, write: EventWrite) -> Event:
        assert write.when is not None, "an event has a time"
        raw = self._calls(
            "events.insert",
            calendarId=calendar_id,
            body=new_event_to_json(event_id, write),
            sendUpdates="none",
            fields=FIELDS,
        )
        return self._event(raw)

    def update(self, calendar_id: str, event: Event, write: EventWrite) -> Event:
        return self._patch(calendar_id, event, event_to_json(write))

    def restore(self, calendar_id: str, event: Event, write: EventWrite) -> Event:
        """Google refuses this at its liking; what it answers is not worth telling apart, see RefusedError."""
        body = {"status": "confirmed", **event_to_json(write)}
        try:
            restored = self._patch(calendar_id, event, body)
        except (RejectedError, GoneError):
            raise RefusedError("google_not_restored") from None
        except StaleError as error:
            if error.reason == "google_conflict":
                raise RefusedError("google_not_restored") from None
            raise
        if restored.cancelled:
            raise RefusedError("google_not_restored")
        return restored

    def delete(self, calendar_id: str, event: Event) -> None:
        try:
            self._calls(
                "events.delete",
                if_match=_version(event),
                calendarId=calendar_id,
                eventId=event.id,
                sendUpdates="none",
            )
        except GoneError:
            return

    def unmark(self, calendar_id: str, event: Event) -> Event:
        return self._patch(calendar_id, event, UNMARKED)

    # --- channels ---------------------------------------------------------------------------------------

    def watch(self, calendar_id: str, channel: NewChannel) -> Channel:
        """Sent once, never again by itself."""
        body = {
            "id": channel.id,
            "type": "web_hook",
            "address": channel.address,
            "token": channel.token,
            "params": {"ttl": str(channel.ttl_seconds)},
        }
        return _channel(
            self._calls("events.watch", calendarId=calendar_id, body=body, fields=_CHANNEL_FIELDS)
        )

    def stop(self, channel: Channel) -> None:
        with contextlib.suppress(GoneError):
            self._calls("channels.stop", body={"id": channel.id, "resourceId": channel.resource_id})

    # ----------------------------------------------------------------------------------------------------

    def _patch(self, calendar_id: str, event: Event, body: dict[str, Any]) -> Event:
        raw = self._calls(
            "events.patch",
            if_match=_version(event),
            calendarId=calendar_id,
            eventId=event.id,
            body=body,
            sendUpdates="none",
            fields=FIELDS,
        )
        return self._event(raw)

    def _page(self, answer: dict[str, Any]) -> EventPage:
        zone = answer.get("timeZone")
        events = tuple(self._event(raw, zone) for raw in answer.get("items", ()))
        return EventPage(events, answer.get("nextPageToken"), answer.get("nextSyncToken"))

    def _event(self, raw: dict[str, Any], calendar_zone: str | None = None) -> Event:
        if not isinstance(raw.get("id"), str):
            raise RetryableError("google_answer_unreadable")
        return event_from_json(raw, calendar_zone, self._zone)


def _version(event: Event) -> str:
    assert event.version, "a write is over the version that was read"
    return event.version


def _entry(raw: dict[str, Any]) -> CalendarEntry:
    if not isinstance(raw.get("id"), str):
        raise RetryableError("google_answer_unreadable")
    return CalendarEntry(
        id=raw["id"],
        name=raw.get("summaryOverride") or raw.get("summary") or "",
        description=raw.get("description", ""),
        owner=raw.get("accessRole") == "owner",
        primary=raw.get("primary") is True,
        zone=raw.get("timeZone", ""),
    )


def _channel(raw: dict[str, Any]) -> Channel:
    """Google's expiration is milliseconds since 1970, as text."""
    try:
        expires = datetime.fromtimestamp(int(raw["expiration"]) / 1000, UTC)
        if isinstance(raw["id"], str) and isinstance(raw["resourceId"], str):
            return Channel(raw["id"], raw["resourceId"], expires)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        pass
    raise RetryableError("google_answer_unreadable")


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
