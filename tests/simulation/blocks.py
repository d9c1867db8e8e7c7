"""What the EHR may show of external calendars at any moment: what Google said at some time, nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from shared.core.identity import parse_identifier
from shared.core.model import Appointment, Kind, What
from tests.simulation.expected import Block, blocks_of, within
from tests.simulation.externals import Externals
from tests.simulation.people import Practitioner
from tests.simulation.reading import Json, instant_of
from tests.simulation.stored import Stored


@dataclass
class Removal:
    """A block that staff took out of the EHR."""

    row_id: str
    shown: Block
    said_so_far: int
    """How often its event had changed by then."""


@dataclass
class Blocks:
    """Keeps account of all that Google said of each occurrence, for whoever has its calendar chosen."""

    stored: Stored
    externals: Externals
    forgetful: Callable[[], bool]
    """Whether mappings were lost in this story, and listings said too little."""
    said: dict[str, list[Block | None]] = field(default_factory=dict)
    """By identifier, every state that differs from the one before; None: nothing is to be shown."""
    let_go: set[str] = field(default_factory=set)
    """Keys of calendars that were left, gone or one way at some time: all their blocks may go."""
    removed: dict[str, Removal] = field(default_factory=dict)
    """By identifier, the last time."""

    def note(self, *changed: str) -> None:
        """Somebody changed something, in these calendars or anywhere: what does Google say now?"""
        for person in self.externals.people:
            for calendar_id in self.externals.wanted(person):
                if not changed or calendar_id in changed:
                    self._note(person, calendar_id)

    def _note(self, person: Practitioner, calendar_id: str) -> None:
        key, now = self.externals.key(person, calendar_id), self.should_be(person, calendar_id)
        if not self.externals.is_seen(person, calendar_id):
            self.let_go.add(key)
        known = {name for name in self.said if name.startswith(f"{key}.")}
        for name in known | now.keys():
            states = self.said.setdefault(name, [])
            if not states or states[-1] != now.get(name):
                states.append(now.get(name))

    def should_be(self, person: Practitioner, calendar_id: str) -> dict[str, Block]:
        """Whatever the window."""
        rules = self.externals.wanted(person).get(calendar_id)
        connection = self.stored.connection(person)
        if rules is None or connection is None:
            return {}
        google, now = self.externals.google, self.stored.clock.now()
        return blocks_of(google, person, calendar_id, rules, connection.settings, now)

    def lets_go(self, person: Practitioner, calendar_id: str) -> None:
        self.let_go.add(self.externals.key(person, calendar_id))

    def lets_all_go(self, person: Practitioner) -> None:
        for calendar_id in self.externals.owner_of:
            self.lets_go(person, calendar_id)

    def removed_by_staff(self, row: Json) -> None:
        name = row["identifier"][0]["value"]
        self.removed[name] = Removal(row["id"], shown(row), len(self.said.get(name, ())))

    # --- what is written in the EHR ---------------------------------------------------------------------

    def broken_by(self, method: str, given: tuple[object, ...], said: dict[str, object]) -> str | None:
        """Which promise a write to a block breaks; None: none."""
        row = given[0]
        if method == "create" and row is Kind.BLOCK:
            return self._broken_by_showing(str(given[2]), given[3], given[4])
        if not isinstance(row, Appointment) or row.kind is not Kind.BLOCK:
            return None
        name = row.identifier or ""
        if method == "cancel":
            return None if self._may_go(name) else "a block went without evidence"
        return self._broken_by_showing(name, said.get("span"), said.get("what"))

    def _broken_by_showing(self, name: str, span: object, what: object) -> str | None:
        assert isinstance(span, tuple)
        assert isinstance(what, What)
        start, end = span
        block = Block(start, end, what.busy, what.summary)
        said_so = block in self.said.get(name, ()) or not self._is_wanted(_key(name))
        return None if said_so else "a block of what Google never said"

    def _is_wanted(self, key: str) -> bool:
        """One that was just left may still be read for a while."""
        people = self.externals.people
        return key in {self.externals.key(p, each) for p in people for each in self.externals.wanted(p)}

    def _may_go(self, name: str) -> bool:
        """Google said at some time that there is nothing, or nothing within the window."""
        key = _key(name)
        if key in self.let_go or self.forgetful():
            return True
        return any(state is None or not self._takes_in(key, state) for state in self.said.get(name, ()))

    def _takes_in(self, key: str, block: Block) -> bool:
        for person in self.externals.people:
            connection = self.stored.connection(person)
            ours = {self.externals.key(person, calendar_id) for calendar_id in self.externals.owner_of}
            if connection is not None and key in ours:
                return within(block, connection.settings, self.stored.clock.now())
        return False


def _key(name: str) -> str:
    return (parse_identifier(name) or ("", ""))[0]


def shown(row: Json) -> Block:
    """What a row of the EHR shows."""
    free = any(each.get("valueBoolean") is True for each in row.get("extension", ()))
    return Block(instant_of(row["start"]), instant_of(row["end"]), not free, row.get("description", ""))
