"""Staff at the EHR's screens: they book, move, cancel, and obey no rule of the sync's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from tests.simulation.notes import Notes
from tests.simulation.people import FAMILY
from tests.simulation.reading import LIVE, Json, instant_of, is_block, is_client, tag_of
from tests.simulation.stage import Stage

OWN_TIME = "Own time"


class AtTheEhr:
    def __init__(self, stage: Stage, notes: Notes) -> None:
        self.stage, self.rng, self.notes = stage, stage.rng, notes

    @property
    def actions(self) -> list[Callable[[], None]]:
        return [
            self.book_client, self.book_client, self.book_own_time, self.book_own_time, self.reschedule,
            self.reschedule, self.cancel, self.cancel_own_time, self.restore, self.rename, self.reassign,
            self.reassign, self.retitle, self.no_show, self.add_client,
        ]  # fmt: skip

    @property
    def actions_on_blocks(self) -> list[Callable[[], None]]:
        return [self.move_block, self.remove_block, self.remove_block, self.retitle_block]

    # --- rows -------------------------------------------------------------------------------------------

    def rows(self, *, client: bool | None = None) -> list[Json]:
        """Appointments, without blocks."""
        rows = [row for row in self.stage.store.resources("Appointment") if not is_block(row)]
        return [row for row in rows if client is None or is_client(row) == client]

    def _row(self, *, client: bool | None = None) -> Json:
        return self._one_of(self.rows(client=client))

    def _block(self) -> Json:
        rows = [row for row in self.stage.store.resources("Appointment") if is_block(row)]
        return self._one_of([row for row in rows if row["status"] == "booked"])

    def _one_of(self, rows: list[Json]) -> Json:
        if not rows:
            raise ValueError("no such appointment yet")
        return self.rng.choice(rows)

    # --- appointments -----------------------------------------------------------------------------------

    def book_client(self) -> None:
        patients = self.rng.sample(self.stage.patients, self.rng.choice([1, 1, 1, 2]))
        person = self.notes.practitioner()
        start, end = self.notes.span()
        row = self.stage.staff.book(
            patients=patients, practitioners=[person.id], start=start, end=end, zone=person.zone.key
        )
        self.notes.staff_wrote(row)

    def book_own_time(self) -> None:
        person = self.notes.practitioner()
        start, end = self.notes.span()
        title = self.notes.tag(OWN_TIME)
        row = self.stage.staff.book_personal(
            practitioner=person.id, start=start, end=end, zone=person.zone.key, title=title
        )
        self.notes.staff_wrote(row)

    def reschedule(self) -> None:
        self.reschedule_row(self._row())

    def reschedule_row(self, row: Json) -> None:
        start, end = self.notes.span()
        self.notes.staff_wrote(self.stage.staff.reschedule(appointment=row["id"], start=start, end=end))

    def cancel(self) -> None:
        self.notes.staff_wrote(self.stage.staff.cancel(appointment=self._row()["id"]))

    def cancel_own_time(self) -> None:
        self.notes.staff_wrote(self.stage.staff.cancel(appointment=self._row(client=False)["id"]))

    def restore(self) -> None:
        rows = [row for row in self.rows() if row["status"] == "cancelled"]
        if rows:
            self.restore_row(self.rng.choice(rows)["id"])

    def restore_row(self, row_id: str) -> None:
        self.notes.staff_wrote(self.stage.staff.restore(appointment=row_id))

    def no_show(self) -> None:
        self.notes.staff_wrote(self.stage.staff.no_show(appointment=self._row(client=True)["id"]))

    def rename(self) -> None:
        given = [self.rng.choice(["Eli", "Fay", "Gus"])]
        patient = self.rng.choice(self.stage.patients)
        self.stage.staff.rename_patient(patient=patient, family=FAMILY, given=given)

    def reassign(self) -> None:
        self.reassign_row(self._row(client=True)["id"], self.notes.practitioner().id)

    def reassign_row(self, row_id: str, practitioner: str) -> None:
        self.notes.staff_wrote(self.stage.staff.reassign(appointment=row_id, practitioner=practitioner))

    def retitle(self) -> None:
        self.retitle_row(self._row(client=False))

    def retitle_row(self, row: Json) -> None:
        tag = tag_of(row.get("description", ""))
        if tag:
            title = f"{self.rng.choice(['Study', 'Supervision'])} #{tag}"
            self.notes.staff_wrote(self.stage.staff.change_title(appointment=row["id"], title=title))

    def add_client(self) -> None:
        """To something that was made by hand; an occurrence leaves its series."""
        rows = [row for row in self.rows(client=False) if "identifier" in row]
        row = self._one_of([row for row in rows if row["status"] in LIVE])
        self.notes.left_the_calendar(row.get("description", ""))
        patient = self.rng.choice(self.stage.patients)
        self.notes.staff_wrote(self.stage.staff.add_client(appointment=row["id"], patient=patient))

    # --- blocks -----------------------------------------------------------------------------------------

    def move_block(self) -> None:
        row = self._block()
        length = instant_of(row["end"]) - instant_of(row["start"])
        start = instant_of(row["start"]) + timedelta(hours=self.rng.choice([-2, 1, 30]))
        self.stage.staff.reschedule(appointment=row["id"], start=start, end=start + length)

    def retitle_block(self) -> None:
        self.stage.staff.change_title(appointment=self._block()["id"], title="Theirs")

    def remove_block(self) -> None:
        row: dict[str, Any] = self._block()
        self.stage.staff.cancel(appointment=row["id"])
        self.stage.blocks.removed_by_staff(row)
