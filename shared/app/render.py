"""Facts of both sides, as one connection sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.core.identity import Keys
from shared.core.model import Appointment, Client, Event, Facts, Kind, Reading, Side, Status, What
from shared.core.policy import ConnectionSettings
from shared.core.text import canonical, client_what, personal_what
from shared.core.window import whole_days
from shared.ports import Ehr


@dataclass(frozen=True)
class Renderer:
    keys: Keys
    settings: ConnectionSettings
    practitioner: str
    clients: dict[str, Client] = field(default_factory=dict, repr=False)
    """What is known of the patients of the rows in hand; lives as long as the job."""

    def learn(self, ehr: Ehr, rows: Iterable[Appointment | None]) -> None:
        """Read what the labels of these rows need, in one go."""
        wanted = {
            patient
            for row in rows
            if row is not None and self.has(row) and len(row.patient_ids) == 1
            for patient in row.patient_ids
        } - set(self.clients)
        if wanted:
            found = ehr.clients(sorted(wanted), self.settings.client_label)
            self.clients.update({patient: found.get(patient, Client()) for patient in wanted})

    def has(self, row: Appointment) -> bool:
        """Whether the row is an appointment of this practitioner now."""
        return row.status is Status.LIVE and self.practitioner in row.practitioner_ids

    def what(self, row: Appointment, origin: Side) -> What:
        if row.kind is Kind.PERSONAL:
            return personal_what(row, origin, self.settings.personal_text)
        clients = [self.clients.get(patient, Client()) for patient in row.patient_ids]
        return client_what(row, clients, self.settings.client_label)

    def row(self, row: Appointment | None, origin: Side) -> Reading:
        """The EHR side; `learn` has been called for it, and a live row has a readable start here."""
        if row is None or not self.has(row):
            return Reading(None)
        assert row.when is not None
        when = whole_days(row.when, self.settings.zone) if row.kind is Kind.PERSONAL else row.when
        return Reading(Facts(when, self.keys.what(self.what(row, origin), row.kind), row.version))

    def event(self, event: Event | None, kind: Kind) -> Reading:
        """The calendar side; a live event has a readable start here."""
        if event is None or event.cancelled:
            return Reading(None)
        assert event.when is not None
        return Reading(Facts(event.when, self.keys.what(event.what, kind), event.version))

    def what_for_ehr(self, row: Appointment | None, event: Event, origin: Side) -> What:
        """What the EHR is to say after an edit in the calendar.

        Where the event still says what we made of the row ("Busy"), the row keeps its own title.
        """
        if row is not None and self.what(row, origin).summary == canonical(event.what.summary):
            return What(summary=row.title, busy=event.what.busy)
        return What(summary=event.what.summary, busy=event.what.busy)
