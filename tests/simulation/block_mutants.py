"""Wrong ideas about external calendars and series, each as a small change to ours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from shared.app import choosing, external, gathering, hand_made, render
from shared.app import slice as slice_
from shared.app.cases import see_event
from shared.app.connections import calendars_of
from shared.app.gathering import Gathered
from shared.app.records import Calendar, Role
from shared.app.world import World
from shared.core import blocking, policy
from shared.core import window as windows
from shared.core.blocking import BlockRules, Effect
from shared.core.errors import RetryableError
from shared.core.model import Event, Kind, Response, What
from shared.core.policy import Right, SideRights, Traits
from shared.core.window import Window
from shared.ports import GoneError
from tests.fakes.clock import START
from tests.simulation import lives
from tests.simulation.mutants import Mutant, Patch


def declined_takes_the_time(patch: Patch) -> None:
    real = blocking.effect

    def effect(event: Event, rules: BlockRules) -> Effect:
        declined = event.response is Response.DECLINED
        return real(replace(event, response=Response.ACCEPTED) if declined else event, rules)

    patch.setattr(render, "effect", effect)


def free_takes_the_time(patch: Patch) -> None:
    real = blocking.effect

    def effect(event: Event, rules: BlockRules) -> Effect:
        return real(replace(event, what=replace(event.what, busy=True)), rules)

    patch.setattr(render, "effect", effect)


def private_titles_are_shown(patch: Patch) -> None:
    real = blocking.block_what

    def block_what(event: Event, *, titles: bool, busy: bool) -> What:
        return real(replace(event, what=replace(event.what, private=False)), titles=titles, busy=busy)

    patch.setattr(render, "block_what", block_what)


def place_is_the_present_start(patch: Patch) -> None:
    """An occurrence is known by the time that it has now."""
    real = external.ExternalGatherer._named

    def named(self: external.ExternalGatherer, events: list[Event]) -> Iterator[tuple[str, Event]]:
        moved = [
            replace(event, origin=replace(event.origin, start=event.when.start))
            if event.origin and event.when
            else event
            for event in events
        ]
        return real(self, moved)

    patch.setattr(external.ExternalGatherer, "_named", named)


def bare_tombstones_say_nothing(patch: Patch) -> None:
    """What is deleted says of what series it was."""
    real = external.ExternalGatherer._see_delta

    def see_delta(self: external.ExternalGatherer, events: dict[str, Event]) -> None:
        real(self, {each: event for each, event in events.items() if event.when or not event.cancelled})

    patch.setattr(external.ExternalGatherer, "_see_delta", see_delta)


def leave_takes_all(patch: Patch) -> None:
    """Leaving a calendar takes every block of its practitioner away."""

    def leave(world: World, connection_key: str, calendar_id: str) -> Calendar:
        left = choosing.leave(world, connection_key, calendar_id)
        for calendar in calendars_of(world, connection_key):
            if calendar.role is Role.EXTERNAL:
                choosing.leave(world, connection_key, calendar.calendar_id or "")
        return left

    patch.setattr(lives, "leave", leave)


def failed_series_is_empty(patch: Patch) -> None:
    """A series that cannot be read has no occurrences."""
    real = gathering.Gatherer.instances

    def instances(self: gathering.Gatherer, master_id: str, master: Event | None) -> list[Event]:
        try:
            return real(self, master_id, master)
        except RetryableError:
            return []

    patch.setattr(gathering.Gatherer, "instances", instances)


def unread_calendar_is_empty(patch: Patch) -> None:
    """A calendar that cannot be read has nothing in it."""
    real = external.ExternalGatherer.everything

    def everything(self: external.ExternalGatherer) -> Gathered:
        try:
            return real(self)
        except (RetryableError, GoneError):
            for item in self.items:
                see_event(self.case(item.k, item), None, self.tools.renderer)
            return self.result(None, listed=False)

    patch.setattr(external.ExternalGatherer, "everything", everything)


def split_makes_anew(patch: Patch) -> None:
    """Where a series is split, its appointments are cancelled and others made."""
    patch.setattr(hand_made.HandMadeSeries, "_is_new", lambda _self, _case: False)


def window_never_rolls(patch: Patch) -> None:
    """What was beyond the horizon on the first day stays there."""
    real = windows.window

    def window(start_from: date, horizon_days: int, *, now: datetime, zone: ZoneInfo) -> Window:
        return real(start_from, horizon_days, now=min(now, START), zone=zone)

    patch.setattr(slice_, "window", window)


def removed_block_comes_back(patch: Patch) -> None:
    """The EHR only shadows: whatever is missing there is made again."""
    real = policy._ehr_rights

    def ehr_rights(traits: Traits) -> SideRights:
        rights = real(traits)
        return replace(rights, deleted=Right.PUT_BACK) if traits.kind is Kind.BLOCK else rights

    patch.setattr(policy, "_ehr_rights", ehr_rights)


BLOCK_MUTANTS: dict[Mutant, int] = {
    declined_takes_the_time: 35,
    free_takes_the_time: 1,
    private_titles_are_shown: 4,
    place_is_the_present_start: 36,
    bare_tombstones_say_nothing: 44,
    leave_takes_all: 11,
    failed_series_is_empty: 493,
    unread_calendar_is_empty: 10,
    split_makes_anew: 16,
    window_never_rolls: 2,
    removed_block_comes_back: 31,
}
