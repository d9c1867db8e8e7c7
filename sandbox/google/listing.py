"""events.list and events.instances: which events a request means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.google import series
from sandbox.google.errors import ApiError, bad_request, invalid_parameter
from sandbox.google.paging import flag
from sandbox.google.series import Event
from sandbox.google.times import parse_bound, parse_date, parse_date_time

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


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters of one request, parsed."""

    deleted: bool
    single: bool
    starts_before: datetime | None
    ends_after: datetime | None
    updated_from: datetime | None = None
    words: str = ""
    uid: str | None = None
    types: frozenset[str] = frozenset()
    private: tuple[tuple[str, str], ...] = ()
    shared: tuple[tuple[str, str], ...] = ()
    order: str | None = None
    original: datetime | None = None
    """Of `instances`: the one that began then originally; a date is midnight in UTC."""
    touching: bool = False
    """Of `instances`: what ends just at the lower bound is meant too."""

    def matches(self, event: Event) -> bool:
        """Whether an event is meant, as itself: its instances are asked for one by one."""
        alive = not event.cancelled or (not self.single and series.is_kept(event))
        return (self.deleted or alive) and self.spans(event.starts, event.ends) and self.tells(event)

    def spans(self, starts: datetime, ends: datetime) -> bool:
        low = self.ends_after
        return (self.starts_before is None or starts < self.starts_before) and (
            low is None or ends > low or (self.touching and ends == low)
        )

    def tells(self, event: Event) -> bool:
        """Whether it is meant by what it says, whenever it is. An instance says what its series does."""
        resource = event.resource
        return (
            (self.updated_from is None or event.updated >= self.updated_from)
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
    low, high = _window(query)
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


def read_instances(query: Mapping[str, Any]) -> Wanted:
    """As `read`, for the instances of one series."""
    low, high = _window(query)
    return Wanted(
        deleted=bool(flag(query, "showDeleted")),
        single=True,
        starts_before=high,
        ends_after=low,
        original=_original(query),
        touching=True,
    )


def _original(query: Mapping[str, Any]) -> datetime | None:
    if "originalStart" not in query:
        return None
    text = str(query["originalStart"])
    moment = parse_date_time(text)
    if moment is not None and moment.tzinfo is not None:
        return moment.astimezone(UTC)
    day = parse_date(text)
    if day is None:
        raise invalid_parameter(f"Invalid value for: originalStart: '{text}'", "originalStart")
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _window(query: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    low, high = _bound(query, "timeMin"), _bound(query, "timeMax")
    if low is not None and high is not None and low >= high:
        raise ApiError(
            400, "timeRangeEmpty", "The specified time range is empty.", "calendar", "timeMax", "parameter"
        )
    return low, high


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
