"""A row made once under our identifier, on servers that see to that and on those that do not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from shared.adapters.fhir.bodies import is_named, new_appointment, system_of
from shared.adapters.fhir.bundles import unreadable
from shared.adapters.fhir.changing import RETURN_ROW, Changing
from shared.adapters.fhir.elements import instant, object_of
from shared.adapters.fhir.errors import ExistsError, NoAnswerError
from shared.adapters.fhir.reading import row_id
from shared.adapters.fhir.slots import new_slot
from shared.core.errors import RejectedError
from shared.core.model import Appointment, Kind, Status, What
from shared.ports import BlockAs

Json = Mapping[str, Any]
Span = tuple[datetime, datetime]

_LOCATION = re.compile(r"(?:^|/)(?P<type>[A-Z][A-Za-z]+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]*)?/?$")
_LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, repr=False)
class _New:
    """What is to be made, and the identifier that it is looked for by."""

    resource: Json
    system: str
    value: str

    @property
    def type(self) -> str:
        return str(self.resource["resourceType"])

    @property
    def query(self) -> tuple[str, str]:
        return "identifier", f"{self.system}|{self.value}"


class Creating(Changing):
    def create(
        self, kind: Kind, practitioner_id: str, identifier: str, span: Span, what: What
    ) -> Appointment:
        """Safe to repeat. The server is asked to make one row only; of one that cannot, the row is looked for
        before and after, and of several the oldest stays: two who create at once keep the same one.

        Raises RejectedError `ehr_no_schedule` where a slot has no schedule to be in.
        """
        new = self._new(kind, practitioner_id, identifier, span, what)
        if not self._can.creates_once and (held := self._held(new)):
            return self._kept(held)
        try:
            made = self._made(new)
        except (ExistsError, NoAnswerError):
            held = self._held(new)
            if not held:
                raise
            return self._kept(held)
        if made is not None and self._can.creates_once:
            return made
        rows = {row.id: row for row in [*self._held(new), *([made] if made else [])]}
        if not rows:
            raise unreadable()
        return self._kept(list(rows.values()))

    def _new(self, kind: Kind, practitioner_id: str, identifier: str, span: Span, what: What) -> _New:
        settings = self._settings
        system = system_of(kind, settings)
        if kind is Kind.BLOCK and self._can.block_as is BlockAs.SLOT:
            schedule_id = self._schedule_for(practitioner_id)
            return _New(new_slot(schedule_id, identifier, span, what, settings), system, identifier)
        resource = new_appointment(kind, practitioner_id, identifier, span, what, settings)
        return _New(resource, system, identifier)

    @cached_property
    def _schedule_ids(self) -> dict[str, str]:
        """By practitioner."""
        return {}

    def _schedule_for(self, practitioner_id: str) -> str:
        """The schedule that a practitioner's blocks are made in: one that is in use."""
        if practitioner_id not in self._schedule_ids:
            found = self._schedules_of(practitioner_id)
            used = [each for each in found if self._schedules[each].get("active") is not False]
            if not used:
                raise RejectedError("ehr_no_schedule")
            self._schedule_ids[practitioner_id] = used[0]
        return self._schedule_ids[practitioner_id]

    def _made(self, new: _New) -> Appointment | None:
        """As it was answered; None where the answer does not say which row it is.

        Without an answer it is repeated once, where the server makes it once.
        """
        try:
            return self._posted(new)
        except NoAnswerError:
            if not self._can.creates_once:
                raise
        return self._posted(new)

    def _posted(self, new: _New) -> Appointment | None:
        headers = {**RETURN_ROW, "If-None-Exist": "=".join(new.query)}
        answer = self._send(f"{new.type}.create", "POST", new.type, headers=headers, body=new.resource)
        raw = self._answered(answer, new.type)
        if raw is not None:
            return self._row_of(raw)
        place = _LOCATION.search(answer.headers.get("location", ""))
        return self._read_one(row_id(new.type, place["id"])) if place and place["type"] == new.type else None

    def _held(self, new: _New) -> list[Appointment]:
        """The rows under our identifier, and no others that a server may answer beside them."""
        found = self._search(new.type, (new.query,))
        return [self._row_of(raw) for raw in found if is_named(raw, new.system, new.value)]

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
