"""Whose an event is, which item it belongs to, and which of several speaks for it."""

# ruff: noqa: E501 - a row of the table is a line

from __future__ import annotations

import pytest

from shared.core.identity import Keys, identifier
from shared.core.match import Claim, choose_event, claim, k_from_calendar, k_of_event
from shared.core.model import Appointment, Event, Kind, Marker, Status, What

KEYS = Keys(b"synthetic")
CALENDAR = "calendar"
OURS = KEYS.event_id(CALENDAR, "k", 0)


def event(
    event_id: str, *, calendar: str | None = CALENDAR, generation: int = 0, cancelled: bool = False
) -> Event:
    marker = None if calendar is None else Marker(calendar, "k", generation)
    return Event(event_id, "1", cancelled=cancelled, when=None, what=What(""), marker=marker)


# --- claims ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "mapped", "expected"),
    [
        (event(OURS), False, Claim.OURS),
        (event(OURS), True, Claim.OURS),
        (event(OURS, calendar=None), False, Claim.UNMARKED),
        (event("byhand", calendar=None), False, Claim.UNMARKED),
        (event("byhand", calendar=None), True, Claim.OURS),
        (event("copied"), False, Claim.COPY),
        (event("copied"), True, Claim.OURS),
        (event("foreign", calendar="other"), False, Claim.FOREIGN),
        (event(OURS, calendar="other"), False, Claim.FOREIGN),
        (event("foreign", calendar="other"), True, Claim.OURS),
    ],
)
def test_what_a_marker_is_worth(found: Event, expected: Claim, *, mapped: bool) -> None:
    assert claim(KEYS, CALENDAR, found, mapped=mapped) is expected


def test_an_event_of_ours_belongs_to_the_item_its_marker_names() -> None:
    assert k_of_event(KEYS, CALENDAR, event(OURS)) == "k"


@pytest.mark.parametrize("found", [event("byhand", calendar=None), event("copied"), event("x", calendar="y")])
def test_any_other_event_belongs_to_the_item_named_by_its_own_id(found: Event) -> None:
    assert k_of_event(KEYS, CALENDAR, found) == KEYS.k_of_event(CALENDAR, found.id)


# --- rows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (identifier(CALENDAR, "k"), "k"),
        (identifier(CALENDAR, "series.start"), "series.start"),
        (identifier("other", "k"), None),
        ("of another system", None),
        (None, None),
    ],
)
def test_a_row_came_from_this_calendar_if_our_identifier_says_so(
    name: str | None, expected: str | None
) -> None:
    row = Appointment("a", "1", Status.LIVE, Kind.PERSONAL, None, frozenset(), identifier=name)
    assert k_from_calendar(CALENDAR, row) == expected


# --- several events of one item -------------------------------------------------------------------------

MAPPED, MAPPED_DEAD = event("mapped", generation=1), event("mapped", generation=1, cancelled=True)
OLDER, NEWER, DEAD = event("older"), event("newer", generation=2), event("dead", generation=3, cancelled=True)
BY_HAND = event("byhand", calendar=None)

CHOICES: list[tuple[str, str | None, list[Event], bool, Event | None, list[Event]]] = [
    # name, mapped id, events read, mapped one lives as far as is known; the one that speaks, those too many
    ("nothing read", "mapped", [], True, None, []),
    ("the mapped one", "mapped", [MAPPED], True, MAPPED, []),
    ("the mapped one, deleted", "mapped", [MAPPED_DEAD], True, MAPPED_DEAD, []),
    ("the mapped one stays over an older", "mapped", [OLDER, MAPPED], True, MAPPED, [OLDER]),
    ("the mapped one stays over a newer", "mapped", [MAPPED, NEWER], True, MAPPED, [NEWER]),
    ("the mapped one came back", "mapped", [MAPPED, NEWER], False, MAPPED, [NEWER]),
    ("all others go", "mapped", [NEWER, MAPPED, OLDER], True, MAPPED, [OLDER, NEWER]),
    ("deleted ones are no trouble", "mapped", [DEAD, MAPPED], True, MAPPED, []),
    ("the mapped one deleted, another takes over", "mapped", [MAPPED_DEAD, OLDER], True, OLDER, []),
    ("the mapped one deleted, the newest takes over", "mapped", [MAPPED_DEAD, NEWER, OLDER], True, NEWER, [OLDER]),
    ("the mapped one deleted like all others", "mapped", [MAPPED_DEAD, DEAD], True, MAPPED_DEAD, []),
    ("not read and alive: the other goes", "mapped", [OLDER], True, None, [OLDER]),
    ("not read and alive: both others go", "mapped", [NEWER, OLDER], True, None, [OLDER, NEWER]),
    ("not read and dead: the other takes over", "mapped", [OLDER], False, OLDER, []),
    ("not read and dead: the newest takes over", "mapped", [NEWER, OLDER], False, NEWER, [OLDER]),
    ("another's tombstone says nothing", "mapped", [DEAD], True, None, []),
    ("another's tombstone says nothing of a dead one", "mapped", [DEAD], False, None, []),
    ("no mapping: nothing", None, [], False, None, []),
    ("no mapping: the one there is", None, [OLDER], False, OLDER, []),
    ("no mapping: the newest", None, [NEWER, OLDER], False, NEWER, [OLDER]),
    ("no mapping: ours before one made by hand", None, [BY_HAND, OLDER], False, OLDER, [BY_HAND]),
    ("no mapping: a tombstone says nothing", None, [DEAD], False, None, []),
    ("no mapping: the live one of two", None, [DEAD, OLDER], False, OLDER, []),
    ("the last state of an event counts", "mapped", [MAPPED, MAPPED_DEAD], True, MAPPED_DEAD, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "mapped_id", "events", "lives", "speaks", "too_many"), CHOICES, ids=[row[0] for row in CHOICES]
)
def test_which_event_speaks_for_an_item(
    name: str,
    mapped_id: str | None,
    events: list[Event],
    speaks: Event | None,
    too_many: list[Event],
    *,
    lives: bool,
) -> None:
    assert choose_event(mapped_id, events, mapped_lives=lives) == (speaks, too_many), name


@pytest.mark.parametrize("order", [1, -1])
def test_the_choice_among_equals_does_not_depend_on_their_order(order: int) -> None:
    twins = [event("one"), event("two")]
    assert choose_event(None, twins[::order], mapped_lives=False) == (event("two"), [event("one")])
