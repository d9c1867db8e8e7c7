"""How the promises read rows of the EHR and events of Google: as JSON, past the product."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
LIVE = frozenset({"booked", "pending", "arrived", "checked-in", "fulfilled"})


def tag_of(title: str) -> str:
    return title.partition(" #")[2]


def is_client(row: Json) -> bool:
    actors = [part.get("actor", {}).get("reference", "") for part in row["participant"]]
    return any(actor.startswith("Patient/") for actor in actors)


def is_block(row: Json) -> bool:
    """An appointment that was given a client is one of the EHR's own, whatever it was before."""
    return not is_client(row) and any(each["system"].endswith("/block") for each in row.get("identifier", ()))


def instant_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def clock_time(moment: datetime) -> dict[str, str]:
    return {"dateTime": moment.isoformat()}


def start_of(event: Json, zone: ZoneInfo) -> datetime:
    start = event["start"]
    if "date" in start:
        return datetime.fromisoformat(start["date"]).replace(tzinfo=zone).astimezone(UTC)
    return instant_of(start["dateTime"])
