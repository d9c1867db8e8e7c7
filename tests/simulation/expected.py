"""What an external calendar should do to the EHR, worked out from Google's own expansion and one table.

Nothing here reads what the product has gathered; only how it names things (`shared/core/identity.py`) is
shared.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sandbox.google.calendar import GoogleCalendar
from sandbox.google.errors import ApiError
from shared.core.blocking import BlockRules
from shared.core.identity import identifier
from shared.core.policy import ConnectionSettings, ExternalTitles, FreeEvents, Mode
from tests.simulation.people import KEYS, Practitioner
from tests.simulation.reading import Json

REACH = timedelta(days=60)
"""On both sides of now: wider than any window here, and than any span that people choose."""
PAGES_MAX = 200


class Block(NamedTuple):
    """What the EHR is to show; instants are UTC."""

    start: datetime
    end: datetime
    busy: bool
    title: str


def blocks_of(
    google: GoogleCalendar,
    person: Practitioner,
    calendar_id: str,
    rules: BlockRules,
    settings: ConnectionSettings,
    now: datetime,
) -> dict[str, Block]:
    """Everything in reach that is to be shown, by the identifier of its block, whatever the window."""
    if settings.mode is Mode.ONE_WAY:
        return {}
    key = KEYS.calendar(person.key, person.sub, calendar_id)
    found = {}
    for event in expanded(google, person.sub, calendar_id, now):
        block = _block(event, rules, settings)
        if block is not None:
            found[identifier(key, k_of(key, event))] = block
    return found


def within(block: Block, settings: ConnectionSettings, now: datetime) -> bool:
    """Whether it overlaps the window; a point counts where it lies."""
    zone = settings.zone
    begin = _midnight(settings.start_from, zone)
    end = _midnight(now.astimezone(zone).date() + timedelta(days=settings.horizon_days + 1), zone)
    return block.start < end and (block.end > begin or block.start >= begin)


def expanded(google: GoogleCalendar, sub: str, calendar_id: str, now: datetime) -> list[Json]:
    """As the account sees it; nothing where it sees nothing."""
    query = {
        "singleEvents": True,
        "timeMin": (now - REACH).isoformat(),
        "timeMax": (now + REACH).isoformat(),
        "maxResults": 2500,
    }
    found: list[Json] = []
    for _ in range(PAGES_MAX):
        try:
            answer = google.events.list(sub, calendar_id, query)
        except ApiError:
            return []
        found += answer["items"]
        if "nextPageToken" not in answer:
            return found
        query = {**query, "pageToken": answer["nextPageToken"]}
    raise AssertionError("more pages than a calendar can have")


def k_of(key: str, event: Json) -> str:
    """An occurrence is known by its series and its first place in it, wherever it was moved."""
    if "recurringEventId" not in event:
        return KEYS.k_of_event(key, event["id"])
    place = event["originalStartTime"]
    start = date.fromisoformat(place["date"]) if "date" in place else _instant(place)
    return KEYS.k_of_occurrence(key, event["recurringEventId"], start)


# --- the table ------------------------------------------------------------------------------------------


def _block(event: Json, rules: BlockRules, settings: ConnectionSettings) -> Block | None:
    busy = _takes_time(event, rules)
    if busy is None or (not busy and settings.free_events is FreeEvents.HIDE):
        return None
    start, end = _point(event["start"], settings.zone), _point(event["end"], settings.zone)
    return Block(start, end, busy, _title(event, settings))


def _takes_time(event: Json, rules: BlockRules) -> bool | None:
    """None: it is shown nowhere, whatever the settings. The first line that fits counts."""
    kind, answer = event.get("eventType", "default"), _answer(event)
    table = [
        (event["status"] == "cancelled", None),
        (answer == "declined", None),
        (kind in ("birthday", "workingLocation"), None),
        (event.get("transparency") == "transparent", False),
        (kind == "outOfOffice", rules.out_of_office),
        (kind == "focusTime", rules.focus_time),
        (event["status"] == "tentative" or answer == "tentative", rules.tentative),
        (answer == "needsAction", rules.unanswered),
        ("date" in event["start"], rules.all_day),
        (True, True),
    ]
    return next(takes for fits, takes in table if fits)


def _answer(event: Json) -> str:
    own = [guest for guest in event.get("attendees", ()) if guest.get("self") is True]
    return str(own[0]["responseStatus"]) if own else ""


def _title(event: Json, settings: ConnectionSettings) -> str:
    """Private ones never, and none of ours that was dragged there: it has a client's label for its title."""
    private = event.get("visibility") in ("private", "confidential")
    ours = "k" in event.get("extendedProperties", {}).get("private", {})
    hidden = private or ours or settings.external_titles is ExternalTitles.HIDE
    return "Busy" if hidden else event.get("summary", "").strip() or "Busy"


def _point(point: Json, zone: ZoneInfo) -> datetime:
    """Days are local days of the practitioner, whatever the calendar's zone."""
    return _midnight(date.fromisoformat(point["date"]), zone) if "date" in point else _instant(point)


def _instant(point: Json) -> datetime:
    return datetime.fromisoformat(point["dateTime"]).astimezone(UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, zone).astimezone(UTC)
