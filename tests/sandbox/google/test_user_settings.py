"""Settings and colours, which the API only reads."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.google import colors
from sandbox.google.user_settings import DEFAULTS
from tests.sandbox.google.world import World, refusal


def listed(world: World, **query: Any) -> dict[str, str]:
    items = world.google.user_settings.list(world.sub, query)["items"]
    return {setting["id"]: setting["value"] for setting in items}


def test_settings_begin_with_their_defaults_and_the_accounts_zone() -> None:
    assert listed(World()) == {**DEFAULTS, "timezone": "Europe/Berlin"}


def test_a_setting_is_read_by_its_name() -> None:
    world = World()
    setting = world.google.user_settings.get(world.sub, "timezone")
    assert (setting["kind"], setting["value"]) == ("calendar#setting", "Europe/Berlin")
    assert refusal(world.google.user_settings.get, world.sub, "mood")[:2] == (404, "notFound")


def test_a_delta_of_the_settings_has_those_that_changed() -> None:
    world = World()
    settings = world.google.user_settings
    token = settings.list(world.sub)["nextSyncToken"]
    before = settings.get(world.sub, "weekStart")
    settings.choose(world.sub, "weekStart", "0")
    assert listed(world, syncToken=token) == {}
    settings.choose(world.sub, "weekStart", "1")
    settings.choose(world.sub, "weekStart", "6")
    assert listed(world, syncToken=token) == {"weekStart": "6"}
    assert settings.get(world.sub, "weekStart")["etag"] != before["etag"]
    other = world.google.add_account("berta@example.com", "UTC").sub
    assert refusal(settings.list, other, {"syncToken": token})[2] == "Invalid sync token value."


def test_settings_come_in_pages() -> None:
    world = World()
    first = world.google.user_settings.list(world.sub, {"maxResults": 5})
    rest = world.google.user_settings.list(world.sub, {"pageToken": first["nextPageToken"]})
    assert [len(first["items"]), len(rest["items"])] == [5, len(DEFAULTS) - 5]


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("mood", "good", "no setting 'mood'"),
        ("weekStart", "2", "no value"),
        ("hideWeekends", "yes", "no value"),
        ("dateFieldOrder", "DYM", "no value"),
        ("defaultEventLength", "0", "no value"),
        ("defaultEventLength", "an hour", "no value"),
        ("locale", "e n", "no value"),
        ("timezone", "Mars/Olympus", "no value"),
    ],
)
def test_a_value_that_cannot_be_is_refused(setting: str, value: str, what: str) -> None:
    world = World()
    with pytest.raises(ValueError, match=what):
        world.google.user_settings.choose(world.sub, setting, value)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("timezone", "Asia/Tokyo"), ("locale", "pt_BR"), ("defaultEventLength", "25"), ("hideWeekends", "true")],
)
def test_a_value_that_can_be_is_chosen(setting: str, value: str) -> None:
    world = World()
    world.google.user_settings.choose(world.sub, setting, value)
    assert listed(world)[setting] == value


# --- colours --------------------------------------------------------------------------------------------


def test_the_palettes_have_twenty_four_colours_for_calendars_and_eleven_for_events() -> None:
    answer = colors.get({})
    assert list(answer["calendar"]) == [str(number) for number in range(1, 25)]
    assert list(answer["event"]) == [str(number) for number in range(1, 12)]
    assert answer["calendar"]["14"] == {"background": "#9fe1e7", "foreground": "#1d1d1d"}
    assert colors.get({"fields": "kind"}) == {"kind": "calendar#colors"}


def entry(world: World, body: Any, **query: Any) -> tuple[str, str, str]:
    patched = world.google.calendar_list.patch(world.sub, world.calendar, body, query)
    return patched["colorId"], patched["backgroundColor"], patched["foregroundColor"]


def test_a_colour_of_the_palette_brings_its_hues() -> None:
    world = World()
    assert entry(world, {}) == ("14", "#9fe1e7", "#000000")
    assert entry(world, {"colorId": "1"}) == ("1", "#ac725e", "#000000")
    assert entry(world, {"colorId": None}) == ("1", "#ac725e", "#000000")


def test_hues_are_written_when_the_request_says_so_and_the_nearest_colour_is_named() -> None:
    world = World()
    hues = {"backgroundColor": "#4986e0", "foregroundColor": "#ffffff"}
    assert entry(world, hues) == ("14", "#9fe1e7", "#000000")
    assert entry(world, hues, colorRgbFormat="true") == ("16", "#4986e0", "#ffffff")
    assert entry(world, {"foregroundColor": "#000000"}, colorRgbFormat=True) == ("16", "#4986e0", "#000000")
    assert entry(world, {"colorId": "2"}, colorRgbFormat=True) == ("16", "#4986e0", "#000000")


@pytest.mark.parametrize(
    ("body", "rgb"),
    [
        ({"colorId": "25"}, False),
        ({"colorId": 3}, False),
        ({"backgroundColor": "red"}, True),
        ({"foregroundColor": 5}, True),
    ],
)
def test_a_colour_that_cannot_be_is_refused(body: Any, rgb: bool) -> None:  # noqa: FBT001 - a parameter
    world = World()
    answer = refusal(entry, world, body, colorRgbFormat=rgb)
    assert answer[:2] == (400, "invalid")
