"""A small world for the tests: a clock that stands, one account, one secondary calendar."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.google.calendar import Account, GoogleCalendar, Settings
from sandbox.google.errors import ApiError

Json = dict[str, Any]

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CALM = Settings(empty_page_chance=0, short_page_chance=0)


class World:
    def __init__(self, settings: Settings = CALM, seed: int = 1) -> None:
        self.now = NOW
        self.google = GoogleCalendar(lambda: self.now, random.Random(seed), settings)
        self.account: Account = self.google.add_account("anna@example.com", "Europe/Berlin")
        self.sub = self.account.sub
        made = self.google.calendars.insert(self.sub, {"summary": "Work", "timeZone": "Europe/Berlin"})
        self.calendar: str = made["id"]

    def tick(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)

    def insert(self, calendar: str | None = None, **body: Any) -> Json:
        return self.google.events.insert(self.sub, calendar or self.calendar, event(**body))

    def get(self, event_id: str, **query: Any) -> Json:
        return self.google.events.get(self.sub, self.calendar, event_id, query)

    def patch(self, event_id: str, body: Json, if_match: str | None = None) -> Json:
        return self.google.events.patch(self.sub, self.calendar, event_id, body, {}, if_match)

    def update(self, event_id: str, body: Json, if_match: str | None = None) -> Json:
        return self.google.events.update(self.sub, self.calendar, event_id, body, {}, if_match)

    def delete(self, event_id: str, if_match: str | None = None) -> None:
        self.google.events.delete(self.sub, self.calendar, event_id, {}, if_match)

    def page(self, **query: Any) -> Json:
        return self.google.events.list(self.sub, self.calendar, query)

    def pages(self, **query: Any) -> list[Json]:
        """Every page of a listing."""
        pages = [self.page(**query)]
        while "nextPageToken" in pages[-1]:
            assert len(pages) < 1000
            pages.append(self.page(**query, pageToken=pages[-1]["nextPageToken"]))
        return pages

    def rows(self, **query: Any) -> list[Json]:
        return [row for page in self.pages(**query) for row in page["items"]]

    def token(self) -> str:
        """A sync token of now."""
        return str(self.pages(showDeleted=True)[-1]["nextSyncToken"])


def event(**body: Any) -> Json:
    """An hour on a day in March, unless the body says otherwise."""
    return {
        "start": {"dateTime": "2026-03-10T10:00:00+01:00"},
        "end": {"dateTime": "2026-03-10T11:00:00+01:00"},
        **body,
    }


def refusal(call: Any, *args: Any, **named: Any) -> tuple[int, str, str]:
    """Status, reason and message of the refusal that the call must meet."""
    with pytest.raises(ApiError) as caught:
        call(*args, **named)
    return caught.value.status, caught.value.reason, caught.value.message
