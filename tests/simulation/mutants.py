"""Wrong ideas of a sync, each as a small change to ours. The simulation has to catch every one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from shared.app import calendar_job, connect, connections, gather, gathering, looks, settle, write
from shared.app import slice as slice_
from shared.app.cases import Case
from shared.app.channels import channel_due
from shared.app.feed import run_feed_job
from shared.app.records import Calendar, Connection, calendar_of, calendar_path
from shared.app.world import Push, World
from shared.core.identity import Keys
from shared.core.item import Item, settled
from shared.core.model import Base, Event, Facts, Reading
from shared.core.policy import ConnectionSettings
from tests.fakes.calendar import ModelCalls
from tests.simulation import lives

Patch = pytest.MonkeyPatch
Mutant = Callable[[Patch], None]


def blind_write(patch: Patch) -> None:
    """Write over whatever is there, without the version that was read."""
    real = ModelCalls.__call__

    def call(self: ModelCalls, operation: str, *, if_match: str | None = None, **parameters: Any) -> Any:
        del if_match
        return real(self, operation, **parameters)

    patch.setattr(ModelCalls, "__call__", call)


def cursor_first(patch: Patch) -> None:
    """Move the cursor on before what it brought is written down."""
    real = slice_.Slice.take_lease

    def take_lease(self: slice_.Slice, gathered: gathering.Gathered | None) -> None:
        if gathered is not None and gathered.cursor is not None:
            self.calendar = replace(self.calendar, cursor=gathered.cursor)
        real(self, gathered)

    patch.setattr(slice_.Slice, "take_lease", take_lease)


def absence_is_deletion(patch: Patch) -> None:
    """What a listing lacks is deleted."""

    def verify(self: gathering.Gatherer, item: Item) -> None:
        self.case(item.k, item).calendar = Reading(None)

    patch.setattr(gathering.Gatherer, "verify", verify)


def id_without_generation(patch: Patch) -> None:
    """One event id for an appointment, for ever."""
    real = Keys.event_id
    patch.setattr(Keys, "event_id", lambda self, key, k, _generation: real(self, key, k, 0))


def one_hash_for_both_sides(patch: Patch) -> None:
    """One base for both sides: what the EHR holds."""

    def one(item: Item, base: Base) -> Item:
        return settled(item, Base(base.ehr, base.ehr if base.calendar else None))

    patch.setattr(settle, "settled", one)


def no_match_before_create(patch: Patch) -> None:
    """Take every appointment without a mapping for a new one."""
    patch.setattr(gather, "k_from_calendar", lambda _key, _row: None)


def echo_by_hash_of_the_last_push(patch: Patch) -> None:
    """An event that looks like what we last wrote there is our own echo."""
    pushed: dict[str, Facts] = {}
    real_see, real_write = gather.AppointmentsGatherer._see, write.Writer.to_calendar

    def to_calendar(self: write.Writer, case: Case, *args: Any) -> Facts | None:
        facts = real_write(self, case, *args)
        if facts is not None:
            pushed[case.item.k] = facts
        return facts

    def see(self: gather.AppointmentsGatherer, case: Case, event: Event | None, extras: list[Event]) -> None:
        real_see(self, case, event, extras)
        if case.calendar is not None and case.calendar.facts == pushed.get(case.item.k):
            case.calendar = None

    patch.setattr(write.Writer, "to_calendar", to_calendar)
    patch.setattr(gather.AppointmentsGatherer, "_see", see)


def look_before_lease(patch: Patch) -> None:
    """Take the lease under the document as it is by now, not as it was when we looked."""
    real = slice_.Slice.take_lease

    def take_lease(self: slice_.Slice, gathered: gathering.Gathered | None) -> None:
        path = calendar_path(self.fence.key)
        self.fence.version = self.world.documents.get(path)[path].version
        real(self, gathered)

    patch.setattr(slice_.Slice, "take_lease", take_lease)


def marker_alone_is_ours(patch: Patch) -> None:
    """Any event with our private properties is ours."""
    patch.setattr(Keys, "is_ours", lambda _self, _key, event: event.marker is not None)


def tombstone_speaks_for_the_marker(patch: Patch) -> None:
    """A deleted event of ours is a deletion, mapped or not."""

    def choose(_mapped: str | None, events: Any, *, mapped_lives: bool) -> tuple[Event | None, list[Event]]:
        del mapped_lives
        return min(events, key=lambda event: not event.cancelled), []

    patch.setattr(gather, "choose_event", choose)


def nothing_written_down_before_it_is_made(patch: Patch) -> None:
    """New items are stored only once they are settled."""
    real = slice_.Slice._write_down
    patch.setattr(slice_.Slice, "_write_down", lambda self, _cases: real(self, []))


def own_deletion_is_a_persons(patch: Patch) -> None:
    """An event that is gone was deleted by somebody else, whatever our own jobs were about to do."""
    patch.setattr(Case, "agree_on_absence", lambda _self: None)


def pause_waits_for_nobody(patch: Patch) -> None:
    """Write down that it is paused, and leave the running jobs to their business."""
    patch.setattr(connections, "park_calendars", lambda *_given: None)


def stopping_only_waits(patch: Patch) -> None:
    """Wait for the running jobs, but do not move the document that another one has read before."""

    def wait(world: World, key: str, _to: object, **_rest: object) -> None:
        path = calendar_path(key)
        while calendar_of(world.documents.get(path)[path]).is_leased(world.clock.now()):
            world.clock.sleep(1)

    patch.setattr(connections, "rewrite", wait)


def settings_without_an_epoch(patch: Patch) -> None:
    """Other settings hold for what comes; what is there stays as it is."""

    def change(world: World, key: str, settings: ConnectionSettings) -> Connection:
        return connections.change(world, key, lambda now: replace(now, settings=settings))

    patch.setattr(lives, "change_settings", change)


def start_reads_the_practice_on(patch: Patch) -> None:
    """Whoever begins reads what has changed, for themselves alone."""

    def read_on(world: World, practice: str) -> None:
        run_feed_job(world, practice, lambda calendar_key, appointment_ids: None)  # noqa: ARG005 - told to nobody

    patch.setattr(connections, "_set_cursor", read_on)


def channel_outlives_its_grant(patch: Patch) -> None:
    """A channel is good until its time is over, whatever became of the grant."""

    def due(calendar: Calendar, connection: Connection, push: Push | None, now: datetime) -> bool:
        return channel_due(calendar, replace(connection, grant=calendar.channel_grant), push, now)

    for module in (calendar_job, looks, slice_):
        patch.setattr(module, "channel_due", due)


def new_grant_wakes_nobody(patch: Patch) -> None:
    """After a dead grant the new one is written down, and that is all."""
    patch.setattr(connect, "awakened", lambda _world, _connection: [])


MUTANTS: dict[Mutant, int] = {
    pause_waits_for_nobody: 49,
    stopping_only_waits: 32,
    settings_without_an_epoch: 19,
    start_reads_the_practice_on: 452,
    channel_outlives_its_grant: 20,
    new_grant_wakes_nobody: 20,
    blind_write: 18,
    cursor_first: 132,
    absence_is_deletion: 17,
    id_without_generation: 9,
    one_hash_for_both_sides: 0,
    no_match_before_create: 1,
    echo_by_hash_of_the_last_push: 12,
    look_before_lease: 3,
    marker_alone_is_ours: 43,
    tombstone_speaks_for_the_marker: 5,
    nothing_written_down_before_it_is_made: 0,
    own_deletion_is_a_persons: 132,
}
"""Each with a seed that has caught it: tried first, for most stories do not come by what is wrong."""
