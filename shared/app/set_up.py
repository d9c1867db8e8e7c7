"""What a start finds out first: the zone a practitioner lives in, a name that tells their calendar apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from shared.app.accounts import CONNECTIONS_MAX
from shared.app.connect import ZONE_UNKNOWN
from shared.app.records import Connection, Status, connection_of
from shared.app.world import World
from shared.core.policy import ConnectionSettings
from shared.ports import Practitioner, Where

NAME_MAX = 200
"""Characters of a calendar's name."""
PERSON_MAX = 60
"""Of a practitioner's within it."""


@dataclass(frozen=True, repr=False)
class SetUp:
    """How a connection is to be started."""

    settings: ConnectionSettings
    calendar_name: str


def set_up(world: World, connection: Connection, calendar_name: str | None = None) -> SetUp:
    """`calendar_name`: the one asked for. Nothing is written. Raises GoneError: the EHR has no such one."""
    person = world.ehr(connection.practice).practitioner(connection.practitioner)
    name = calendar_name or connection.calendar_name
    return SetUp(_settings(world, connection, person), _told_apart(world, connection, name, person.name))


def zone_named(name: str) -> ZoneInfo | None:
    """None of a name that is no zone's."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; not a zone's name; the name of a folder of zones
        return None


def _settings(world: World, connection: Connection, person: Practitioner) -> ConnectionSettings:
    """In the zone of the EHR, else of the primary calendar, where nobody has chosen one."""
    settings = connection.settings
    if settings.zone.key != ZONE_UNKNOWN:
        return settings
    zone = zone_named(person.zone or _primary_zone(world, connection)) or settings.zone
    today = world.clock.now().astimezone(zone).date()
    return replace(settings, zone=zone, start_from=min(settings.start_from, today))


def _primary_zone(world: World, connection: Connection) -> str:
    entries = world.calendars(connection, paced=False).entries()
    return next((entry.zone for entry in entries if entry.primary), ZONE_UNKNOWN)


def _told_apart(world: World, connection: Connection, name: str, person: str) -> str:
    """The name, with the person's where the account has an appointments calendar of somebody else."""
    who = " ".join(person.split())[:PERSON_MAX]
    if not who or who in name or not _shares_account(world, connection):
        return name
    added = f" ({who})"
    return f"{name[: NAME_MAX - len(added)]}{added}"


def _shares_account(world: World, connection: Connection) -> bool:
    same = world.documents.find("connections", Where("sub", "==", connection.sub), limit=CONNECTIONS_MAX)
    others = [connection_of(document) for document in same if document.id != connection.key]
    return any(other.status is not Status.CONNECTED for other in others)
