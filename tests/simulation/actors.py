"""The people of the simulation: staff at the EHR's screens, practitioners in Google's web page."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

from sandbox.ehr.outcome import FhirError
from sandbox.google.errors import ApiError
from shared.core.model import Event
from tests.simulation.at_the_ehr import AtTheEhr
from tests.simulation.in_externals import InExternals
from tests.simulation.in_the_calendar import InTheCalendar
from tests.simulation.notes import Notes
from tests.simulation.people import PRACTICE
from tests.simulation.series_by_hand import SeriesByHand
from tests.simulation.stage import Stage
from tests.simulation.whole_calendars import WholeCalendars


class Actors:
    """Random edits on both sides."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rng = stage.rng
        self.notes = Notes(stage)
        self.staff = AtTheEhr(stage, self.notes)
        self.calendar = InTheCalendar(stage, self.notes, self.staff)
        self.series = SeriesByHand(stage, self.notes, self.calendar)
        self.outside = InExternals(stage, self.notes)
        self.calendars = WholeCalendars(stage)

    def act(self) -> None:
        """One edit by somebody; one that is refused did not happen."""
        self._try(self.rng.choice(self.rng.choice(self._kinds)))
        if self.stage.serial or self.stage.wide:  # series are dragged in, too
            self.stage.by_hand.note()

    @property
    def _kinds(self) -> list[list[Callable[[], None]]]:
        """Each as likely as any other."""
        kinds = [self.staff.actions, self.calendar.actions]
        if self.stage.serial:
            kinds += [self.series.actions]
        if self.stage.wide:
            kinds += [self.outside.actions] * 2
            kinds += [[*self.staff.actions_on_blocks, *self.calendars.actions]]
        return kinds

    def _try(self, action: Callable[[], None]) -> None:
        self.stage.story.append(action.__name__)
        try:
            action()
        except (FhirError, ApiError, ValueError):
            self.stage.story.append("refused")

    def regret(self) -> None:
        """Bring back what was deleted last."""
        if self.calendar.regret():
            self.stage.story.append("regret")

    # --- the worst moment -------------------------------------------------------------------------------

    def at_the_worst_moment(self, method: str, about: object) -> None:
        """A job has just written and died: somebody changes their mind about the same item."""
        if method == "create" and isinstance(about, Event) and about.marker is not None:
            self._hand_over(about.marker.k)
        if method == "delete" and isinstance(about, Event):
            self._take_back_the_cancellation(about.id)
        if method == "cancel":
            self.regret()

    def _hand_over(self, k: str) -> None:
        """Give the client appointment of this item to the other practitioner."""
        keys = self.stage.world.keys
        for row in self.staff.rows(client=True):
            for person, other in permutations(self.stage.people):
                if keys.k_of_appointment(PRACTICE, person.key, row["id"]) == k:
                    self.stage.story.append("hand over")
                    self.staff.reassign_row(row["id"], other.id)

    def _take_back_the_cancellation(self, event_id: str) -> None:
        for person in self.stage.people:
            row_id = self.stage.row_of(person, event_id)
            rows = {row["id"]: row for row in self.staff.rows() if row["status"] == "cancelled"}
            if row_id is not None and row_id in rows:
                self.stage.story.append("take back")
                self.staff.restore_row(row_id)
