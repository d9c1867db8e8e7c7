"""The calendars of the practitioners' own, and which of them they want to take their time."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from sandbox.google.calendar import GoogleCalendar
from shared.core.blocking import BlockRules
from tests.simulation.people import KEYS, Practitioner

NAMES = ("Family", "Work")
SHARED = "Team"


@dataclass
class Externals:
    """Every account has its primary calendar and one or two more; one of the other's may be shared."""

    google: GoogleCalendar
    rng: random.Random
    people: list[Practitioner]
    owner_of: dict[str, Practitioner] = field(default_factory=dict)
    """Who sits at the screen of each calendar, by its id."""
    wishes: dict[tuple[str, str], BlockRules | None] = field(default_factory=dict)
    """By practitioner and calendar: what was asked for last, None to leave it."""
    shared: str | None = None
    """A calendar of the first one that the second account may see, while it may."""

    def open(self) -> None:
        for person in self.people:
            primary = self.google.store.accounts[person.sub].primary
            if primary in self.owner_of:
                continue  # two practitioners with one account
            self.owner_of[primary] = person
            for name in NAMES[: self.rng.randint(1, 2)]:
                self.owner_of[person.person.create_calendar(name)["id"]] = person
        owner, guest = self.people
        if owner.sub != guest.sub and self.rng.random() < 0.5:
            self.shared = shared = str(owner.person.create_calendar(SHARED)["id"])
            self.owner_of[shared] = owner
            owner.person.share_calendar(shared, guest.sub, "reader")

    def seen_by(self, person: Practitioner) -> list[str]:
        """Those that the account may be asked for now."""
        return [each for each in self.owner_of if self._role(person, each) is not None]

    def _role(self, person: Practitioner, calendar_id: str) -> str | None:
        return self.google.role(person.sub, calendar_id)

    def is_seen(self, person: Practitioner, calendar_id: str) -> bool:
        return calendar_id in self.seen_by(person)

    def wanted(self, person: Practitioner) -> dict[str, BlockRules]:
        """The calendars that are to take the practitioner's time, and by which rules."""
        return {
            calendar_id: rules
            for (whose, calendar_id), rules in self.wishes.items()
            if whose == person.id and rules is not None
        }

    @staticmethod
    def key(person: Practitioner, calendar_id: str) -> str:
        return KEYS.calendar(person.key, person.sub, calendar_id)

    def rules(self) -> BlockRules:
        """Mostly that all of it takes the time, as it is where nobody says otherwise."""
        return BlockRules(*(self.rng.random() < 0.8 for _ in range(5)))
