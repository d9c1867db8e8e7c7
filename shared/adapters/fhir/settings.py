"""What differs between EHRs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from shared.ports import BlockAs, Listing, ProtectedBy, Writes


@dataclass(frozen=True)
class ParticipantStatus:
    """An extension of a patient's participation that says more than the status of the appointment.

    Values in lower case; they are compared without regard to it.
    """

    extension: str
    cancelled: frozenset[str]
    """Values with which a patient is out. Of an appointment whose patients are all out: it is over."""
    came: frozenset[str] = frozenset()
    """Values with which the appointment is part of the record: it is protected."""


@dataclass(frozen=True)
class Stated:
    """What an EHR can do as its operator states it: that is believed, what is None is found out."""

    listing: Listing | None = None
    writes: Writes | None = None
    checks_versions: bool | None = None
    creates_once: bool | None = None
    protected_by: ProtectedBy | None = None
    block_as: BlockAs | None = None


@dataclass(frozen=True)
class FhirSettings:
    """Names are URLs; None: this EHR has none."""

    system: str
    """Base of our own names: identifier systems `/personal` and `/block`, extension `/free`."""
    internal_id_system: str | None = None
    """Identifier system of the practice's own number of a patient."""
    time_zone_extension: str | None = None
    """Extension of Practitioner: IANA name of the zone they work in."""
    protected_extension: str | None = None
    """Extension of Appointment, valueBoolean: a note or an invoice hangs on it. A row without is free."""
    participant_status: ParticipantStatus | None = None
    stated: Stated = Stated()
    overlap: timedelta = timedelta(seconds=120)
    """How far before the newest change every poll looks again: rows of a long transaction appear late."""
    page_size: int = 100
    release: int = 4
    """Of FHIR. From 5 on some elements have other names."""

    @property
    def personal_system(self) -> str:
        return f"{self.system}/personal"

    @property
    def block_system(self) -> str:
        return f"{self.system}/block"

    @property
    def free_extension(self) -> str:
        return f"{self.system}/free"
