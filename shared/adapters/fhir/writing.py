"""Appointments written to a FHIR server: over the version that was read, safe to repeat."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.adapters.fhir.appointments import (
    BOOKED,
    CAME,
    CANCELLABLE,
    CANCELLED,
    etag_of,
    has_unknown_modifiers,
    moves,
    new_appointment,
    patched,
    renamed,
    system_of,
)
from shared.adapters.fhir.bundles import unreadable
from shared.adapters.fhir.elements import object_of
from shared.adapters.fhir.errors import NoAnswerError
from shared.adapters.fhir.exchange import Answer
from shared.adapters.fhir.reading import Reading
from shared.adapters.fhir.server import path_of
from shared.core.errors import BlockedError, RejectedError
from shared.core.model import Appointment, Kind, Status, What
from shared.ports import GoneError, ProtectedError

Json = Mapping[str, Any]
Span = tuple[datetime, datetime]

_WRITE = {"Prefer": "return=representation"}


class Writing(Reading):
    def create(
        self, kind: Kind, practitioner_id: str, identifier: str, span: Span, what: What
    ) -> Appointment:
        """Safe to repeat: a conditional create. Without an answer it is repeated once."""
        resource = new_appointment(kind, practitioner_id, identifier, span, what, self._settings)
        name = f"{system_of(kind, self._settings)}|{identifier}"
        headers = {**_WRITE, "If-None-Exist": f"identifier={name}"}

        def create() -> Answer:
            return self._send("Appointment.create", "POST", "Appointment", headers=headers, body=resource)

        try:
            answer = create()
        except NoAnswerError:
            answer = create()
        if _is_appointment(answer.body):
            return self._row(answer)
        made = list(self._search("Appointment", (("identifier", name),)))  # some servers answer none
        if len(made) != 1:
            raise unreadable()
        return self._appointment(made[0])

    def update(
        self,
        row: Appointment,
        *,
        span: Span | None = None,
        what: What | None = None,
        identifier: str | None = None,
    ) -> Appointment:
        """Raises RejectedError too where a slot hangs on the times: moving one would falsify the other."""
        resource = self._changed(row, span, what)
        if identifier is not None:
            resource = renamed(resource, row.identifier, identifier)
        return self._put(row, resource)

    def cancel(self, row: Appointment) -> Appointment:
        """One that is over is answered as it stands."""
        code = row.raw.get("status")
        if row.status is Status.OVER:
            return row
        if code in CAME:
            raise ProtectedError("ehr_protected")
        if code not in CANCELLABLE:
            raise RejectedError("ehr_status_unknown")
        return self._put(row, patched(row.raw, self._settings, status=CANCELLED))

    def rebook(self, row: Appointment, *, span: Span | None = None, what: What | None = None) -> Appointment:
        return self._put(row, self._changed(row, span, what, status=BOOKED))

    def _changed(
        self, row: Appointment, span: Span | None, what: What | None, status: str | None = None
    ) -> dict[str, Any]:
        if span is not None and row.raw.get("slot") and moves(row.raw, span):
            raise RejectedError("ehr_slot_bound")
        return patched(row.raw, self._settings, span=span, what=what, status=status)

    def _put(self, row: Appointment, resource: Json) -> Appointment:
        """Over the version that was read. A lost answer is looked for: the goal there is success."""
        etag = etag_of(row.raw)
        if etag is None:
            raise BlockedError("ehr_without_versions")
        if has_unknown_modifiers(row.raw, self._settings):
            raise RejectedError("ehr_unknown_modifier")
        headers = {**_WRITE, "If-Match": etag}
        path = path_of("Appointment", row.id)
        try:
            answer = self._send("Appointment.update", "PUT", path, headers=headers, body=resource)
            if _is_appointment(answer.body):
                return self._row(answer)
        except NoAnswerError:
            pass
        now = self._read_one(row.id)
        if now is None:
            raise GoneError("ehr_gone")
        if not _same(now, self._appointment(resource)):
            raise NoAnswerError
        return now


def _is_appointment(body: object) -> bool:
    """Not so where a server answers writes with nothing, or with an OperationOutcome."""
    return object_of(body).get("resourceType") == "Appointment"


def _same(one: Appointment, other: Appointment) -> bool:
    """Whether all that a write may change is the same."""
    ours, theirs = ((each.status, each.when, each.title, each.busy, each.identifier) for each in (one, other))
    return ours == theirs
