"""The promises that are watched all the time, at every call of a port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.google.tokens import unseal_sync
from shared.core.identity import parse_identifier
from shared.core.model import Appointment
from shared.ports import Documents, Put, Remove, Where
from tests.simulation.people import KEYS

GENERATIONS = 10
"""More than an item comes to in one story."""


class Watch:
    """A promise that is broken inside a job is noted: the job would take it for a fault of the item."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.broken: list[str] = []
        self.deleted_by_people: set[str] = set()
        """Ids of events that a person deleted at some time."""
        self.still: set[str] = set()
        """Practitioners whose pause or disconnection has returned: for them no write begins."""
        self.overslept = False
        """The job that is interrupted just now had lost its calendar: it may not know yet."""
        self._cursors: dict[str, int] = {}

    def forget(self, documents: Documents) -> None:
        """The store is lost."""
        self.documents = documents
        self.still.clear()
        self._cursors.clear()

    def has_evidence(self, row: Appointment, *, ceased: bool) -> None:
        """Nothing is cancelled in the EHR unless somebody deleted its event; `ceased`: its occurrence did."""
        found = self.documents.find("items", Where("appointment_id", "==", row.id), group=True)
        events = {str(item.data["event_id"]) for item in found} | _events_of_its_own(row)
        if not ceased and not self.deleted_by_people & events:
            self.breaks("cancelled without evidence")

    def cursors_go_forward(self, writes: Sequence[Put | Remove]) -> None:
        """A cursor that goes back means that a job went on from what another had left behind."""
        for put in writes:
            cursor = put.data.get("cursor") if isinstance(put, Put) else None
            if put.path.count("/") == 1 and isinstance(cursor, str):
                since = unseal_sync(cursor).since
                if since < self._cursors.get(put.path, 0):
                    self.breaks("a cursor went back")
                self._cursors[put.path] = since

    def begins(self, whose: str, method: str, given: tuple[Any, ...]) -> None:
        """A write to one of the sides. `whose`: the practitioner, where the port is one's own."""
        owners = {whose} if whose else _practitioners(given)
        if owners and owners <= self.still and not self.overslept:
            self.breaks(f"{method} began after it had been stopped")

    def breaks(self, promise: str) -> None:
        self.broken.append(promise)
        raise AssertionError(promise)


def _events_of_its_own(row: Appointment) -> set[str]:
    """Under which an occurrence may have been made again that somebody had deleted."""
    name = parse_identifier(row.identifier or "")
    return {KEYS.event_id(*name, generation) for generation in range(GENERATIONS)} if name else set()


def _practitioners(given: tuple[Any, ...]) -> set[str]:
    """Whose time the write is about: a row, or a practitioner's id for a new one."""
    rows = [each for each in given if isinstance(each, Appointment)]
    if rows:
        return set(rows[0].practitioner_ids)
    return {str(given[1])} if len(given) > 1 else set()
