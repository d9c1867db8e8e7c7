"""Series in external calendars: every occurrence takes its own time, whatever is done to one, some or all."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.core.policy import FreeEvents
from tests.app.externals import External, begins, chosen, external, is_free, span
from tests.app.stage import Practitioner, Stage

WEEK = timedelta(days=7)
WEEKLY = ["RRULE:FREQ=WEEKLY;COUNT=5"]


@pytest.fixture(params=[False, True], ids=["details", "bare tombstones"])
def family(stage: Stage, ada: Practitioner, request: pytest.FixtureRequest) -> External:
    """Tombstones say everything, or no more than their id."""
    stage.google.settings = replace(stage.google.settings, bare_tombstones=request.param)
    return external(stage, ada)


def starts(calendar: External) -> list[datetime]:
    return [begins(row) for row in calendar.blocks]


def weekly(calendar: External, *, hours: float = 48, rules: list[str] = WEEKLY, **body: Any) -> str:
    """Five occurrences, at the same UTC hour in New York's winter or not."""
    return calendar.add(hours=hours, recurrence=rules, **body)


def instances(calendar: External, series: str) -> list[str]:
    found = calendar.stage.google.events.instances(calendar.whose.sub, calendar.id, series)
    return [str(event["id"]) for event in found["items"]]


def at_rest(calendar: External) -> None:
    """A second pass writes nothing."""
    calendar.stage.ledger.clear()
    calendar.sync(everything=True)
    calendar.sync()
    assert calendar.stage.ledger.side_writes == []


def imported(calendar: External, event_id: str) -> str:
    """A single event under an id that Google itself would give."""
    google, sub = calendar.stage.google, calendar.whose.sub
    stored = google.store.open(sub, calendar.id)[0]
    body = {"summary": "plain", "id": event_id, **calendar.times(60)}
    return str(google.events.create(sub, stored, body).resource["id"])


# --- taken in -------------------------------------------------------------------------------------------


def test_every_occurrence_has_a_block_of_its_own_on_the_wall_of_its_zone(family: External) -> None:
    weekly(family)
    family.sync()
    walls = [moment.astimezone(family.whose.zone) for moment in starts(family)]
    assert [wall.date() - walls[0].date() for wall in walls] == [number * WEEK for number in range(5)]
    assert {wall.time() for wall in walls} == {walls[0].time()}
    assert len({moment.time() for moment in starts(family)}) == 2  # a clock change lies between
    at_rest(family)


def test_a_series_of_before_it_was_chosen_is_taken_in_by_the_first_pass(
    stage: Stage, ada: Practitioner
) -> None:
    calendar = External(stage, ada, str(ada.person.create_calendar("Work")["id"]))
    weekly(calendar)
    chosen(calendar)
    assert len(calendar.blocks) == 5
    at_rest(calendar)


def test_it_costs_one_call_to_read_and_two_documents_to_keep(stage: Stage, family: External) -> None:
    series = weekly(family)
    family.sync()
    stage.ledger.clear()
    family.edit(series, transparency="transparent")
    family.sync()
    assert family.blocks == []
    assert stage.ledger.google.count("events.instances") == 1
    series_documents = [path for commit in stage.ledger.commits for path in commit if "/series/" in path]
    assert len(set(series_documents)) == 1


def test_an_endless_series_ends_at_the_horizon_and_rolls_on(stage: Stage, family: External) -> None:
    weekly(family, rules=["RRULE:FREQ=WEEKLY"])
    family.sync()
    before = len(family.blocks)
    assert before == 29  # 201 days
    stage.clock.advance(WEEK.total_seconds() + 7_200)
    family.sync()
    assert len(family.blocks) == before + 1
    at_rest(family)


@pytest.mark.parametrize(
    ("rules", "count"),
    [
        (["RRULE:FREQ=DAILY;COUNT=4", "EXDATE:{1}"], 3),
        (["RRULE:FREQ=DAILY;COUNT=2", "RDATE;TZID=America/New_York:{9}"], 3),
        (["RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=3"], 3),
        (["RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=SU;BYDAY=SU,MO;COUNT=4"], 4),
    ],
)
def test_rules_in_all_their_spellings(stage: Stage, family: External, rules: list[str], count: int) -> None:
    begin = stage.at(48).astimezone(family.whose.zone)
    written = [
        rule.replace("{1}", f"{stage.at(72):%Y%m%dT%H%M%SZ}").replace(
            "{9}", f"{begin + timedelta(days=9):%Y%m%dT%H%M%S}"
        )
        for rule in rules
    ]
    series = weekly(family, rules=written)
    family.sync()
    living = instances(family, series)
    assert len(family.blocks) == len(living)
    assert abs(len(living) - count) <= 1  # the start itself is always one
    at_rest(family)


# --- one occurrence -------------------------------------------------------------------------------------


def test_one_that_is_moved_takes_its_block_along(stage: Stage, family: External) -> None:
    series = weekly(family)
    family.sync()
    third = instances(family, series)[2]
    before = family.blocks[2]["id"]
    family.move(third, hours=50)
    family.sync()
    moved = next(row for row in family.blocks if row["id"] == before)
    assert begins(moved) == stage.at(50)
    assert len(family.blocks) == 5
    at_rest(family)


def test_one_that_is_deleted_frees_its_time_alone(family: External) -> None:
    series = weekly(family)
    family.sync()
    before = starts(family)
    family.delete(instances(family, series)[1])
    family.sync()
    assert starts(family) == [before[0], *before[2:]]
    at_rest(family)


def test_one_that_is_declined_frees_its_time_alone(stage: Stage, ada: Practitioner) -> None:
    family = external(stage, ada)
    series = str(
        ada.person.invite(
            family.id, {"summary": "x", "recurrence": WEEKLY, **family.times(48)}, "boss@example.com"
        )["id"]
    )
    family.sync()
    assert len(family.blocks) == 5
    ada.person.respond(family.id, instances(family, series)[0], "declined", "one")
    family.sync()
    assert len(family.blocks) == 4
    ada.person.respond(family.id, series, "declined")
    family.sync()
    assert len(family.blocks) <= 4
    at_rest(family)


def test_one_that_moves_beyond_the_window_frees_its_time_and_comes_back(
    stage: Stage, family: External
) -> None:
    series = weekly(family)
    family.sync()
    third = instances(family, series)[2]
    family.move(third, hours=24 * 400)
    family.sync()
    assert len(family.blocks) == 4
    family.move(third, hours=60)
    family.sync()
    assert stage.at(60) in starts(family)
    at_rest(family)


# --- this and following, all ----------------------------------------------------------------------------


def test_this_and_following_moved_is_two_series_and_no_time_is_lost_or_doubled(family: External) -> None:
    series = weekly(family)
    family.sync()
    before = starts(family)
    third = instances(family, series)[2]
    begin = before[2] + timedelta(hours=3)
    times = {
        "start": {"dateTime": begin.isoformat()},
        "end": {"dateTime": (begin + timedelta(hours=1)).isoformat()},
    }
    family.whose.person.move(family.id, third, times["start"], times["end"], "following")
    family.sync()
    assert starts(family)[:2] == before[:2]
    assert starts(family)[2:] == [moment + timedelta(hours=3) for moment in before[2:]]
    at_rest(family)


def test_this_and_following_deleted_keeps_what_was_before(family: External) -> None:
    series = weekly(family)
    family.sync()
    before = starts(family)
    family.whose.person.delete(family.id, instances(family, series)[3], "following")
    family.sync()
    assert starts(family) == before[:3]
    at_rest(family)


def test_all_of_it_moved_moves_every_block(family: External) -> None:
    series = weekly(family)
    family.sync()
    before = starts(family)
    first = instances(family, series)[0]
    begin = before[0] + timedelta(hours=1)
    start, end = {"dateTime": begin.isoformat()}, {"dateTime": (begin + timedelta(hours=1)).isoformat()}
    family.whose.person.move(family.id, first, start, end, "all")
    family.sync()
    assert starts(family) == [moment + timedelta(hours=1) for moment in before]
    at_rest(family)


def test_all_of_it_deleted_frees_everything_and_brought_back_takes_it_again(family: External) -> None:
    series = weekly(family)
    family.sync()
    before = starts(family)
    family.delete(series)
    family.sync()
    assert family.blocks == []
    at_rest(family)
    family.whose.person.undelete(family.id, series)
    family.sync()
    assert starts(family) == before
    at_rest(family)


def test_another_rule_keeps_what_both_have(family: External) -> None:
    series = weekly(family)
    family.sync()
    before = {row["id"] for row in family.blocks}
    family.edit(series, recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"])
    family.sync()
    assert {row["id"] for row in family.blocks} < before
    assert len(family.blocks) == 3
    at_rest(family)


# --- single and series ----------------------------------------------------------------------------------


def test_a_single_event_becomes_a_series_and_single_again(family: External) -> None:
    event = family.add(hours=48)
    family.sync()
    family.edit(event, recurrence=WEEKLY)
    family.sync()
    assert len(family.blocks) == 5
    at_rest(family)
    family.edit(event, recurrence=[])
    family.sync()
    assert len(family.blocks) == 1
    at_rest(family)


def test_a_plain_event_whose_id_looks_like_an_instance_is_one(family: External) -> None:
    series = weekly(family)
    family.sync()
    looks = imported(family, f"{series}_20260401T120000Z")
    family.sync()
    assert len(family.blocks) == 6
    family.delete(looks)
    family.sync()
    assert len(family.blocks) == 5
    at_rest(family)


def test_a_series_that_is_dragged_to_another_calendar_takes_its_blocks_along(
    stage: Stage, ada: Practitioner
) -> None:
    family, work = external(stage, ada), external(stage, ada)
    series = weekly(family)
    family.sync()
    ada.person.move_to(family.id, series, work.id)
    family.sync()
    work.sync()
    assert len(family.blocks) == 5
    at_rest(family)
    at_rest(work)


# --- free, all day, very long ---------------------------------------------------------------------------


def test_occurrences_that_are_free_are_shown_as_free(stage: Stage, ada: Practitioner) -> None:
    stage.change_settings(ada, free_events=FreeEvents.SHOW)
    family = external(stage, ada)
    series = weekly(family)
    family.sync()
    family.edit(instances(family, series)[0], transparency="transparent")
    family.sync()
    assert [is_free(row) for row in family.blocks] == [True, False, False, False, False]


def test_days_are_local_days_and_follow_the_practitioner_to_another_zone(
    stage: Stage, ada: Practitioner
) -> None:
    family = external(stage, ada)
    day = date(2026, 3, 7)  # New York changes its clock the day after: 23 hours
    family.put(
        {
            "start": {"date": day.isoformat()},
            "end": {"date": (day + timedelta(days=1)).isoformat()},
            "recurrence": ["RRULE:FREQ=DAILY;COUNT=3"],
        }
    )
    family.sync()
    lengths = [span(row)[1] - span(row)[0] for row in family.blocks]
    assert lengths == [timedelta(hours=24), timedelta(hours=23), timedelta(hours=24)]
    stage.change_settings(ada, zone=ZoneInfo("Europe/Berlin"))
    family.sync(everything=True)
    walls = [begins(row).astimezone(ZoneInfo("Europe/Berlin")) for row in family.blocks]
    assert {wall.hour for wall in walls} == {0}
    at_rest(family)


def test_more_occurrences_than_a_document_holds_are_blocked_by_days(
    stage: Stage, ada: Practitioner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.core.spans.OCCURRENCES_MAX", 10)
    family = external(stage, ada)
    dates = [stage.at(48 + 24 * day + hour) for day in range(3) for hour in range(5)]
    listed = ",".join(f"{moment:%Y%m%dT%H%M%SZ}" for moment in dates)
    series = weekly(family, rules=[f"RDATE:{listed}"])
    family.sync()
    spans = [span(row) for row in family.blocks]
    assert len(spans) <= 4
    for moment in dates:
        assert any(start <= moment and end >= moment + timedelta(hours=1) for start, end in spans)
    at_rest(family)
    family.edit(series, recurrence=[f"RDATE:{listed[: 17 * 5 - 1]}"])
    family.sync()
    assert len(family.blocks) == 5
    at_rest(family)
