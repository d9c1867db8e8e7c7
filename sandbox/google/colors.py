"""The palettes: `colors.get`, and the colours of a calendar on somebody's list."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.google import fields
from sandbox.google.errors import Json, invalid

EVENT = (
    *("#a4bdfc", "#7ae7bf", "#dbadff", "#ff887c", "#fbd75b", "#ffb878"),
    *("#46d6db", "#e1e1e1", "#5484ed", "#51b749", "#dc2127"),
)
CALENDAR = (
    *("#ac725e", "#d06b64", "#f83a22", "#fa573c", "#ff7537", "#ffad46", "#42d692", "#16a765"),
    *("#7bd148", "#b3dc6c", "#fbe983", "#fad165", "#92e1c0", "#9fe1e7", "#9fc6e7", "#4986e7"),
    *("#9a9cff", "#b99aff", "#c2c2c2", "#cabdbf", "#cca6ac", "#f691b2", "#cd74e6", "#a47ae2"),
)
"""Backgrounds; the id of a colour is its place, from 1."""
ON_PALETTE = "#1d1d1d"
ON_LIST = "#000000"
"""The foregrounds Google names in the palette and on a list of calendars."""
UPDATED = "2012-02-14T00:00:00.000Z"

RGB = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
COLOUR_FIELDS = ("colorId", "backgroundColor", "foregroundColor")


def get(query: Mapping[str, Any]) -> Json:
    """`colors.get`: the same for everybody."""
    palettes = {
        name: {str(i): {"background": hue, "foreground": ON_PALETTE} for i, hue in enumerate(hues, 1)}
        for name, hues in (("calendar", CALENDAR), ("event", EVENT))
    }
    return fields.answer({"kind": "calendar#colors", "updated": UPDATED, **palettes}, "colors", query)


def of_palette(number: int) -> Json:
    """An entry's three colour fields for a colour of the palette, counted from 1."""
    return {
        "colorId": str(number),
        "backgroundColor": CALENDAR[number - 1],
        "foregroundColor": ON_LIST,
    }


def chosen(given: Mapping[str, Any], *, rgb: bool) -> Json:
    """An entry's colour fields after a request; empty when it names none. Raises ApiError 400.

    `rgb` is the request's `colorRgbFormat`: with it colours are written as such and the nearest of the
    palette is the `colorId`; without it they are ignored and `colorId` decides.
    """
    if not rgb:
        return {} if given.get("colorId") is None else of_palette(_number(given["colorId"]))
    hues = {name: given[name] for name in COLOUR_FIELDS[1:] if given.get(name) is not None}
    if not all(isinstance(hue, str) and RGB.fullmatch(hue) for hue in hues.values()):
        raise invalid("Invalid color value.")
    background = hues.get("backgroundColor")
    return hues if background is None else {"colorId": str(_nearest(background)), **hues}


def _number(colour_id: Any) -> int:
    if colour_id not in [str(number) for number in range(1, len(CALENDAR) + 1)]:
        raise invalid("Invalid color id.")
    return int(colour_id)


def _nearest(hue: str) -> int:
    distances = [sum((a - b) ** 2 for a, b in zip(_rgb(hue), _rgb(known), strict=True)) for known in CALENDAR]
    return distances.index(min(distances)) + 1


def _rgb(hue: str) -> tuple[int, int, int]:
    return int(hue[1:3], 16), int(hue[3:5], 16), int(hue[5:7], 16)
