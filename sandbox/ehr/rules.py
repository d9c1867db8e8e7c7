"""Business rules of this EHR for whoever writes with the sync's credential. Staff are not bound by them."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.ehr import urls
from sandbox.ehr.facts import Facts, facts_of
from sandbox.ehr.instants import parse_instant
from sandbox.ehr.outcome import FhirError, Resource, dicts

PROTECTING = frozenset(("arrived", "checked-in", "fulfilled"))
OCCUPYING = frozenset(("booked", "pending", *PROTECTING))
"""Statuses in which a client appointment takes its practitioner's time."""


def is_protected(appointment: Resource) -> bool:
    """Flagged (a note, an invoice), or the client came."""
    return _flagged(appointment) or appointment.get("status") in PROTECTING


def check_change(before: Resource, after: Resource) -> None:
    """A protected row keeps its time, its status (so it is not cancelled) and its flag.

    Raises FhirError 422 `appointment-protected`.
    """
    if not is_protected(before):
        return
    unflagged = _flagged(before) and not _flagged(after)
    if unflagged or before["status"] != after["status"] or is_moved(before, after):
        raise _protected()


def check_removal(before: Resource) -> None:
    """Raises FhirError 422 `appointment-protected`."""
    if before["resourceType"] == "Appointment" and is_protected(before):
        raise _protected()


def is_moved(before: Resource, after: Resource) -> bool:
    """Another instant; the same one under another offset is no move."""
    return _span(before) != _span(after)


def check_free(after: Resource, others: Iterable[Facts]) -> None:
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


def _flagged(appointment: Resource) -> bool:
    return any(
        extension.get("url") == urls.DELETION_PROTECTED and extension.get("valueBoolean") is True
        for extension in dicts(appointment.get("extension"))
    )


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
