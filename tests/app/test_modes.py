"""From each mode to each other: what becomes of what was done on either side and not read yet, and of blocks.

It goes by the mode that holds when it is read, whatever held when it was done.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import pytest

from shared.core.policy import Mode
from tests.app.externals import External, external
from tests.app.stage import Practitioner, Stage, starts

TWO_WAY, ONE_WAY, OFF = Mode.TWO_WAY, Mode.ONE_WAY, Mode.OFF
CHANGES = list(permutations(Mode, 2))
THERE, MOVED = 52, 90
"""Hours from the beginning."""


@dataclass
class Scene:
    """A client's appointment, a personal one and a block, in sync; then a mode of which all is known."""

    stage: Stage
    whose: Practitioner
    client: str
    own: str
    own_event: str
    family: External

    def __post_init__(self) -> None:
        self.there = self.stage.at(THERE)

    def settle(self) -> None:
        for _ in range(2):
            self.stage.settle()
            self.family.sync()

    def to(self, mode: Mode) -> None:
        self.stage.change_settings(self.whose, mode=mode)
        self.settle()

    def event_of(self, row: str) -> str:
        item = next(item for item in self.stage.items(self.whose) if item.appointment_id == row)
        assert item.event_id is not None
        return item.event_id

    def time_there(self, event: str) -> object:
        return starts(self.stage.event(self.whose, event))

    @property
    def appointments(self) -> int:
        """Blocks not counted."""
        return len(self.stage.store.resources("Appointment")) - len(self.family.rows)

    def lives(self, event: str) -> bool:
        return event in [each["id"] for each in self.stage.events(self.whose)]


@pytest.fixture
def scene(stage: Stage, ada: Practitioner) -> Scene:
    client, own = stage.book(ada, hours=48), stage.own_time(ada, hours=THERE)
    stage.settle()
    family = external(stage, ada)
    family.add(hours=70)
    family.sync()
    item = next(item for item in stage.items(ada) if item.appointment_id == own)
    assert item.event_id is not None
    return Scene(stage, ada, client, own, item.event_id, family)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_an_event_made_by_hand_is_taken_in_only_both_ways(scene: Scene, before: Mode, after: Mode) -> None:
    scene.to(before)
    event = scene.stage.hand_made(scene.whose, hours=80)
    scene.to(after)
    assert scene.appointments == (3 if after is TWO_WAY else 2)
    assert scene.lives(event)
    scene.to(TWO_WAY)
    assert scene.appointments == 3


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_move_of_the_practitioners_own_time(scene: Scene, before: Mode, after: Mode) -> None:
    scene.to(before)
    scene.stage.move(scene.whose, scene.own_event, hours=MOVED)
    moved = scene.stage.at(MOVED)
    scene.to(after)
    there, here = scene.time_there(scene.own_event), starts(scene.stage.row(scene.own))
    expected = {
        TWO_WAY: (moved, moved),
        ONE_WAY: (scene.there, scene.there),
        OFF: (moved, scene.there),
    }
    assert (there, here) == expected[after]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_deletion_of_the_practitioners_own_time(scene: Scene, before: Mode, after: Mode) -> None:
    scene.to(before)
    scene.stage.delete(scene.whose, scene.own_event)
    scene.to(after)
    status = scene.stage.row(scene.own)["status"]
    events = len(scene.stage.events(scene.whose))
    assert (status, events) == {TWO_WAY: ("cancelled", 1), ONE_WAY: ("booked", 2), OFF: ("booked", 1)}[after]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_a_move_of_a_clients_appointment_is_put_back_where_anything_moves(
    scene: Scene, before: Mode, after: Mode
) -> None:
    event = scene.event_of(scene.client)
    was = scene.time_there(event)
    scene.to(before)
    scene.stage.move(scene.whose, event, hours=MOVED)
    moved = scene.stage.at(MOVED)
    scene.to(after)
    assert scene.time_there(event) == (moved if after is OFF else was)
    assert starts(scene.stage.row(scene.client)) == was


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_what_the_ehr_changes_goes_out_where_anything_moves(scene: Scene, before: Mode, after: Mode) -> None:
    event = scene.event_of(scene.client)
    was = scene.time_there(event)
    scene.to(before)
    scene.stage.change_settings(scene.whose, mode=OFF)  # else it goes out before the mode changes
    scene.stage.reschedule(scene.client, hours=MOVED)
    moved = scene.stage.at(MOVED)
    scene.to(after)
    assert scene.time_there(event) == (was if after is OFF else moved)


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_blocks_are_there_both_ways_go_one_way_and_stay_when_off(
    scene: Scene, before: Mode, after: Mode
) -> None:
    scene.to(before)
    had = len(scene.family.blocks)
    assert had == (0 if before is ONE_WAY else 1)
    scene.family.add(hours=74)
    scene.to(after)
    assert len(scene.family.blocks) == {TWO_WAY: 2, ONE_WAY: 0, OFF: had}[after]


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_an_event_of_somebody_elses_making_that_was_taken_in_stays_taken_in(
    scene: Scene, before: Mode, after: Mode
) -> None:
    """And is put back one way, as ours is: it is the EHR's now."""
    event = scene.stage.hand_made(scene.whose, hours=80)
    scene.settle()
    was = scene.time_there(event)
    scene.to(before)
    scene.stage.move(scene.whose, event, hours=MOVED)
    moved = scene.stage.at(MOVED)
    scene.to(after)
    expected = {TWO_WAY: (moved, moved), ONE_WAY: (was, was), OFF: (moved, was)}
    item = next(item for item in scene.stage.items(scene.whose) if item.event_id == event)
    assert (scene.time_there(event), starts(scene.stage.row(item.appointment_id))) == expected[after]


@pytest.mark.parametrize("modes", [(before, after) for before, after in CHANGES if after is not OFF])
def test_a_change_there_and_back_ends_where_it_began(scene: Scene, modes: tuple[Mode, Mode]) -> None:
    for mode in (*modes, TWO_WAY):
        scene.to(mode)
    scene.stage.ledger.clear()
    scene.stage.sync(scene.whose, everything=True)
    scene.family.sync(everything=True)
    assert scene.stage.ledger.side_writes == []
    assert (len(scene.stage.events(scene.whose)), len(scene.family.blocks)) == (2, 1)
    assert scene.stage.row(scene.own)["status"] == scene.stage.row(scene.client)["status"] == "booked"
