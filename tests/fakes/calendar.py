"""The calendars of one account over the sandbox's model of Google, without HTTP.

The adapter's own service runs on top, so paging, translation and every error are the product's.
"""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.errors import ApiError
from shared.adapters.google_calendar import GoogleCalendarService, translate

_PATH = ("calendarId", "eventId", "body")


class ModelCalls:
    """`Calls` of one account, answered by the model."""

    def __init__(self, google: GoogleCalendar, sub: str) -> None:
        self._collections = {
            "calendarList": google.calendar_list,
            "calendars": google.calendars,
            "channels": google.channels,
            "events": google.events,
        }
        self._sub = sub

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> dict[str, Any]:
        collection, method = operation.split(".")
        arguments = [parameters.pop(name) for name in _PATH if name in parameters]
        condition = {} if if_match is None else {"if_match": if_match}
        owner = self._collections["channels" if method == "watch" else collection]
        try:
            answer = getattr(owner, method)(self._sub, *arguments, query=parameters, **condition)
        except ApiError as error:
            body = json.dumps(error.body()).encode()
            raise translate(error.status, body, operation, {}) from None
        return answer or {}


class FakeCalendarService(GoogleCalendarService):
    """`zone`: the practitioner's."""

    def __init__(self, google: GoogleCalendar, sub: str, *, zone: ZoneInfo) -> None:
        super().__init__(ModelCalls(google, sub), zone=zone)
