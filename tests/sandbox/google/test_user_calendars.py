"""What a person does with whole calendars, and what others see of it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google.calendar import Account
from sandbox.google.errors import ApiError
from sandbox.google.user import Person
from tests.sandbox.google.world import World, refusal


def people() -> tuple[World, Person, Account, Person]:
    """Anna with a calendar, and Berta, who sees nothing of it yet."""
    world = World()
    other = world.google.add_account("berta@example.com", "UTC")
    return world, Person(world.google, world.sub), other, Person(world.google, other.sub)


def listed(world: World, sub: str, **query: Any) -> list[str]:
    return [entry["id"] for entry in world.google.calendar_list.list(sub, query)["items"]]


def test_a_shared_calendar_is_on_the_others_list_until_it_is_unshared() -> None:
    world, anna, other, _ = people()
    anna.share_calendar(world.calendar, other.sub, "reader")
    assert listed(world, other.sub) == [other.primary, world.calendar]
    anna.unshare_calendar(world.calendar, other.sub)
    assert listed(world, other.sub) == [other.primary]
    with pytest.raises(ApiError):
        world.google.events.list(other.sub, world.calendar)


def test_who_unsubscribes_may_still_look_and_comes_back_as_before() -> None:
    world, anna, other, berta = people()
    anna.share_calendar(world.calendar, other.sub, "reader")
    berta.color_calendar(world.calendar, "7")
    berta.unsubscribe(world.calendar)
    assert listed(world, other.sub) == [other.primary]
    assert world.google.events.list(other.sub, world.calendar)["accessRole"] == "reader"
    assert berta.subscribe(world.calendar)["colorId"] == "7"
    assert listed(world, other.sub) == [other.primary, world.calendar]
    assert refusal(anna.unsubscribe, world.calendar)[0] == 403


def test_a_published_calendar_is_for_everybody_until_it_is_not() -> None:
    world, anna, other, berta = people()
    assert refusal(berta.subscribe, world.calendar)[0] == 404
    anna.publish_calendar(world.calendar, "reader")
    assert berta.subscribe(world.calendar)["accessRole"] == "reader"
    anna.publish_calendar(world.calendar, None)
    assert listed(world, other.sub) == [other.primary]
    with pytest.raises(ValueError, match="no role for everybody"):
        anna.publish_calendar(world.calendar, "writer")
    assert refusal(berta.publish_calendar, world.calendar, "reader")[0] == 404


def test_a_calendar_is_hidden_shown_coloured_and_named_on_ones_own_list_alone() -> None:
    world, anna, other, berta = people()
    anna.share_calendar(world.calendar, other.sub, "reader")
    before = world.google.calendar_list.get(world.sub, world.calendar)
    assert berta.hide_calendar(world.calendar)["hidden"] is True
    assert listed(world, other.sub) == [other.primary]
    shown = berta.show_calendar(world.calendar)
    assert ("hidden" in shown, shown["selected"]) == (False, True)
    assert berta.color_calendar(world.calendar, "3")["backgroundColor"] == "#f83a22"
    named = berta.nickname_calendar(world.calendar, "Anna's")
    assert (named["summary"], named["summaryOverride"]) == ("Work", "Anna's")
    assert "summaryOverride" not in berta.nickname_calendar(world.calendar, "")
    assert world.google.calendar_list.get(world.sub, world.calendar) == before


def test_a_deleted_calendar_comes_back_with_its_events_and_without_its_tokens() -> None:
    world, anna, other, berta = people()
    anna.share_calendar(world.calendar, other.sub, "reader")
    made, token = world.insert(summary="Tea"), world.token()
    anna.delete_calendar(world.calendar)
    for person in (berta, Person(world.google, other.sub)):
        with pytest.raises(ValueError, match="not in the Bin"):
            person.restore_calendar(world.calendar)
    assert anna.restore_calendar(world.calendar)["accessRole"] == "owner"
    assert world.get(made["id"]) == made
    assert refusal(world.page, syncToken=token)[:2] == (410, "fullSyncRequired")
    assert listed(world, other.sub) == [other.primary]
    assert berta.subscribe(world.calendar)["accessRole"] == "reader"
    with pytest.raises(ValueError, match="not in the Bin"):
        anna.restore_calendar(world.calendar)


def test_a_setting_is_changed_by_its_person() -> None:
    world, anna, other, _ = people()
    assert anna.change_setting("weekStart", "1")["value"] == "1"
    assert world.google.user_settings.get(world.sub, "weekStart")["value"] == "1"
    assert world.google.user_settings.get(other.sub, "weekStart")["value"] == "0"
