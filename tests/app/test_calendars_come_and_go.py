"""What becomes of whole calendars, and of events between them: shared, lost, found, dragged, copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from shared.app.choosing import leave
from shared.core.errors import BlockedError
from shared.core.policy import ExternalTitles, LabelMode
from tests.app.answers import nothing_is_left_to_do
from tests.app.externals import External, begins, chosen, external
from tests.app.stage import FAMILY, TITLE, Practitioner, Stage

Json = dict[str, Any]
WEEKLY: Json = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}
A_WHILE = timedelta(minutes=16)


@pytest.fixture(autouse=True)
def at_rest(stage: Stage) -> Iterator[None]:
    yield
    nothing_is_left_to_do(stage)


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    return external(stage, ada)


@pytest.fixture
def eve(stage: Stage) -> Practitioner:
    return stage.connect()


@pytest.fixture
def team(stage: Stage, ada: Practitioner, eve: Practitioner) -> External:
    """Eve's calendar, which Ada owns too and has chosen."""
    calendar = str(eve.person.create_calendar("Team")["id"])
    eve.person.share_calendar(calendar, ada.sub, "owner")
    return chosen(External(stage, ada, calendar))


def ids(calendar: External) -> set[str]:
    return {row["id"] for row in calendar.blocks}


def later(calendar: External) -> None:
    """Two looks with a while between them."""
    calendar.sync()
    calendar.stage.clock.advance(A_WHILE.total_seconds())
    calendar.sync()


LOOKS: list[Callable[[Practitioner, str, str], object]] = [
    lambda whose, calendar, _: whose.person.rename_calendar(calendar, "Another name"),
    lambda whose, calendar, _: whose.person.nickname_calendar(calendar, "Another name"),
    lambda whose, calendar, _: whose.person.color_calendar(calendar, "7"),
    lambda whose, calendar, _: whose.person.hide_calendar(calendar),
    lambda whose, calendar, other: whose.person.share_calendar(calendar, other, "writer"),
    lambda whose, calendar, other: whose.person.share_calendar(calendar, other, "freeBusyReader"),
    lambda whose, calendar, _: whose.person.publish_calendar(calendar, "reader"),
]
NAMED = ["renamed", "nicknamed", "coloured", "hidden", "shared", "shared as busy times", "published"]


# --- as it looks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", LOOKS, ids=NAMED)
def test_how_an_external_calendar_looks_and_who_else_sees_it_changes_nothing(
    stage: Stage, family: External, eve: Practitioner, change: Callable[..., object]
) -> None:
    family.add(hours=48)
    family.add(hours=72, **WEEKLY)
    family.sync()
    before = ids(family)
    stage.ledger.clear()
    change(family.whose, family.id, eve.sub)
    later(family)
    assert ids(family) == before
    assert stage.ledger.ehr_writes == []
    family.add(hours=50)
    family.sync()
    assert len(family.blocks) == 5


@pytest.mark.parametrize("change", LOOKS, ids=NAMED)
def test_how_the_appointments_calendar_looks_and_who_else_sees_it_changes_nothing(
    stage: Stage, ada: Practitioner, eve: Practitioner, change: Callable[..., object]
) -> None:
    stage.book(ada, hours=30)
    stage.hand_made(ada, hours=48)
    stage.settle()
    calendar = stage.calendar_id(ada)
    stage.ledger.clear()
    change(ada, calendar, eve.sub)
    stage.settle()
    assert [each for each in stage.ledger.side_writes if each != "events.instances"] == []
    stage.book(ada, hours=60)
    stage.settle()
    assert stage.calendar_id(ada) == calendar
    assert len(stage.events(ada)) == 3


def test_what_somebody_else_writes_into_the_appointments_calendar_is_as_made_by_hand(
    stage: Stage, ada: Practitioner, eve: Practitioner
) -> None:
    calendar = stage.calendar_id(ada)
    ada.person.share_calendar(calendar, eve.sub, "writer")
    stage.settle()
    times = External(stage, eve, calendar).times(48)
    eve.person.create(calendar, {"summary": TITLE, **times})
    stage.settle()
    assert begins(stage.row()) == stage.at(48)


# --- rights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["writer", "writerWithoutPrivateAccess", "reader", "freeBusyReader"])
def test_with_less_right_to_read_the_time_is_taken_as_before(
    stage: Stage, team: External, eve: Practitioner, role: str
) -> None:
    stage.change_settings(team.whose, external_titles=ExternalTitles.SHOW)
    team.add(hours=48)
    team.add(hours=60, visibility="private")
    team.add(hours=72, **WEEKLY)
    team.sync()
    before = ids(team)
    assert len(before) == 5
    eve.person.share_calendar(team.id, team.whose.sub, role)
    later(team)
    assert ids(team) == before
    eve.person.create(team.id, {"summary": TITLE, **team.times(50)})
    eve.person.create(team.id, {"summary": TITLE, **team.times(74), **WEEKLY})
    team.sync()
    assert len(team.blocks) == 9
    eve.person.share_calendar(team.id, team.whose.sub, "owner")
    later(team)
    assert before < ids(team)
    assert len(team.blocks) == 9


def test_without_any_right_its_blocks_stay_a_while_and_go(team: External, eve: Practitioner) -> None:
    team.add(hours=48)
    team.sync()
    before = ids(team)
    eve.person.unshare_calendar(team.id, team.whose.sub)
    team.sync()
    assert ids(team) == before
    later(team)
    assert team.blocks == []
    assert team.calendar.problem == "external_calendar_gone"


def test_rights_that_come_back_in_time_have_lost_nothing(team: External, eve: Practitioner) -> None:
    team.add(hours=48)
    team.sync()
    before = ids(team)
    eve.person.unshare_calendar(team.id, team.whose.sub)
    team.sync()
    eve.person.create(team.id, {"summary": TITLE, **team.times(50)})
    eve.person.share_calendar(team.id, team.whose.sub, "reader")
    later(team)
    assert before < ids(team)
    assert len(team.blocks) == 2
    assert (team.calendar.problem, team.calendar.gone_at) == (None, None)


def test_one_taken_off_the_list_that_can_still_be_read_takes_its_time(team: External) -> None:
    team.add(hours=48)
    team.sync()
    team.whose.person.unsubscribe(team.id)
    team.add(hours=50)
    later(team)
    assert len(team.blocks) == 2


def test_one_that_was_deleted_and_comes_back_in_time_has_lost_nothing(family: External) -> None:
    family.add(hours=48)
    family.sync()
    before = ids(family)
    family.whose.person.delete_calendar(family.id)
    family.sync()
    family.whose.person.restore_calendar(family.id)
    later(family)
    assert ids(family) == before
    assert family.calendar.problem is None


def test_one_that_is_gone_and_comes_back_is_chosen_again_and_has_the_same_blocks(family: External) -> None:
    family.add(hours=48)
    family.sync()
    before = ids(family)
    family.whose.person.delete_calendar(family.id)
    later(family)
    assert family.blocks == []
    family.whose.person.restore_calendar(family.id)
    chosen(family)
    assert ids(family) == before


def test_the_appointments_calendar_deleted_leaves_the_external_ones_at_work(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    row = stage.book(ada, hours=30)
    stage.settle()
    ada.person.delete_calendar(stage.calendar_id(ada))
    with pytest.raises(BlockedError, match="calendar_missing"):
        stage.job(ada)
    family.add(hours=48)
    family.sync()
    assert begins(family.block) == stage.at(48)
    assert stage.row(row)["status"] == "booked"


# --- events between calendars ---------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, WEEKLY], ids=["single", "series"])
def test_one_dragged_to_another_chosen_calendar_is_never_free_where_that_one_is_read_first(
    stage: Stage, family: External, body: Json
) -> None:
    work = external(stage, family.whose)
    event = family.add(hours=48, **body)
    family.sync()
    taken = sorted(begins(row) for row in family.blocks)
    family.whose.person.move_to(family.id, event, work.id)
    work.sync()
    assert sorted(begins(row) for row in family.blocks) == sorted(2 * taken)
    family.sync()
    assert sorted(begins(row) for row in family.blocks) == taken


@pytest.mark.parametrize("body", [{}, WEEKLY], ids=["single", "series"])
def test_one_dragged_to_another_chosen_calendar_takes_its_time_again_once_that_one_is_read(
    stage: Stage, family: External, body: Json
) -> None:
    """Read in the other order it is free between the two jobs, which the same push asks for."""
    work = external(stage, family.whose)
    event = family.add(hours=48, **body)
    family.sync()
    taken = sorted(begins(row) for row in family.blocks)
    family.whose.person.move_to(family.id, event, work.id)
    family.sync()
    assert family.blocks == []
    work.sync()
    assert sorted(begins(row) for row in family.blocks) == taken
    work.whose.person.move_to(work.id, event, family.id)
    family.sync()
    work.sync()
    assert sorted(begins(row) for row in family.blocks) == taken


def test_one_dragged_from_a_chosen_calendar_into_the_appointments_calendar_is_made_by_hand(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    event = family.add(hours=48)
    family.sync()
    ada.person.move_to(family.id, event, stage.calendar_id(ada))
    family.sync()
    stage.sync(ada)
    assert family.blocks == []
    booked = [row for row in stage.store.resources("Appointment") if row["status"] == "booked"]
    assert [begins(row) for row in booked] == [stage.at(48)]


def test_a_copy_of_a_clients_event_in_a_chosen_calendar_says_nothing_and_is_left(
    stage: Stage, ada: Practitioner, family: External
) -> None:
    stage.change_settings(ada, external_titles=ExternalTitles.SHOW, client_label=LabelMode.FULL_NAME)
    stage.book(ada, hours=48)
    stage.settle()
    ours = stage.event(ada)
    assert FAMILY in ours["summary"]
    copied = ("summary", "start", "end", "extendedProperties")
    copy = family.put({name: ours[name] for name in copied})
    stage.ledger.clear()
    family.sync()
    assert family.block["description"] == "Busy"
    family.edit(copy, colorId="5")
    family.sync()
    assert stage.ledger.google_writes == []
    stage.settle()
    assert len(stage.events(ada)) == 1


# --- several people -------------------------------------------------------------------------------------


@pytest.fixture
def partner(stage: Stage, ada: Practitioner) -> Practitioner:
    """Another practitioner, with the same Google account."""
    added = stage.add(sub=ada.sub)
    stage.sync(added)
    return added


def test_two_practitioners_with_one_account_have_blocks_of_their_own(
    stage: Stage, ada: Practitioner, family: External, partner: Practitioner
) -> None:
    theirs = chosen(External(stage, partner, family.id))
    event = family.add(hours=48)
    family.add(hours=72, **WEEKLY)
    family.sync()
    theirs.sync()
    whose = [row["participant"][0]["actor"]["reference"] for row in family.blocks]
    assert sorted(whose) == sorted([f"Practitioner/{ada.id}", f"Practitioner/{partner.id}"] * 4)
    leave(stage.world, partner.connection.key, family.id)
    theirs.sync()
    assert {row["participant"][0]["actor"]["reference"] for row in family.blocks} == {
        f"Practitioner/{ada.id}"
    }
    family.delete(event)
    family.sync()
    assert len(family.blocks) == 3


def test_the_same_id_in_two_accounts_is_two_events(stage: Stage, family: External, eve: Practitioner) -> None:
    other = external(stage, eve)
    made = []
    for calendar, hours in ((family, 48), (other, 50)):
        stored = stage.google.store.open(calendar.whose.sub, calendar.id)[0]
        body = {"summary": TITLE, "id": "sameid0000", **calendar.times(hours)}
        made.append(stage.google.events.create(calendar.whose.sub, stored, body).resource["id"])
        calendar.sync()
    assert made == ["sameid0000"] * 2
    assert [begins(row) for row in family.blocks] == [stage.at(48), stage.at(50)]
    family.delete("sameid0000")
    family.sync()
    assert [begins(row) for row in family.blocks] == [stage.at(50)]
