"""Business rules of this EHR for whoever writes with the sync's credential. Staff are not bound by them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sandbox.ehr import urls
from sandbox.ehr.facts import Facts, facts_of
from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts
from sandbox.ehr.profiles import Settings

PROTECTING = frozenset(("arrived", "checked-in", "fulfilled"))
OCCUPYING = frozenset(("booked", "pending", *PROTECTING))
"""Statuses in which a client appointment takes its practitioner's time."""


@dataclass(frozen=True)
class Hours:
    """When a practitioner sees clients, Monday to Friday."""

    start: time
    end: time
    zone: ZoneInfo

    def contain(self, start: datetime, end: datetime) -> bool:
        first, last = start.astimezone(self.zone), end.astimezone(self.zone)
        same_day = first.date() == last.date() and first.weekday() < 5
        return same_day and self.start <= first.time() and last.time() <= self.end


@dataclass(frozen=True)
class Rulebook:
    """What the rules go by, for one appointment."""

    settings: Settings
    hours: Mapping[str, Hours]
    """By reference, of those practitioners who say when they work."""
    has_record: Callable[[], bool]
    """Whether a note or an invoice hangs on it, flagged or not."""


def is_protected(appointment: Resource) -> bool:
    """Flagged (a note, an invoice), or the client came."""
    return _flagged(appointment) or appointment.get("status") in PROTECTING


def check_change(before: Resource, after: Resource, rulebook: Rulebook, others: Iterable[Facts]) -> None:
    """`others`: what everybody sees of the other appointments. Raises FhirError."""
    settings = rulebook.settings
    if settings.enforces_protection:
        _check_protection(before, after, rulebook)
    if settings.status_in_participants and before["status"] != after["status"]:
        raise FhirError(422, "business-rule", "status-not-writable", "the status cannot be written")
    if not is_moved(before, after):
        return
    _check_hours(after, rulebook)
    if settings.occupied_rule:
        _check_free(after, others)


def check_removal(before: Resource, rulebook: Rulebook) -> None:
    """Raises FhirError 422 `appointment-protected`."""
    if before["resourceType"] != "Appointment" or not rulebook.settings.enforces_protection:
        return
    if is_protected(before) or rulebook.has_record():
        raise _protected()


def is_moved(before: Resource, after: Resource) -> bool:
    """Another instant; the same one under another offset is no move."""
    return _span(before) != _span(after)


def _check_protection(before: Resource, after: Resource, rulebook: Rulebook) -> None:
    """A protected row keeps its time, its status (so it is not cancelled) and its flag.

    Raises FhirError 422 `appointment-protected`.
    """
    unflagged = _flagged(before) and not _flagged(after)
    if not unflagged and _state(before) == _state(after) and not is_moved(before, after):
        return
    if is_protected(before) or rulebook.has_record():
        raise _protected()


def _check_free(after: Resource, others: Iterable[Facts]) -> None:
    """Raises FhirError 409 `occupied` where a client appointment of the same practitioner overlaps `after`.

    Time taken from another calendar (a block) may lie anywhere: it says what is, it books nothing.
    """
    facts = facts_of(after)
    if facts.start is None or facts.end is None or after["status"] not in OCCUPYING or _is_block(after):
        return
    for other in others:
        if other.start is None or other.end is None or not other.tokens["patient"]:
            continue
        overlap = other.start < facts.end and facts.start < other.end
        shared = not other.tokens["clinician"].isdisjoint(facts.tokens["clinician"])
        if overlap and shared and not OCCUPYING.isdisjoint(other.tokens["status"]):
            raise FhirError(409, "business-rule", "occupied", "the practitioner has a client at that time")


def _check_hours(after: Resource, rulebook: Rulebook) -> None:
    """Raises FhirError `out-of-hours`: a client is expected when a practitioner does not work."""
    facts = facts_of(after)
    if facts.start is None or facts.end is None or not facts.tokens["patient"]:
        return
    for reference in facts.tokens["clinician"]:
        hours = rulebook.hours.get(reference)
        if hours is not None and not hours.contain(facts.start, facts.end):
            status = rulebook.settings.out_of_hours_status
            raise FhirError(status, "business-rule", "out-of-hours", "the practitioner does not work then")


def _flagged(appointment: Resource) -> bool:
    return any(
        extension.get("url") == urls.DELETION_PROTECTED and extension.get("valueBoolean") is True
        for extension in dicts(appointment.get("extension"))
    )


def _state(appointment: Resource) -> object:
    """Booked or not, whichever way this EHR tells it."""
    told = [
        extension
        for participant in dicts(appointment.get("participant"))
        for extension in dicts(participant.get("modifierExtension"))
        if extension.get("url") == urls.PARTICIPANT_STATUS
    ]
    return appointment["status"], told


def _is_block(appointment: Resource) -> bool:
    identifiers = dicts(appointment.get("identifier"))
    return any(identifier.get("system") == urls.CALSYNC_BLOCK for identifier in identifiers)


def _span(appointment: Resource) -> tuple[object, object]:
    if "start" not in appointment:
        return None, None
    return parse_instant(appointment["start"]), parse_instant(appointment["end"])


def _protected() -> FhirError:
    return FhirError(
        422, "business-rule", "appointment-protected", "it has a note or an invoice, or the client came"
    )
