"""Practitioners in Google's web page: calendars of their own that go, come back, or are seen by fewer."""

from __future__ import annotations

from collections.abc import Callable

from tests.simulation.stage import Stage

ROLES = (None, "freeBusyReader", "reader", "writer")


class WholeCalendars:
    def __init__(self, stage: Stage) -> None:
        self.stage, self.rng, self.calendars = stage, stage.rng, stage.externals

    @property
    def actions(self) -> list[Callable[[], None]]:
        return [self.delete_calendar, self.restore_calendar, self.restore_calendar, self.share]

    def delete_calendar(self) -> None:
        calendar_id = self.rng.choice(sorted(self.calendars.owner_of))
        self.calendars.owner_of[calendar_id].person.delete_calendar(calendar_id)
        self.stage.blocks.note(calendar_id)

    def restore_calendar(self) -> None:
        calendar_id = self.rng.choice(sorted(self.calendars.owner_of))
        self.calendars.owner_of[calendar_id].person.restore_calendar(calendar_id)
        self.stage.blocks.note(calendar_id)

    def share(self) -> None:
        """More or less right for the other account, or none; only the shared calendar was ever seen by it."""
        owner, guest = self.stage.people
        shared = self.calendars.shared
        if shared is None:
            raise ValueError("nothing is shared")
        owner.person.share_calendar(shared, guest.sub, self.rng.choice(ROLES))
        self.stage.blocks.note(shared)
