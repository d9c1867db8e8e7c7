"""What people did, as far as the promises need to know: who touched what, and how they left it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.core.model import Side
from shared.core.policy import PersonalText
from tests.simulation.people import Practitioner
from tests.simulation.reading import Json, instant_of, is_client, start_of, tag_of
from tests.simulation.stage import Stage


@dataclass(frozen=True)
class Last:
    """How the last edit of an item left it."""

    title: str
    start: datetime
    deleted: bool


class Notes:
    """Shared by all actors of a story. An item is known by the tag in its title."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.rng = stage.rng
        self.clients: dict[str, Json] = {}
        """Client appointments as staff last wrote them."""
        self.edited: dict[str, set[Side]] = {}
        """Which sides people edited a personal item on, by the tag in its title."""
        self.last: dict[str, Last] = {}
        self.aged: set[str] = set()
        """Items that were in the past, or soon would be: a move of those is put back, a deletion left."""
        self.earliest: dict[str, datetime] = {}
        """Where each item stood first: whoever learns of a move late may find it in the past by then."""
        self._tags = 0

    # --- choices ---

    def span(self) -> tuple[datetime, datetime]:
        """Mostly in the days to come; some in the last days, some without any length."""
        minutes = self.rng.choice([0, 15, 30, 60])
        day = self.stage.clock.now().replace(minute=0, second=0, microsecond=0)
        start = day + timedelta(days=self.rng.randint(-2, 20), hours=self.rng.randint(-3, 8))
        return start, start + timedelta(minutes=minutes)

    def tag(self, word: str) -> str:
        self._tags += 1
        return f"{word} #{self._tags}"

    def practitioner(self) -> Practitioner:
        return self.rng.choice(self.stage.people)

    # --- what was done ---

    def staff_wrote(self, row: Json) -> None:
        if is_client(row):
            self.clients[row["id"]] = row
            return
        if "identifier" not in row and self._hides_titles(row):
            return  # its event says "Busy": edits of it there cannot be told apart
        deleted = row["status"] == "cancelled"
        self._edited(Side.EHR, Last(row.get("description", ""), instant_of(row["start"]), deleted))

    def google_wrote(self, person: Practitioner, event: Json) -> None:
        deleted = event["status"] == "cancelled"
        self._edited(Side.CALENDAR, Last(event.get("summary", ""), start_of(event, person.zone), deleted))

    def left_the_calendar(self, title: str) -> None:
        """It was dragged somewhere else: what becomes of it here is asked nowhere but in the agreement."""
        self.aged.add(tag_of(title))

    def grow_old(self) -> None:
        """By now everybody has heard of everything."""
        self.aged |= {tag for tag, start in self.earliest.items() if start <= self.stage.clock.now()}

    def _hides_titles(self, row: Json) -> bool:
        settings = {person.id: person.settings for person in self.stage.people}
        actors = [part["actor"]["reference"].partition("/")[2] for part in row["participant"]]
        return any(settings[actor].personal_text is PersonalText.BUSY for actor in actors)

    def _edited(self, side: Side, last: Last) -> None:
        tag = tag_of(last.title)
        if not tag:
            return
        if tag in self.last:
            self.edited.setdefault(tag, set()).add(side)
        starts = {last.start, self.last.get(tag, last).start}
        self.earliest[tag] = min(starts | {self.earliest.get(tag, last.start)})
        if min(starts) <= self.stage.clock.now() + timedelta(days=1):
            self.aged.add(tag)
        self.last[tag] = last


def some_rule(rng: random.Random) -> list[str]:
    """Of a series; endless ones end at the horizon."""
    rule = rng.choice(
        ["WEEKLY;COUNT=4", "DAILY;COUNT=5", "WEEKLY", "WEEKLY;INTERVAL=2", "DAILY;UNTIL=20260314T000000Z"]
    )
    return [f"RRULE:FREQ={rule}"]
