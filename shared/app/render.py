"""Facts of both sides, as one connection sees them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from shared.core.blocking import BlockRules, Effect, block_what, effect
from shared.core.identity import Keys
from shared.core.labels import client_what
from shared.core.model import Appointment, Client, Event, Facts, Kind, Reading, Side, Status, What
from shared.core.policy import CancelledEvents, ConnectionSettings, ExternalTitles, FreeEvents, Mode
from shared.core.text import CANCELLED, canonical, personal_what
from shared.core.window import Window, whole_days
from shared.ports import Ehr


@dataclass(frozen=True)
class Renderer:
    keys: Keys
    settings: ConnectionSettings
    practitioner: str
    window: Window
    """What of external calendars is taken in; a block outside it is dropped."""
    rules: BlockRules = field(default_factory=BlockRules)
    """Of the external calendar in hand."""
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

    def marks(self, row: Appointment) -> bool:
        """Whether a mark of this cancelled appointment stays where it had an event."""
        stays = self.settings.cancelled_events is CancelledEvents.MARK and row.kind is Kind.CLIENT
        return stays and row.cancelled and self.practitioner in row.practitioner_ids

    def what(self, row: Appointment, origin: Side) -> What:
        if row.cancelled and row.kind is Kind.CLIENT:
            return What(summary=CANCELLED, busy=False)
        if row.kind is Kind.BLOCK:
            return What(summary=canonical(row.title), busy=row.busy)
        if row.kind is Kind.PERSONAL:
            return personal_what(row, origin, self.settings.personal_text)
        clients = [self.clients.get(patient, Client()) for patient in row.patient_ids]
        return client_what(row, clients, self.settings)

    def mark(self, row: Appointment, before: Facts) -> Reading:
        """The EHR side of a marker, in the place that it had before where the row names none now."""
        when = replace(row.when or before.when, busy=False)
        return Reading(Facts(when, self.keys.what(self.what(row, Side.EHR), row.kind), row.version))

    def row(self, row: Appointment | None, origin: Side) -> Reading:
        """The EHR side; `learn` has been called for it, and a live row has a readable start here."""
        if row is None or not self.has(row):
            return Reading(None)
        assert row.when is not None
        when = row.when if row.kind is Kind.CLIENT else whole_days(row.when, self.settings.zone)
        if row.kind is Kind.BLOCK:
            when = replace(when, busy=row.busy)
        return Reading(Facts(when, self.keys.what(self.what(row, origin), row.kind), row.version))

    def event(self, event: Event | None, kind: Kind) -> Reading:
        """The calendar side; a live event has a readable start here."""
        if event is None or event.cancelled:
            return Reading(None)
        if kind is Kind.BLOCK:
            return self._block(event)
        assert event.when is not None
        return Reading(Facts(event.when, self.keys.what(event.what, kind), event.version))

    def _block(self, event: Event) -> Reading:
        """What an event of an external calendar is to the EHR: nothing, time taken, or shown as Free."""
        does = effect(event, self.rules)
        hidden = does is Effect.FREE and self.settings.free_events is FreeEvents.HIDE
        if does is Effect.NOTHING or hidden or self.settings.mode is Mode.ONE_WAY:
            return Reading(None)
        assert event.when is not None
        if not self.window.takes_in(event.when, self.settings.zone):
            return Reading(None)
        what = self.block_what(event)
        when = replace(event.when, busy=what.busy)
        return Reading(Facts(when, self.keys.what(what, Kind.BLOCK), event.version))

    def block_what(self, event: Event) -> What:
        """One of ours that was dragged there has a client's label for its title: it is never shown."""
        titles = self.settings.external_titles is ExternalTitles.SHOW and event.marker is None
        return block_what(event, titles=titles, busy=effect(event, self.rules) is Effect.TAKES)

    def what_for_ehr(self, row: Appointment | None, event: Event, origin: Side) -> What:
        """What the EHR is to say after an edit in the calendar.

        Where the event still says what we made of the row ("Busy"), the row keeps its own title.
        """
        if row is not None and self.what(row, origin).summary == canonical(event.what.summary):
            return What(summary=row.title, busy=event.what.busy)
        return What(summary=event.what.summary, busy=event.what.busy)
