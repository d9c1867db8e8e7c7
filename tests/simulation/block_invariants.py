"""What the EHR must show of external calendars after every story: see `expected.py` for what that is."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from shared.core.identity import parse_identifier
from tests.simulation.blocks import shown
from tests.simulation.expected import Block, within
from tests.simulation.people import PRIVATE, Practitioner
from tests.simulation.reading import LIVE, Json, is_block
from tests.simulation.stage import Stage

Blocks = dict[str, Block]
"""By the identifiers of their rows."""


def check_blocks(stage: Stage, *, slack: timedelta, soon: bool = False) -> None:
    """`slack`: so much of the window's end may not have been taken in yet.

    `soon`: little time has passed, and the blocks of calendars that are gone may still be there.
    """
    live = [row for row in stage.store.resources("Appointment") if is_block(row) and row["status"] in LIVE]
    _check_none_is_twice(stage, live)
    rows = {_name(row): row for row in live}
    for person in stage.people:
        for calendar_id in stage.externals.owner_of:
            if soon and not stage.externals.is_seen(person, calendar_id):
                continue
            _check_calendar(stage, person, calendar_id, rows, slack)
    _check_staff_had_their_way(stage, rows)
    assert PRIVATE not in repr(stage.store.resources("Appointment")), f"seed {stage.seed}: a private title"


def _check_none_is_twice(stage: Stage, live: list[Json]) -> None:
    twice = [name for name, count in Counter(map(_name, live)).items() if count > 1]
    assert not twice, f"seed {stage.seed}: blocks twice: {twice}"


def _check_calendar(
    stage: Stage, person: Practitioner, calendar_id: str, rows: dict[str, Json], slack: timedelta
) -> None:
    connection = stage.connection(person)
    assert connection is not None
    key, now = stage.externals.key(person, calendar_id), stage.clock.now()
    there = {name: shown(row) for name, row in rows.items() if _key(name) == key}
    should = stage.blocks.should_be(person, calendar_id)
    may = {name: block for name, block in should.items() if within(block, connection.settings, now)}
    must = {name: block for name, block in may.items() if within(block, connection.settings, now - slack)}
    where = f"seed {stage.seed}: {person.id} {calendar_id}"
    surplus = {name: block for name, block in there.items() if may.get(name) != block}
    assert not surplus, f"{where} shows {surplus}, Google says {_only(may, surplus)}"
    removed = stage.blocks.removed
    missing = {name: block for name, block in must.items() if name not in there and name not in removed}
    assert not missing, f"{where} lacks {missing}"


def _check_staff_had_their_way(stage: Stage, rows: dict[str, Json]) -> None:
    """What they removed stays so while Google says the same of it."""
    if stage.losses:
        return
    for name, removal in stage.blocks.removed.items():
        said = stage.blocks.said.get(name, [])
        same = len(said) == removal.said_so_far and said and said[-1] == removal.shown
        if same and removal.row_id not in stage.chaos.never_saved and _key(name) not in stage.blocks.let_go:
            assert name not in rows, f"seed {stage.seed}: a block that staff removed is back"


def _only(blocks: Blocks, names: Blocks) -> Blocks:
    return {name: block for name, block in blocks.items() if name in names}


def _name(row: Json) -> str:
    return str(row["identifier"][0]["value"])


def _key(name: str) -> str:
    return (parse_identifier(name) or ("", ""))[0]
