"""What is known of an instant, and why."""

from __future__ import annotations

from typing import Any

import pytest

from shared.app.explain import A_MOMENT, Explained, Standing, explain
from shared.app.set_aside import read_set_aside
from shared.app.span import read_span
from shared.core.blocking import BlockRules, Rule
from shared.core.errors import RejectedError
from shared.core.model import Kind
from shared.core.policy import EditIn, Edits
from tests.app.externals import external
from tests.app.stage import FAMILY, TITLE, Practitioner, Stage, nothing


def explained(stage: Stage, whose: Practitioner, *, hours: float = 48.5) -> Explained:
    start = stage.at(hours)
    read = read_span(stage.world, stage.connection(whose), start, start + A_MOMENT, granted=True)
    return explain(stage.world, read)


def refuse_creating(name: str, _given: object) -> None:
    if name == "POST Appointment":
        raise RejectedError("ehr_refused")


def test_an_appointment_and_its_event_are_told_with_what_ties_them(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada)
    stage.sync(ada, row)
    then = explained(stage, ada)
    [appointment], [event] = then.appointments, then.events
    assert (appointment.id, appointment.kind, appointment.busy) == (row, Kind.CLIENT, True)
    assert (appointment.told.standing, appointment.told.edit_in) == (Standing.AGREED, EditIn.EHR)
    assert (event.id, event.ours, event.appointment_id) == (stage.event(ada)["id"], True, row)
    assert (event.rule, event.told) == (None, appointment.told)


def test_an_event_says_the_rule_that_decided_and_its_block(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada, BlockRules(tentative=False))
    shown, hidden = family.add(), family.add(status="tentative")
    family.sync()
    then = explained(stage, ada)
    by_id = {event.id: event for event in then.events}
    assert (by_id[shown].busy, by_id[shown].rule) == (True, Rule.ANY_OTHER)
    assert (by_id[hidden].busy, by_id[hidden].rule) == (False, Rule.TENTATIVE)
    assert by_id[shown].appointment_id == family.block["id"]
    assert by_id[shown].told.edit_in is EditIn.GOOGLE
    assert by_id[hidden].told.standing is Standing.UNKNOWN
    [block] = then.appointments
    assert (block.kind, block.told.standing, block.told.edit_in) == (
        Kind.BLOCK,
        Standing.AGREED,
        EditIn.GOOGLE,
    )


def test_what_was_not_read_yet_is_unknown(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.hand_made(ada)
    then = explained(stage, ada)
    told = [each.told for each in then.appointments] + [each.told for each in then.events]
    assert [each.standing for each in told] == [Standing.UNKNOWN] * 2


def test_what_is_set_aside_is_told_then_and_at_no_other_time(stage: Stage, ada: Practitioner) -> None:
    event = stage.hand_made(ada)
    stage.before = refuse_creating
    stage.sync(ada)
    then = explained(stage, ada)
    assert [(each.item.event_id, each.reason) for each in then.aside] == [(event, "ehr_refused")]
    assert [each.told.standing for each in then.events] == [Standing.SET_ASIDE]
    assert explained(stage, ada, hours=60).aside == []
    stage.before = nothing


def test_an_occurrence_of_a_series_is_told_by_its_own_place(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    family.add(hours=24, recurrence=["RRULE:FREQ=DAILY;COUNT=3"])
    family.sync()
    [event] = explained(stage, ada).events
    assert event.told.standing is Standing.AGREED
    assert event.appointment_id in {block["id"] for block in family.blocks}


def test_what_was_left_stays_open(stage: Stage, ada: Practitioner) -> None:
    row = stage.book(ada, hours=1)
    stage.sync(ada, row)
    stage.clock.advance(3 * 3600)
    stage.delete(ada, str(stage.event(ada)["id"]))
    stage.sync(ada)
    [appointment] = explained(stage, ada, hours=-1.5).appointments
    assert appointment.told.standing is Standing.OPEN


@pytest.mark.parametrize(
    ("settings", "where"), [({}, EditIn.EHR), ({"google_edits": Edits.ACCEPT}, EditIn.BOTH)]
)
def test_where_a_clients_appointment_is_edited_follows_the_settings(
    stage: Stage, settings: dict[str, Any], where: EditIn
) -> None:
    ada = stage.connect(**settings)
    row = stage.book(ada)
    stage.sync(ada, row)
    assert explained(stage, ada).appointments[0].told.edit_in is where
    stage.clock.advance(50 * 3600)
    assert explained(stage, ada, hours=-1.5).appointments[0].told.edit_in is EditIn.EHR


def test_all_that_is_set_aside_is_listed_with_where_to_edit_it(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    stage.before = refuse_creating
    made = {stage.hand_made(ada), family.add(), family.add(recurrence=["RRULE:FREQ=DAILY;COUNT=2"])}
    stage.sync(ada)
    family.sync()
    found = read_set_aside(stage.world, stage.connection(ada))
    assert {(each.item.kind, each.reason, each.edit_in) for each in found} == {
        (Kind.PERSONAL, "ehr_refused", EditIn.BOTH),
        (Kind.BLOCK, "ehr_refused", EditIn.GOOGLE),
    }
    assert len(found) == 4
    assert all(each.start is not None for each in found)
    assert len(made) == 3


def test_no_title_and_no_name_is_told(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    stage.hand_made(ada, summary=TITLE)
    family.add(summary=TITLE)
    stage.sync(ada, stage.book(ada))
    family.sync()
    then = repr(explained(stage, ada))
    assert TITLE not in then
    assert FAMILY not in then
