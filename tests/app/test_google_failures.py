"""Whatever Google answers: nothing is freed, lost or made twice, and what comes after it sets all right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from sandbox.google.calendar import Settings
from shared.adapters.google_calendar import translate
from shared.core.errors import BlockedError, RetryableError, SyncError
from tests.app.answers import Answers, nothing_is_left_to_do
from tests.app.externals import External, begins, external
from tests.app.stage import HOUR, Hook, Practitioner, Stage, nothing, starts

Json = dict[str, Any]
WEEKLY: Json = {"recurrence": ["RRULE:FREQ=WEEKLY;COUNT=3"]}
HTML = b"<html><title>Error</title>Sorry</html>"
DAY = timedelta(days=1)

REASONS = [
    (400, "invalid"),
    (400, "badRequest"),
    (400, "required"),
    (400, "timeRangeEmpty"),
    (401, "authError"),
    (403, "userRateLimitExceeded"),
    (403, "rateLimitExceeded"),
    (403, "quotaExceeded"),
    (403, "dailyLimitExceeded"),
    (403, "accessNotConfigured"),
    (403, "insufficientPermissions"),
    (403, "forbidden"),
    (403, "forbiddenForNonOrganizer"),
    (403, "requiredAccessLevel"),
    (403, "notACalendarUser"),
    (403, ""),
    (404, "notFound"),
    (408, ""),
    (409, "conflict"),
    (410, "fullSyncRequired"),
    (410, "updatedMinTooLongAgo"),
    (410, "deleted"),
    (412, "conditionNotMet"),
    (412, "failedPrecondition"),
    (418, "somethingNew"),
    (429, "rateLimitExceeded"),
    (500, "backendError"),
    (502, ""),
    (503, ""),
]
"""Statuses and reasons; without one the body is a page of a front end."""
READS = ["delta", "listing", "occurrences", "events.instances"]


@pytest.fixture(autouse=True)
def at_rest(stage: Stage) -> Iterator[None]:
    yield
    nothing_is_left_to_do(stage)


@pytest.fixture
def family(stage: Stage, ada: Practitioner) -> External:
    return external(stage, ada)


def error(status: int, reason: str, operation: str) -> SyncError:
    told = {"errors": [{"reason": reason, "message": "No."}], "code": status, "message": "No."}
    body = json.dumps({"error": told}).encode() if reason else HTML
    return translate(status, body, operation, {})


def kind_of(operation: str, given: Mapping[str, Any]) -> str:
    """What a call reads; of listings there are three."""
    if operation != "events.list" or given.get("maxResults") == 1:
        return operation
    if given.get("singleEvents"):
        return "occurrences"
    return "delta" if given.get("syncToken") else "listing"


def failing(kind: str, fails: Callable[[str], SyncError], *, skip: int = 0, count: int = 1) -> Hook:
    """After so many calls of this kind, so many fail."""
    seen: list[str] = []

    def hook(operation: str, given: Mapping[str, Any]) -> None:
        if kind_of(operation, given) == kind:
            seen.append(operation)
            if skip < len(seen) <= skip + count:
                raise fails(operation)

    return hook


def try_to(act: Callable[[], object]) -> None:
    """Nothing but our two ways to give up comes out of a job."""
    try:
        act()
    except (BlockedError, RetryableError):
        return


def calm(calendar: External) -> None:
    """Nothing fails any more, and every wait is over."""
    stage = calendar.stage
    stage.before = stage.after = nothing
    stage.clock.advance((2 * HOUR).total_seconds())
    calendar.sync()
    calendar.sync()


# --- reads of an external calendar ----------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("kind", READS)
@pytest.mark.parametrize(("status", "reason"), REASONS)
def test_a_read_that_fails_frees_nothing_and_loses_nothing(
    stage: Stage, family: External, kind: str, status: int, reason: str, count: int
) -> None:
    family.add(hours=48)
    series = family.add(hours=72, **WEEKLY)
    family.sync()
    before = {row["id"] for row in family.blocks}
    assert len(before) == 4
    family.add(hours=50)
    family.add(hours=74, **WEEKLY)
    family.edit(series, summary="Another")
    stage.before = failing(kind, lambda operation: error(status, reason, operation), count=count)
    try_to(lambda: family.job(everything=kind in ("listing", "occurrences")))
    assert before <= {row["id"] for row in family.blocks}
    try_to(family.job)
    assert before <= {row["id"] for row in family.blocks}
    calm(family)
    assert before <= {row["id"] for row in family.blocks}
    assert len(family.blocks) == 8


@pytest.mark.parametrize("kind", ["delta", "listing"])
@pytest.mark.parametrize("page", range(4))
@pytest.mark.parametrize(
    ("status", "reason"), [(410, "fullSyncRequired"), (500, "backendError"), (400, "invalid")]
)
def test_a_listing_that_fails_on_any_page_is_as_none(
    stage: Stage, family: External, kind: str, page: int, status: int, reason: str
) -> None:
    for hours in (24, 48, 72):
        family.add(hours=hours)
    family.sync()
    before = {row["id"] for row in family.blocks}
    stage.google.settings = Settings(empty_page_chance=0.5, short_page_chance=1)
    for hours in (26, 50, 74):
        family.add(hours=hours)
    stage.before = failing(kind, lambda operation: error(status, reason, operation), skip=page)
    try_to(lambda: family.job(everything=kind == "listing"))
    assert before <= {row["id"] for row in family.blocks}
    calm(family)
    assert before < {row["id"] for row in family.blocks}
    assert len(family.blocks) == 6


def test_a_cursor_that_is_refused_for_ever_is_no_endless_haste(stage: Stage, family: External) -> None:
    """Every listing answers 410, the complete one too."""

    def refused(operation: str, _given: Mapping[str, Any]) -> None:
        if operation == "events.list":
            raise error(410, "fullSyncRequired", operation)

    family.add(hours=48)
    family.sync()
    stage.before = refused
    stage.ledger.clear()
    began = stage.clock.now()
    for _ in range(20):
        outcome = None
        try:
            outcome = family.job()
        except (BlockedError, RetryableError):
            stage.clock.advance(60)
        if outcome is not None and outcome.again_at is not None:
            stage.clock.advance(max(0.0, (outcome.again_at - stage.clock.now()).total_seconds()))
    assert stage.clock.now() - began > timedelta(minutes=5)
    assert len(family.blocks) == 1


@pytest.mark.parametrize("kinds", [("listing",), ("occurrences",), ("listing", "occurrences")])
def test_an_empty_answer_to_a_complete_pass_frees_nothing_and_loses_nothing(
    stage: Stage, family: External, kinds: tuple[str, ...]
) -> None:
    family.add(hours=48)
    family.add(hours=72, **WEEKLY)
    family.sync()
    before = {row["id"] for row in family.blocks}
    family.add(hours=50)
    family.add(hours=74, **WEEKLY)
    answers = Answers(stage)
    answers.change = lambda operation, given, answer: (
        {**answer, "items": []} if kind_of(operation, given) in kinds else answer
    )
    family.sync(everything=True)
    assert before <= {row["id"] for row in family.blocks}
    if kinds != ("listing", "occurrences"):
        assert len(family.blocks) == 8
    answers.change = lambda _operation, _given, answer: answer
    stage.clock.advance((DAY + 2 * HOUR).total_seconds())
    family.sync(everything=True)
    assert before <= {row["id"] for row in family.blocks}
    assert len(family.blocks) == 8


def test_a_complete_listing_that_lacks_a_series_that_lives_frees_nothing(
    stage: Stage, family: External
) -> None:
    """Each occurrence that it lacks is read by its id first."""
    family.add(hours=48)
    series = family.add(hours=72, **WEEKLY)
    second = stage.google.events.instances(family.whose.sub, family.id, series)["items"][1]["id"]
    family.move(second, hours=80)
    family.sync()
    before = {row["id"] for row in family.blocks}
    answers = Answers(stage)
    answers.change = lambda operation, given, answer: (
        {**answer, "items": [each for each in answer["items"] if each.get("recurringEventId") != series]}
        if kind_of(operation, given) == "occurrences"
        else answer
    )
    family.sync(everything=True)
    assert {row["id"] for row in family.blocks} == before


def test_a_listing_without_a_token_at_its_end_is_applied_and_the_old_one_stays(
    stage: Stage, family: External
) -> None:
    family.add(hours=48)
    cursor = family.calendar.cursor
    answers = Answers(stage)
    answers.change = lambda _operation, _given, answer: {
        name: value for name, value in answer.items() if name != "nextSyncToken"
    }
    family.job()
    assert len(family.blocks) == 1
    assert family.calendar.cursor == cursor
    answers.change = lambda _operation, _given, answer: answer
    family.add(hours=50)
    stage.clock.advance(120)
    family.sync()
    assert len(family.blocks) == 2
    assert family.calendar.cursor != cursor


@pytest.mark.parametrize(("status", "reason"), [(404, "notFound"), (403, "forbidden"), (400, "invalid")])
def test_one_series_that_can_never_be_read_stops_nothing_else(
    stage: Stage, family: External, status: int, reason: str
) -> None:
    series = family.add(hours=72, **WEEKLY)
    family.sync()
    family.edit(series, summary="Another")
    family.add(hours=48)
    stage.before = failing(
        "events.instances", lambda operation: error(status, reason, operation), count=1_000
    )
    family.sync()
    assert begins(family.blocks[0]) == stage.at(48)
    assert len(family.blocks) == 4
    family.move(series, hours=80)
    family.sync()
    stage.clock.advance((2 * HOUR).total_seconds())
    family.sync()  # the other listing says where it is
    assert len(family.blocks) == 4


def test_a_series_of_which_only_occurrences_are_shown_frees_nothing(stage: Stage, family: External) -> None:
    """Who sees no more than busy times does not see the series: reading it by id is no evidence."""
    series = family.add(hours=72, **WEEKLY)
    family.sync()
    before = {row["id"] for row in family.blocks}
    second = stage.google.events.instances(family.whose.sub, family.id, series)["items"][1]["id"]
    family.move(second, hours=80)

    def hidden(operation: str, given: Mapping[str, Any]) -> None:
        if given.get("eventId") == series:
            raise error(404, "notFound", operation)

    stage.before = hidden
    family.sync()
    assert before == {row["id"] for row in family.blocks}
    stage.clock.advance((2 * HOUR).total_seconds())
    family.sync()
    assert before == {row["id"] for row in family.blocks}
    assert stage.at(78) in [begins(row) for row in family.blocks]


# --- reads of the appointments calendar -----------------------------------------------------------------


@pytest.mark.parametrize("kind", [*READS, "events.get"])
@pytest.mark.parametrize(("status", "reason"), REASONS)
def test_a_read_of_the_appointments_calendar_that_fails_cancels_nothing(
    stage: Stage, ada: Practitioner, kind: str, status: int, reason: str
) -> None:
    client = stage.book(ada, hours=30)
    stage.hand_made(ada, hours=48)
    series = stage.hand_made(ada, hours=72, **WEEKLY)
    stage.settle()
    booked = live(stage)
    assert len(booked) == 5
    stage.edit(ada, series, summary="Another")
    stage.hand_made(ada, hours=50)
    stage.before = failing(kind, lambda operation: error(status, reason, operation))
    try_to(lambda: stage.job(ada, client, everything=kind in ("listing", "occurrences")))
    assert booked <= live(stage)
    stage.before = nothing
    stage.clock.advance((2 * HOUR).total_seconds())
    stage.settle()
    assert booked < live(stage)
    assert len(live(stage)) == 6
    assert not stage.calendar(ada).missing


def live(stage: Stage) -> set[str]:
    return {row["id"] for row in stage.store.resources("Appointment") if row["status"] == "booked"}


# --- writes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["refused", "lost"])
@pytest.mark.parametrize("operation", ["events.insert", "events.patch", "events.delete"])
@pytest.mark.parametrize(("status", "reason"), REASONS)
def test_a_write_that_fails_or_whose_answer_is_lost_is_made_once_in_the_end(
    stage: Stage, ada: Practitioner, operation: str, status: int, reason: str, answer: str
) -> None:
    moved, cancelled = stage.book(ada, hours=30), stage.book(ada, hours=40)
    stage.settle()
    hook = failing(
        operation,
        lambda op: RetryableError("google_unreachable") if answer == "lost" else error(status, reason, op),
    )
    stage.before, stage.after = (nothing, hook) if answer == "lost" else (hook, nothing)
    stage.book(ada, hours=50)
    stage.reschedule(moved, hours=32)
    stage.staff.cancel(appointment=cancelled)
    try_to(stage.settle)
    stage.before = stage.after = nothing
    stage.clock.advance((2 * HOUR).total_seconds())
    stage.settle()
    stage.sync(ada, everything=True)
    assert {starts(event) for event in stage.events(ada)} == {
        starts(row) for row in stage.store.resources("Appointment") if row["status"] == "booked"
    }
    assert len(stage.events(ada)) == 2


def test_a_version_that_is_always_old_ends_in_a_reason_and_stops_nothing_else(
    stage: Stage, ada: Practitioner
) -> None:
    stuck, other = stage.book(ada, hours=30), stage.book(ada, hours=40)
    stage.settle()
    event = next(each["id"] for each in stage.events(ada) if starts(each) == stage.at(30))

    def stale(operation: str, given: Mapping[str, Any]) -> None:
        if operation == "events.patch" and given["eventId"] == event:
            raise error(412, "conditionNotMet", operation)

    stage.before = stale
    stage.reschedule(stuck, hours=32)
    stage.reschedule(other, hours=42)
    stage.settle()
    for _ in range(8):
        stage.clock.advance(HOUR.total_seconds())
        stage.sync(ada)
    asides = {item.appointment_id: item.aside for item in stage.items(ada)}
    assert asides == {stuck: "contested", other: None}
    stage.before = nothing
    stage.sync(ada, everything=True)
    assert all(item.aside is None for item in stage.items(ada))
