"""What earlier installations left: shown, never touched by itself, and gone where a person has chosen it."""

from __future__ import annotations

from typing import Any

import pytest

from shared.app.appointments_calendar import DESCRIPTION
from shared.app.leftovers import EVENTS_A_CALL, Cleared, Leftover, clear, leftovers
from shared.core.errors import BlockedError, RejectedError
from shared.core.identity import Keys
from tests.app.stage import TITLE, Practitioner, Stage, clock_time, once, raising

OTHER = Keys(b"another deployment").calendar("connection", "sub")


def old_calendar(stage: Stage, whose: Practitioner, mark: str = "an-older-mark") -> str:
    body = {"summary": "Old appointments", "description": DESCRIPTION.format(mark=mark)}
    return str(stage.google.calendars.insert(whose.sub, body)["id"])


def event_in(stage: Stage, whose: Practitioner, calendar: str, hours: float, **body: Any) -> str:
    times = {"start": clock_time(stage.at(hours)), "end": clock_time(stage.at(hours + 1))}
    made = stage.google.events.insert(whose.sub, calendar, {"summary": TITLE, **times, **body})
    return str(made["id"])


def marked(key: str = OTHER) -> dict[str, Any]:
    return {"extendedProperties": {"private": {"k": f"{key}.k", "g": "0"}}}


def found(stage: Stage, whose: Practitioner) -> list[Leftover]:
    return leftovers(stage.world, stage.connection(whose))


def cleared(stage: Stage, whose: Practitioner, *ids: str) -> Cleared:
    return clear(stage.world, stage.connection(whose), frozenset(ids))


def test_in_an_account_of_ones_own_nothing_is_left_over(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.hand_made(ada, hours=60)
    ada.person.create_calendar("Family")
    stage.settle()
    assert found(stage, ada) == []


def test_a_calendar_of_another_installation_is_shown_with_what_is_in_it(
    stage: Stage, ada: Practitioner
) -> None:
    old = old_calendar(stage, ada)
    event_in(stage, ada, old, -24 * 100, **marked())
    event_in(stage, ada, old, 48)
    since = stage.at(-24 * 100).astimezone(ada.zone).date()
    assert found(stage, ada) == [Leftover(old, True, "Old appointments", 2, 1, since)]


def test_events_of_another_installation_in_ours_are_shown_by_it(stage: Stage, ada: Practitioner) -> None:
    ours = stage.calendar_id(ada)
    for hours in (48, 50):
        event_in(stage, ada, ours, hours, **marked())
    event_in(stage, ada, ours, 52, **marked("a-third"))
    shown = {each.id: (each.calendar, each.name, each.events) for each in found(stage, ada)}
    assert shown == {OTHER: (False, "Appointments", 2), "a-third": (False, "Appointments", 1)}


def test_the_sync_itself_never_touches_them(stage: Stage, ada: Practitioner) -> None:
    event = event_in(stage, ada, stage.calendar_id(ada), 48, **marked())
    old = old_calendar(stage, ada)
    stage.settle()
    stage.sync(ada, everything=True)
    assert stage.event(ada)["id"] == event
    assert stage.store.resources("Appointment") == []
    assert [each.id for each in found(stage, ada)] == [old, OTHER]


def test_only_what_was_chosen_goes(stage: Stage, ada: Practitioner) -> None:
    ours = stage.calendar_id(ada)
    event_in(stage, ada, ours, 48, **marked())
    event_in(stage, ada, ours, 50, **marked("a-third"))
    old, older = old_calendar(stage, ada), old_calendar(stage, ada, "older")
    event_in(stage, ada, old, 48, **marked())
    assert cleared(stage, ada, old, OTHER) == Cleared(calendars=1, removed=2)
    assert [each.id for each in found(stage, ada)] == [older, "a-third"]
    assert cleared(stage, ada, old, OTHER) == Cleared()


def test_nothing_but_leftovers_can_be_chosen(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.settle()
    family = str(ada.person.create_calendar("Family")["id"])
    own = stage.calendar(ada)
    before = stage.google.calendar_list.list(ada.sub)["items"]
    primary = next(each["id"] for each in before if each.get("primary"))
    assert cleared(stage, ada, family, primary, str(own.calendar_id), own.key) == Cleared()
    assert stage.google.calendar_list.list(ada.sub)["items"] == before
    assert len(stage.events(ada)) == 1


def test_a_calendar_of_somebody_who_shares_the_account_is_theirs(stage: Stage, ada: Practitioner) -> None:
    bea = stage.add(sub=ada.sub)
    stage.sync(bea)
    assert found(stage, ada) == found(stage, bea) == []
    assert cleared(stage, ada, stage.calendar_id(bea)) == Cleared()


def test_one_that_is_still_to_be_found_by_its_mark_is_none(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, calendar_id=None)
    assert found(stage, ada) == []


def test_a_second_one_with_our_own_mark_is_left_over(stage: Stage, ada: Practitioner) -> None:
    connection = ada.connection
    mark = stage.world.keys.calendar_mark(connection.practice, connection.practitioner, connection.sub)
    double = old_calendar(stage, ada, mark)
    assert [each.id for each in found(stage, ada)] == [double]


def test_many_go_in_several_calls(stage: Stage, ada: Practitioner) -> None:
    ours = stage.calendar_id(ada)
    for number in range(EVENTS_A_CALL + 3):
        event_in(stage, ada, ours, 48 + number, **marked())
    assert cleared(stage, ada, OTHER) == Cleared(removed=EVENTS_A_CALL, left=3)
    assert cleared(stage, ada, OTHER) == Cleared(removed=3)
    assert stage.events(ada) == []


@pytest.mark.parametrize("error", [RejectedError("google_refused"), BlockedError("google_forbidden")])
def test_a_calendar_that_is_another_clients_is_refused(
    stage: Stage, ada: Practitioner, error: Exception
) -> None:
    old = old_calendar(stage, ada)
    event_in(stage, ada, old, 48)
    stage.before = once("calendars.delete", raising(error))
    assert cleared(stage, ada, old) == Cleared(refused=1)
    assert [each.id for each in found(stage, ada)] == [old]


def test_one_that_cannot_be_looked_into_is_shown_without_its_number(stage: Stage, ada: Practitioner) -> None:
    old = old_calendar(stage, ada)
    stage.before = once("events.list", raising(BlockedError("google_forbidden")))
    [shown] = found(stage, ada)
    assert (shown.id, shown.events, shown.since) == (old, None, None)


def test_an_event_that_moves_meanwhile_goes_all_the_same(stage: Stage, ada: Practitioner) -> None:
    event = event_in(stage, ada, stage.calendar_id(ada), 48, **marked())
    stage.before = once("events.delete", lambda: stage.edit(ada, event, summary="Changed"))
    assert cleared(stage, ada, OTHER) == Cleared(removed=1)
