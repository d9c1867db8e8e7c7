"""Which calendars may take part beside the appointments calendar."""

from __future__ import annotations

import pytest

from shared.app.eligible import Candidate, Reach, Unfit, candidates
from tests.app.stage import Practitioner, Stage

OWN_ONLY = Reach(owned=True, others=None)


def made(whose: Practitioner, name: str) -> str:
    calendar = whose.person.create_calendar(name, whose.zone.key)
    return str(calendar["id"])


def by_id(stage: Stage, whose: Practitioner, reach: Reach = OWN_ONLY) -> dict[str, Candidate]:
    return {each.entry.id: each for each in candidates(stage.world, whose.connection, reach)}


def shared_calendar(stage: Stage, whose: Practitioner, role: str = "reader") -> str:
    other = stage.add()
    calendar = made(other, "Team")
    stage.google.share(calendar, whose.sub, role)
    return calendar


def test_ones_own_calendars_may_take_part(stage: Stage, ada: Practitioner) -> None:
    private = made(ada, "Private")
    found = by_id(stage, ada)
    assert (found[private].unfit, found[private].entry.name) == (None, "Private")


def test_the_primary_calendar_comes_first(stage: Stage, ada: Practitioner) -> None:
    made(ada, "Aaa")
    first, *others = candidates(stage.world, ada.connection, OWN_ONLY)
    assert first.entry.primary
    assert not any(each.entry.primary for each in others)


def test_an_appointments_calendar_takes_no_part(stage: Stage, ada: Practitioner) -> None:
    assert by_id(stage, ada)[stage.calendar_id(ada)].unfit is Unfit.OURS


def test_nor_does_that_of_somebody_else_in_the_same_account(stage: Stage, ada: Practitioner) -> None:
    bea = stage.connect()
    theirs = stage.calendar_id(bea)
    stage.google.share(theirs, ada.sub, "owner")
    found = by_id(stage, ada)[theirs]
    assert (found.entry.owner, found.unfit) == (True, Unfit.OURS)


def test_ours_is_still_known_where_a_person_wrote_around_its_mark(stage: Stage, ada: Practitioner) -> None:
    calendar = stage.calendar_id(ada)
    keys, connection = stage.world.keys, ada.connection
    mark = keys.calendar_mark(connection.practice, connection.practitioner, connection.sub)
    stage.google.calendars.patch(ada.sub, calendar, {"description": f"Work, {mark}!"})
    assert by_id(stage, ada)[calendar].unfit is Unfit.OURS


def test_calendars_of_others_are_for_deployments_that_ask_for_them(stage: Stage, ada: Practitioner) -> None:
    team = shared_calendar(stage, ada)
    assert by_id(stage, ada)[team].unfit is Unfit.NOT_OWNER
    assert by_id(stage, ada, Reach(owned=True, others=True))[team].unfit is None


@pytest.mark.parametrize(
    ("reach", "own", "others"),
    [
        (Reach(owned=False, others=None), Unfit.RIGHTS_MISSING, Unfit.NOT_OWNER),
        (Reach(owned=False, others=False), Unfit.RIGHTS_MISSING, Unfit.RIGHTS_MISSING),
        (Reach(owned=True, others=False), None, Unfit.RIGHTS_MISSING),
    ],
)
def test_a_box_that_was_not_ticked_is_the_reason(
    stage: Stage, ada: Practitioner, reach: Reach, own: Unfit | None, others: Unfit
) -> None:
    private, team = made(ada, "Private"), shared_calendar(stage, ada)
    found = by_id(stage, ada, reach)
    assert (found[private].unfit, found[team].unfit) == (own, others)
    assert found[stage.calendar_id(ada)].unfit is Unfit.OURS
