"""Slots read from a FHIR server: those of ours are the blocks of a practitioner's schedules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from shared.adapters.fhir.appointments import actor
from shared.adapters.fhir.bundles import resource_from_json
from shared.adapters.fhir.elements import begins_within, identifiers_of, instant_text
from shared.adapters.fhir.server import Server, path_of
from shared.adapters.fhir.slots import practitioners_of, schedule_id_of, slot_from_json
from shared.core.model import Appointment
from shared.ports import GoneError

Json = Mapping[str, Any]


class Scheduling(Server):
    @cached_property
    def _schedules(self) -> dict[str, Json]:
        """Those that were read, by id: whose a schedule is does not change."""
        return {}

    def _schedules_of(self, practitioner_id: str) -> list[str]:
        """Ids of a practitioner's schedules as they are now, active ones first; none where there is none."""
        params = (("actor", actor(practitioner_id)), ("_count", str(self._settings.page_size)))
        found = {raw["id"]: raw for raw in self._search("Schedule", params)}
        self._schedules.update(found)
        own = [raw for raw in found.values() if practitioner_id in practitioners_of(raw)]
        return [raw["id"] for raw in sorted(own, key=lambda raw: raw.get("active") is False)]

    def _block_slots(
        self, schedule_ids: Sequence[str], practitioner_id: str, start: datetime, end: datetime
    ) -> Iterator[Appointment]:
        """Slots of ours that begin in [start, end). What is answered beyond that is left out."""
        params = (
            ("schedule", ",".join(f"Schedule/{each}" for each in schedule_ids)),
            ("start", f"ge{instant_text(start)}"),
            ("start", f"lt{instant_text(end)}"),
            ("_count", str(self._settings.page_size)),
        )
        for raw in self._search("Slot", params):
            if self._is_ours(raw) and schedule_id_of(raw) in schedule_ids:
                row = slot_from_json(raw, self._settings, practitioner_id)
                if begins_within(row.when, start, end):
                    yield row

    def _is_ours(self, raw: Json) -> bool:
        return self._settings.block_system in identifiers_of(raw)

    def _slot(self, raw: Json) -> Appointment:
        """A slot of any schedule. One whose schedule is gone is nobody's."""
        schedule_id = schedule_id_of(raw) or ""
        if schedule_id and schedule_id not in self._schedules:
            self._schedules[schedule_id] = self._schedule(schedule_id)
        schedule = self._schedules.get(schedule_id, {})
        return slot_from_json(raw, self._settings, *practitioners_of(schedule))

    def _schedule(self, schedule_id: str) -> Json:
        try:
            answer = self._send("Schedule.read", "GET", path_of("Schedule", schedule_id))
        except GoneError:
            return {}
        return resource_from_json(answer.body, "Schedule")
