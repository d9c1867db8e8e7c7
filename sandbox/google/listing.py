"""events.list: which events a request means, and in what order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.google.errors import ApiError, bad_request
from sandbox.google.paging import flag
from sandbox.google.store import Calendar, StoredEvent
from sandbox.google.times import parse_bound
from sandbox.google.tokens import PageToken

NOT_WITH_SYNC_TOKEN = (
    "iCalUID",
    "orderBy",
    "privateExtendedProperty",
    "q",
    "sharedExtendedProperty",
    "timeMin",
    "timeMax",
    "updatedMin",
)
ORDERS = ("startTime", "updated")

Key = Callable[[StoredEvent], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of one request, parsed."""

    deleted: bool
    single: bool
    starts_before: datetime | None
    ends_after: datetime | None
    updated_from: datetime | None
    words: str
    uid: str | None
    types: frozenset[str]
    private: tuple[tuple[str, str], ...]
    shared: tuple[tuple[str, str], ...]
    order: str | None

    def matches(self, event: StoredEvent) -> bool:
        resource = event.resource
        return (
            (self.deleted or not event.cancelled)
            and not (self.single and "recurrence" in resource)
            and (self.starts_before is None or event.starts < self.starts_before)
            and (self.ends_after is None or event.ends > self.ends_after)
            and (self.updated_from is None or event.updated >= self.updated_from)
            and (self.uid is None or resource.get("iCalUID") == self.uid)
            and (not self.types or resource.get("eventType", "default") in self.types)
            and (not self.words or self.words in _text_of(resource))
            and _has_all(resource, "private", self.private)
            and _has_all(resource, "shared", self.shared)
        )


def read(query: Mapping[str, Any], now: datetime, updated_min_days_max: int) -> Wanted:
    """The request's filters. Raises ApiError 400, 410 for an `updatedMin` too long ago."""
    tokened = "syncToken" in query
    if tokened:
        _check_with_token(query)
    low, high = _bound(query, "timeMin"), _bound(query, "timeMax")
    if low is not None and high is not None and low >= high:
        raise ApiError(
            400, "timeRangeEmpty", "The specified time range is empty.", "calendar", "timeMax", "parameter"
        )
    since = _bound(query, "updatedMin")
    if since is not None and since < now - timedelta(days=updated_min_days_max):
        message = "The requested minimum modification time lies too far in the past."
        raise ApiError(410, "updatedMinTooLongAgo", message, "calendar", "updatedMin", "parameter")
    single = bool(flag(query, "singleEvents"))
    return Wanted(
        deleted=tokened or since is not None or bool(flag(query, "showDeleted")),
        single=single,
        starts_before=high,
        ends_after=low,
        updated_from=since,
        words=str(query.get("q", "")).casefold(),
        uid=query.get("iCalUID"),
        types=frozenset(_many(query, "eventTypes")),
        private=_pairs(query, "privateExtendedProperty"),
        shared=_pairs(query, "sharedExtendedProperty"),
        order=_order(query, single=single),
    )


def _check_with_token(query: Mapping[str, Any]) -> None:
    named = [name for name in NOT_WITH_SYNC_TOKEN if name in query]
    if named or flag(query, "showDeleted") is False:
        what = ", ".join(named) or "showDeleted=false"
        raise bad_request(f"Sync token cannot be used together with: {what}")


def _bound(query: Mapping[str, Any], name: str) -> datetime | None:
    return parse_bound(str(query[name])) if name in query else None


def _order(query: Mapping[str, Any], *, single: bool) -> str | None:
    order = query.get("orderBy")
    if order is not None and (order not in ORDERS or (order == "startTime" and not single)):
        raise bad_request("The requested ordering is not available for the particular query.")
    return order


def _many(query: Mapping[str, Any], name: str) -> list[str]:
    value = query.get(name, [])
    return [value] if isinstance(value, str) else list(value)


def _pairs(query: Mapping[str, Any], name: str) -> tuple[tuple[str, str], ...]:
    texts = _many(query, name)
    if not all("=" in text for text in texts):
        raise bad_request(f"Invalid value for: {name}")
    return tuple((text.partition("=")[0], text.partition("=")[2]) for text in texts)


def _has_all(resource: Mapping[str, Any], part: str, pairs: tuple[tuple[str, str], ...]) -> bool:
    if not pairs:
        return True
    properties = resource.get("extendedProperties", {}).get(part, {})
    return all(properties.get(key) == value for key, value in pairs)


def _text_of(resource: Mapping[str, Any]) -> str:
    return "\n".join(resource.get(name, "") for name in ("summary", "description", "location")).casefold()


def key_of(wanted: Wanted, begin: PageToken) -> Key:
    """What the rows are ordered by, so that a page can begin after the last row of the one before."""
    if begin.since >= 0:
        return lambda event: (event.changed,)
    if wanted.order == "startTime":
        return lambda event: (int(event.starts.timestamp()), event.created)
    if wanted.order == "updated":
        return lambda event: (int(event.updated.timestamp() * 1000), event.created)
    return lambda event: (event.created,)


def rows(calendar: Calendar, wanted: Wanted, begin: PageToken, key: Key) -> Iterator[StoredEvent]:
    """The events the request means that come after the page token, in order."""
    history = calendar.history
    found: Iterable[StoredEvent]
    if begin.since >= 0:
        found = history.changed_between(begin.after[0] if begin.after else begin.since, begin.until)
    elif wanted.order is None:
        found = history.made_between(begin.after[0] if begin.after else 0, begin.until)
    else:
        later = (event for event in history.made_between(0, begin.until) if key(event) > begin.after)
        found = sorted(later, key=key)
    return filter(wanted.matches, found)
