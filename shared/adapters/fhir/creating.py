"""A row made once under our identifier, on servers that see to that and on those that do not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.adapters.fhir.bodies import is_named, new_appointment, system_of
from shared.adapters.fhir.bundles import unreadable
from shared.adapters.fhir.changing import RETURN_ROW, Changing, is_row
from shared.adapters.fhir.elements import instant, object_of
from shared.adapters.fhir.errors import ExistsError, NoAnswerError
from shared.core.model import Appointment, Kind, Status, What

Json = Mapping[str, Any]
Span = tuple[datetime, datetime]

_LOCATION = re.compile(r"(?:^|/)Appointment/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?/?$")
_LAST = datetime.max.replace(tzinfo=UTC)


class Creating(Changing):
    def create(
        self, kind: Kind, practitioner_id: str, identifier: str, span: Span, what: What
    ) -> Appointment:
        """Safe to repeat. The server is asked to make one row only; of one that cannot, the row is looked for
        before and after, and of several the oldest stays: two who create at once keep the same one.
        """
        system = system_of(kind, self._settings)
        resource = new_appointment(kind, practitioner_id, identifier, span, what, self._settings)
        if not self._can.creates_once and (held := self._held(system, identifier)):
            return self._kept(held)
        try:
            made = self._made(resource, f"identifier={system}|{identifier}")
        except (ExistsError, NoAnswerError):
            held = self._held(system, identifier)
            if not held:
                raise
            return self._kept(held)
        if made is not None and self._can.creates_once:
            return made
        rows = {row.id: row for row in [*self._held(system, identifier), *([made] if made else [])]}
        if not rows:
            raise unreadable()
        return self._kept(list(rows.values()))

    def _made(self, resource: Json, name: str) -> Appointment | None:
        """As it was answered; None where the answer does not say which row it is.

        Without an answer it is repeated once, where the server makes it once.
        """
        try:
            return self._posted(resource, name)
        except NoAnswerError:
            if not self._can.creates_once:
                raise
        return self._posted(resource, name)

    def _posted(self, resource: Json, name: str) -> Appointment | None:
        headers = {**RETURN_ROW, "If-None-Exist": name}
        answer = self._send("Appointment.create", "POST", "Appointment", headers=headers, body=resource)
        if is_row(answer):
            return self._row(answer)
        place = _LOCATION.search(answer.headers.get("location", ""))
        return self._read_one(place[1]) if place else None

    def _held(self, system: str, identifier: str) -> list[Appointment]:
        """The rows under our identifier, and no others that a server may answer beside them."""
        found = self._search("Appointment", (("identifier", f"{system}|{identifier}"),))
        return [self._appointment(raw) for raw in found if is_named(raw, system, identifier)]

    def _kept(self, rows: list[Appointment]) -> Appointment:
        """The one that stays; the others that still take time go, but never a client's."""
        first, *others = sorted(rows, key=_rank)
        for row in others:
            if row.status is not Status.OVER and row.kind is not Kind.CLIENT:
                self._remove(row)
        return first


def _rank(row: Appointment) -> tuple[object, ...]:
    """A client's before others, live before over, then the oldest."""
    stamp = instant(object_of(row.raw.get("meta")).get("lastUpdated"))
    return row.kind is not Kind.CLIENT, row.status is Status.OVER, stamp or _LAST, row.id
