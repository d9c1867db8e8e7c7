"""Whatever is done to series, clients that follow the tokens show what there is."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.errors import ApiError
from sandbox.google.user import Person
from tests.sandbox.google.recurring import Follower, Shown, days, expanded, instances, series, timed, told
from tests.sandbox.google.world import CALM, Json, World

WINDOW = {"timeMin": "2026-01-01T00:00:00Z", "timeMax": "2026-07-01T00:00:00Z"}
RULES = (
    "RRULE:FREQ=WEEKLY;COUNT=6",
    "RRULE:FREQ=DAILY;COUNT=9",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=8",
    "RRULE:FREQ=WEEKLY;UNTIL=20260415T215959Z",
    "RRULE:FREQ=DAILY;INTERVAL=3;COUNT=5",
)


class Somebody:
    """Does one thing after another to the calendar, through the API and in the page."""

    def __init__(self, world: World, rng: random.Random, actions: tuple[Action, ...]) -> None:
        self.world = world
        self.rng = rng
        self.actions = actions
        self.person = Person(world.google, world.sub)
        self.number = 0

    def act(self) -> None:
        """One thing; what is refused changes nothing."""
        try:
            self.rng.choice(self.actions)(self)
        except (ApiError, ValueError):
            return

    def title(self) -> str:
        self.number += 1
        return str(self.number)

    def start(self) -> str:
        return f"2026-03-{self.rng.randint(10, 28)}T{self.rng.randint(0, 23):02}:30:00"

    def master(self) -> str:
        rows = [r for r in self.world.google.all_events(self.world.calendar) if "recurrence" in r]
        return str(self.rng.choice(rows or [{"id": "none"}])["id"])

    def instance(self) -> str:
        rows = instances(self.world, self.master(), showDeleted=True)
        return str(self.rng.choice(rows or [{"id": "none"}])["id"])

    def make(self) -> None:
        if self.rng.random() < 0.3:
            series(self.world, self.rng.choice(RULES[:3]), at=self.start()[:10], summary=self.title())
        else:
            series(self.world, self.rng.choice(RULES), at=self.start(), summary=self.title())

    def retitle(self) -> None:
        self.world.patch(self.rng.choice((self.master, self.instance))(), {"summary": self.title()})

    def move_one(self) -> None:
        self.world.patch(self.instance(), timed(self.start()))

    def retime(self) -> None:
        self.world.patch(self.master(), timed(self.start()))

    def change_rule(self) -> None:
        self.world.patch(self.master(), {"recurrence": [self.rng.choice(RULES)]})

    def exclude(self) -> None:
        master = self.master()
        original = self.world.get(self.instance_of(master), timeZone="Europe/Berlin")["originalStartTime"]
        line = f"EXDATE;VALUE=DATE:{original.get('date')}".replace("-", "")
        if "dateTime" in original:
            wall = original["dateTime"][:19].replace("-", "").replace(":", "")
            line = f"EXDATE;TZID=Europe/Berlin:{wall}"
        self.world.patch(master, {"recurrence": [*self.world.get(master)["recurrence"], line]})

    def instance_of(self, master: str) -> str:
        return str(self.rng.choice(instances(self.world, master) or [{"id": "none"}])["id"])

    def make_single(self) -> None:
        self.world.patch(self.master(), {"recurrence": []})

    def delete(self) -> None:
        self.world.delete(self.rng.choice((self.master, self.instance, self.instance))())

    def restore(self) -> None:
        self.world.patch(self.rng.choice((self.master, self.instance))(), {"status": "confirmed"})

    def hide(self) -> None:
        self.world.patch(self.instance(), {"visibility": self.rng.choice(["private", "default"])})

    def split(self) -> None:
        self.person.edit(self.world.calendar, self.instance(), {"summary": self.title()}, "following")

    def end(self) -> None:
        self.person.delete(self.world.calendar, self.instance(), "following")

    def drag_all(self) -> None:
        scope = self.rng.choice(["all", "following", "one"])
        self.person.move(self.world.calendar, self.instance(), **timed(self.start()), scope=scope)

    def drag_to_the_top(self) -> None:
        scope = self.rng.choice(["all", "following", "one"])
        self.person.move(self.world.calendar, self.instance(), **days(self.start()[:10]), scope=scope)

    def send_away(self) -> None:
        self.person.move_to(self.world.calendar, self.rng.choice((self.master, self.instance))(), "primary")

    def fetch_back(self) -> None:
        rows = self.world.google.events.list(self.world.sub, "primary")["items"]
        self.person.move_to("primary", self.rng.choice(rows or [{"id": "none"}])["id"], self.world.calendar)


Action = Callable[[Somebody], Any]


def actions(names: str) -> tuple[Action, ...]:
    return tuple(getattr(Somebody, name) for name in names.split())


SPLITTING = actions("make make retitle retitle move_one move_one exclude delete delete hide split split end")
"""Not among them is what makes a series occur again where another one goes on."""
ACTIONS = SPLITTING + actions(
    "make make_single retime change_rule restore restore split drag_all drag_all drag_to_the_top send_away "
    "fetch_back"
)


def shown(world: World) -> Shown:
    """What there is, as Google expands it."""
    return {row["id"]: told(row) for row in world.rows(singleEvents=True, **WINDOW)}


def single(copy: dict[str, Json]) -> Shown:
    return {name: told(row) for name, row in copy.items() if row["status"] != "cancelled"}


def in_window(copy: Shown) -> Shown:
    return {name: row for name, row in copy.items() if row[1] > "2026-01-01" and row[0] < "2026-07-01"}


@pytest.mark.parametrize("seed", range(40))
def test_clients_that_follow_the_tokens_show_what_there_is(seed: int) -> None:
    world = World(replace(CALM, short_page_chance=0.2), seed)
    somebody = Somebody(world, random.Random(seed), ACTIONS)
    somebody.make()
    by_rules, by_instances = Follower(world), Follower(world, singleEvents=True)
    for _ in range(40):
        somebody.act()
        somebody.act()
        wanted = shown(world)
        by_rules.read()
        by_instances.read()
        assert in_window(expanded(by_rules.copy)) == wanted
        assert in_window(single(by_instances.copy)) == wanted
        assert {name: told(world.get(name)) for name in wanted} == wanted


@pytest.mark.parametrize("seed", range(20))
def test_instances_that_go_by_the_id_of_the_series_they_were_split_from_are_followed_too(seed: int) -> None:
    world = World(replace(CALM, split_instances_by_base=True), seed)
    somebody = Somebody(world, random.Random(seed), SPLITTING)
    somebody.make()
    follower = Follower(world, singleEvents=True)
    for _ in range(40):
        somebody.act()
        follower.read()
        assert in_window(single(follower.copy)) == shown(world)


def test_every_action_of_the_follower_test_does_something() -> None:
    done: set[str] = set()
    for seed in range(10):
        world = World(CALM, seed)
        somebody = Somebody(world, random.Random(seed), ())
        for action in (Somebody.make, *ACTIONS * 3):
            before: list[Json] = world.google.all_events(world.calendar)
            try:
                action(somebody)
            except (ApiError, ValueError):
                continue
            if world.google.all_events(world.calendar) != before:
                done.add(action.__name__)
    assert done == {action.__name__ for action in ACTIONS}
