"""Appointments and slots written to a FHIR server: what may be changed of which row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shared.adapters.fhir.appointments import CAME, CANCELLED
from shared.adapters.fhir.bodies import (
    BOOKED,
    CANCELLABLE,
    moves,
    patched,
    renamed,
    without_reason,
)
from shared.adapters.fhir.creating import Creating
from shared.adapters.fhir.reading import place_of
from shared.adapters.fhir.slots import TYPE as SLOT
from shared.adapters.fhir.slots import patched_slot
from shared.core.errors import RejectedError
from shared.core.model import Appointment, Status, What
from shared.ports import ProtectedError

Span = tuple[datetime, datetime]


class Writing(Creating):
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
        return self._change(row, resource)

    def cancel(self, row: Appointment) -> Appointment:
        """One that is over is answered as it stands. The reason is left out where the EHR refuses it.

        A slot is given back: deleted, which is answered as the row that it was, or entered in error.
        """
        if row.status is Status.OVER:
            return row
        if _is_slot(row):
            return self._remove(row)
        if row.code in CAME:
            raise ProtectedError("ehr_protected")
        if row.code not in CANCELLABLE:
            raise RejectedError("ehr_status_unknown")
        cancelled = patched(row.raw, self._settings, status=CANCELLED)
        try:
            return self._change(row, cancelled)
        except RejectedError as error:
            if not error.reason.startswith("ehr_refused"):
                raise
        return self._change(row, without_reason(cancelled))

    def rebook(
        self,
        row: Appointment,
        *,
        span: Span | None = None,
        what: What | None = None,
        status: str | None = None,
    ) -> Appointment:
        if status is not None and (status not in CANCELLABLE or row.code != CANCELLED):
            raise RejectedError("ehr_status_unknown")
        return self._change(row, self._changed(row, span, what, status or BOOKED))

    def _changed(
        self, row: Appointment, span: Span | None, what: What | None, status: str | None = None
    ) -> dict[str, Any]:
        if _is_slot(row):
            return patched_slot(row.raw, self._settings, span=span, what=what)
        if span is not None and row.raw.get("slot") and moves(row.raw, span):
            raise RejectedError("ehr_slot_bound")
        return patched(row.raw, self._settings, span=span, what=what, status=status)


def _is_slot(row: Appointment) -> bool:
    return place_of(row.id)[0] == SLOT
