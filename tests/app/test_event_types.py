"""Whose event it is, of what type, and what was answered: what that does to the practitioner's time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shared.core.blocking import BlockRules
from shared.core.policy import ExternalTitles, FreeEvents
from tests.app.answers import Answers, nothing_is_left_to_do
from tests.app.externals import External, chosen, is_free
from tests.app.stage import Practitioner, Stage, starts

Json = dict[str, Any]
WEEKLY: Json = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}
BOSS = "boss@example.com"


@pytest.fixture(autouse=True)
def at_rest(stage: Stage) -> Iterator[None]:
    yield
    nothing_is_left_to_do(stage)


@pytest.fixture
def answers(stage: Stage) -> Answers:
    return Answers(stage)


@pytest.fixture
def primary(stage: Stage, ada: Practitioner) -> External:
    """The calendar that invitations, focus time and the like are in."""
    return chosen(External(stage, ada, stage.google.store.accounts[ada.sub].email))


def invited(calendar: External, **body: Any) -> str:
    made = calendar.whose.person.invite(calendar.id, {"summary": "Team", **calendar.times(48), **body}, BOSS)
    return str(made["id"])


def instance(calendar: External, series: str, number: int) -> str:
    found = calendar.stage.google.events.instances(calendar.whose.sub, calendar.id, series)
    return str(found["items"][number]["id"])


# --- types ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "blocks"),
    [
        ("default", 1),
        ("outOfOffice", 1),
        ("focusTime", 1),
        ("fromGmail", 1),
        ("somethingNew", 1),
        ("", 1),
        (None, 1),
        (7, 1),
        ("workingLocation", 0),
        ("birthday", 0),
    ],
)
def test_what_each_type_does_to_the_time(primary: External, answers: Answers, kind: Any, blocks: int) -> None:
    event = primary.add()
    answers.tell(event, eventType=kind)
    primary.sync()
    assert len(primary.blocks) == blocks
    primary.sync(everything=True)
    assert len(primary.blocks) == blocks


@pytest.mark.parametrize(
    ("kind", "rules"),
    [("outOfOffice", BlockRules(out_of_office=False)), ("focusTime", BlockRules(focus_time=False))],
)
def test_out_of_office_and_focus_time_go_by_their_rules(
    stage: Stage, ada: Practitioner, kind: str, rules: BlockRules
) -> None:
    primary = External(stage, ada, stage.google.store.accounts[ada.sub].email)
    chosen(primary, rules)
    primary.put({**primary.times(48), "eventType": kind, f"{kind}Properties": {}})
    primary.add(hours=60)
    primary.sync()
    assert len(primary.blocks) == 1
    stage.change_settings(ada, free_events=FreeEvents.SHOW)
    primary.sync(everything=True)
    assert [is_free(row) for row in primary.blocks] == [True, False]


def test_a_birthday_of_every_year_is_no_block(primary: External) -> None:
    primary.put(
        {
            "start": {"date": "2026-03-10"},
            "end": {"date": "2026-03-11"},
            "eventType": "birthday",
            "transparency": "transparent",
            "visibility": "private",
            "recurrence": ["RRULE:FREQ=YEARLY"],
        }
    )
    primary.sync()
    assert primary.items == []


def test_a_mail_that_made_an_event_where_google_takes_no_change_is_set_aside_and_left(
    stage: Stage, ada: Practitioner
) -> None:
    """It is an appointment as any other; what staff change of it cannot reach it."""
    event = stage.hand_made(ada, eventType="fromGmail")
    other = stage.hand_made(ada, hours=60)
    stage.settle()
    rows = {starts(row): row["id"] for row in stage.store.resources("Appointment")}
    stage.reschedule(rows[stage.at(48)], hours=50)
    stage.reschedule(rows[stage.at(60)], hours=62)
    stage.ledger.clear()
    stage.settle()
    assert starts(stage.event(ada, event)) == stage.at(48)
    assert starts(stage.event(ada, other)) == stage.at(62)
    assert {item.event_id: item.aside for item in stage.items(ada)} == {event: "google_invalid", other: None}
    assert stage.ledger.google_writes == ["events.patch"] * 2
    stage.reschedule(rows[stage.at(48)], hours=48)
    stage.settle()
    assert [item.aside for item in stage.items(ada)] == [None, None]


# --- answers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "blocks"), [("accepted", 1), ("tentative", 1), ("declined", 0)])
def test_an_answer_given_later_counts(primary: External, answer: str, blocks: int) -> None:
    event = invited(primary)
    primary.sync()
    assert len(primary.blocks) == 1  # not answered yet
    primary.whose.person.respond(primary.id, event, answer)
    primary.sync()
    assert len(primary.blocks) == blocks
    primary.whose.person.respond(primary.id, event, "accepted")
    primary.sync()
    assert len(primary.blocks) == 1


def test_declining_all_of_a_series_and_accepting_one_of_it_takes_the_time_of_that_one(
    primary: External,
) -> None:
    series = invited(primary, **WEEKLY)
    primary.sync()
    primary.whose.person.respond(primary.id, series, "declined")
    primary.sync()
    assert primary.blocks == []
    primary.whose.person.respond(primary.id, instance(primary, series, 1), "accepted", "one")
    primary.sync()
    assert len(primary.blocks) == 1
    primary.whose.person.respond(primary.id, series, "accepted", "all")
    primary.sync()
    assert len(primary.blocks) == 3


def test_one_of_a_series_answered_maybe_goes_by_the_rule_alone(stage: Stage, ada: Practitioner) -> None:
    primary = External(stage, ada, stage.google.store.accounts[ada.sub].email)
    chosen(primary, BlockRules(tentative=False))
    series = invited(primary, **WEEKLY)
    ada.person.respond(primary.id, series, "accepted")
    primary.sync()
    ada.person.respond(primary.id, instance(primary, series, 2), "tentative", "one")
    primary.sync()
    assert len(primary.blocks) == 2


@pytest.mark.parametrize(
    "guests",
    [
        [{"email": "practitioner1@example.com", "responseStatus": "declined"}],
        [{"email": "practitioner1@example.com", "self": False, "responseStatus": "declined"}],
        [{"email": BOSS, "organizer": True, "responseStatus": "declined"}],
        [{"email": "practitioner1@example.com", "self": "true", "responseStatus": "declined"}],
        [{"self": True, "responseStatus": "somethingNew"}],
        [{"self": True}],
        [None, 7, "declined"],
        "declined",
        [],
    ],
)
def test_only_the_guest_that_is_marked_as_oneself_has_declined(
    primary: External, answers: Answers, guests: Any
) -> None:
    """On a secondary calendar nobody is: an address there says nothing of whose time it is."""
    event = primary.add()
    answers.tell(event, attendees=guests)
    primary.sync()
    assert len(primary.blocks) == 1


def test_where_the_list_of_guests_is_hidden_ones_own_answer_counts(
    primary: External, answers: Answers
) -> None:
    event = primary.add()
    me = {"email": "practitioner1@example.com", "self": True, "responseStatus": "declined"}
    answers.tell(event, attendeesOmitted=True, attendees=[me])
    primary.sync()
    assert primary.blocks == []
    primary.edit(event, summary="Another")
    answers.tell(event, attendees=None)
    primary.sync()
    assert len(primary.blocks) == 1


def test_another_organizer_changes_nothing(stage: Stage, primary: External, answers: Answers) -> None:
    event = invited(primary)
    primary.sync()
    stage.ledger.clear()
    primary.edit(event, colorId="4")
    answers.tell(event, organizer={"email": "other@example.com"}, creator={"email": "other@example.com"})
    primary.sync()
    assert len(primary.blocks) == 1
    assert stage.ledger.side_writes == []


def test_no_title_of_an_invitation_is_shown_unless_wanted_and_of_nobody_the_guests(
    stage: Stage, ada: Practitioner, primary: External
) -> None:
    invited(primary, attendees=[{"email": "canary@example.com"}], description="Canarynote")
    primary.sync()
    stage.change_settings(ada, external_titles=ExternalTitles.SHOW)
    primary.sync(everything=True)
    assert primary.block["description"] == "Team"
    told = f"{stage.store.resources('Appointment')} {stage.documents._stored}"
    assert "canary" not in told.lower()


def test_guests_of_an_event_made_by_hand_are_neither_read_nor_written(
    stage: Stage, ada: Practitioner
) -> None:
    sent: list[Any] = []
    stage.before = lambda name, given: sent.append(given) if name == "events.patch" else None
    event = stage.hand_made(ada, attendees=[{"email": "canary@example.com"}])
    stage.settle()
    stage.reschedule(stage.row()["id"], hours=60)
    stage.settle()
    assert [each["email"] for each in stage.event(ada, event)["attendees"]] == ["canary@example.com"]
    assert len(sent) == 1
    assert sent[0]["sendUpdates"] == "none"
    assert "attendees" not in sent[0]["body"]
