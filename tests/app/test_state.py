"""What a connection is at, as a front end shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.sealing import Sealer
from shared.app import connections
from shared.app.connect import Connecting, Scopes
from shared.app.grants import Purpose, StoredGrant, bound_to, grant_data, grant_path
from shared.app.hook_health import note_hook
from shared.app.records import (
    ChannelRow,
    Lease,
    Progress,
    Status,
    calendar_data,
    calendar_path,
    connection_data,
    connection_of,
    connection_path,
    item_data,
    items_path,
    occurrences_data,
    series_path,
)
from shared.app.set_aside import SET_ASIDE_MAX
from shared.app.state import Shown, SyncState, read_state
from shared.core.errors import RetryableError
from shared.core.item import Item
from shared.core.model import Kind, Side
from shared.core.policy import Mode
from shared.core.signing import KeyRing
from shared.ports import Listing, ProtectedBy, Put
from tests.app.externals import external
from tests.app.stage import PRACTICE, Practitioner, Stage, once, raising
from tests.fakes.consent import MemoryConsent

EMAIL = "practitioner1@example.com"
EVENTS = "events"
SEALER = Sealer(KeyRing.of([b"32 bytes seal the refresh tokens"]), bytes)


def connecting(stage: Stage) -> Connecting:
    return Connecting(
        documents=stage.documents,
        clock=stage.clock,
        keys=stage.world.keys,
        consent=MemoryConsent(()),
        sealing=SEALER,
        signing=KeyRing.of([b"s" * 32]),
        scopes=Scopes("own", "list", frozenset({EVENTS})),
        redirect_uri="https://calsync.example/callback",
        random_bytes=bytes,
    )


def state(stage: Stage, practitioner: str) -> SyncState:
    return read_state(stage.world, connecting(stage), practice=PRACTICE, practitioner=practitioner)


def change(stage: Stage, whose: Practitioner, **changes: Any) -> None:
    path = connection_path(whose.connection.key)
    connection = replace(connection_of(stage.documents.get(path)[path]), **changes)
    stage.documents.commit([Put(path, connection_data(connection))])


def give_grant(stage: Stage, whose: Practitioner, *scopes: str, sealed_email: str | None = None) -> None:
    key = whose.connection.key
    sealed = sealed_email or SEALER.seal(EMAIL, bound_to(Purpose.GRANT_EMAIL, key))
    grant = StoredGrant(whose.sub, "", sealed, frozenset(scopes), 1)
    stage.documents.commit([Put(grant_path(key), grant_data(grant))])


def put_item(stage: Stage, whose: Practitioner, k: str, **fields: Any) -> None:
    calendar = stage.calendar(whose)
    data = item_data(Item(k, Kind.CLIENT, Side.EHR, **fields), calendar, PRACTICE, stage.clock.now())
    stage.documents.commit([Put(f"{items_path(calendar.key)}/{k}", data)])


# --- the word -------------------------------------------------------------------------------------------


def test_whoever_never_connected_is_not_connected(stage: Stage) -> None:
    assert state(stage, "nobody") == SyncState(Shown.NOT_CONNECTED)


def test_until_everything_was_read_it_is_syncing_then_in_sync(stage: Stage) -> None:
    ada = stage.add()
    stage.book(ada)
    assert state(stage, ada.id).status is Shown.SYNCING
    stage.sync(ada)
    assert state(stage, ada.id).status is Shown.IN_SYNC


def test_other_settings_are_syncing_again(stage: Stage, ada: Practitioner) -> None:
    settings = replace(ada.connection.settings, mode=Mode.ONE_WAY)
    connections.change_settings(stage.world, ada.connection.key, settings)
    assert state(stage, ada.id).status is Shown.SYNCING
    stage.sync(ada, everything=True)
    assert state(stage, ada.id).status is Shown.IN_SYNC


def test_a_pass_that_is_worked_through_says_how_far_it_is(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, progress=Progress(3, 8))
    shown = state(stage, ada.id)
    assert (shown.status, shown.calendar.progress) == (Shown.SYNCING, Progress(3, 8))


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (Status.CONNECTED, Shown.CONNECTED),
        (Status.PAUSED, Shown.PAUSED),
        (Status.STOPPING, Shown.STOPPING),
        (Status.RECONNECT_NEEDED, Shown.RECONNECT_NEEDED),
        (Status.DISCONNECTED, Shown.DISCONNECTED),
    ],
)
def test_what_stands_still_says_so_whatever_its_calendar_says(
    stage: Stage, ada: Practitioner, status: Status, word: Shown
) -> None:
    change(stage, ada, status=status)
    stage.change_calendar(ada, problem="google_unreachable", missing=True)
    assert state(stage, ada.id).status is word


def test_every_status_has_its_word() -> None:
    assert {status.value for status in Status} - {word.value for word in Shown} == {Status.ACTIVE.value}


def test_off_is_off(stage: Stage, ada: Practitioner) -> None:
    change(stage, ada, settings=replace(ada.connection.settings, mode=Mode.OFF))
    stage.change_calendar(ada, problem="google_unreachable")
    assert state(stage, ada.id).status is Shown.OFF


def test_a_calendar_that_is_gone_is_missing_and_not_ready(stage: Stage, ada: Practitioner) -> None:
    assert state(stage, ada.id).calendar.ready
    stage.change_calendar(ada, missing=True, problem="calendar_missing")
    shown = state(stage, ada.id)
    assert (shown.status, shown.calendar.ready) == (Shown.CALENDAR_MISSING, False)


def test_a_job_that_came_to_nothing_is_failing_with_its_reason(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, problem="google_api_disabled")
    shown = state(stage, ada.id)
    assert (shown.status, shown.calendar.failing) == (Shown.FAILING, True)
    assert shown.calendar.problem == "google_api_disabled"


def test_jobs_that_die_one_after_the_other_are_failing(stage: Stage, ada: Practitioner) -> None:
    lease = Lease("job", stage.at(0))
    for lapses, word in ((1, Shown.IN_SYNC), (2, Shown.FAILING)):
        stage.change_calendar(ada, lapses=lapses, lease=lease)
        assert state(stage, ada.id).status is word


# --- the account ----------------------------------------------------------------------------------------


def test_the_account_is_named_as_long_as_there_is_a_grant(stage: Stage, ada: Practitioner) -> None:
    assert state(stage, ada.id).email is None
    give_grant(stage, ada)
    assert state(stage, ada.id).email == EMAIL


def test_a_seal_that_does_not_open_hides_the_address_and_nothing_else(
    stage: Stage, ada: Practitioner
) -> None:
    give_grant(stage, ada, EVENTS, sealed_email="v1.another.AAAA")
    shown = state(stage, ada.id)
    assert (shown.status, shown.email, shown.external_calendars) == (Shown.IN_SYNC, None, True)


@pytest.mark.parametrize(("scopes", "readable"), [((), False), (("own", "list"), False), ((EVENTS,), True)])
def test_other_calendars_may_be_read_where_that_was_granted(
    stage: Stage, ada: Practitioner, scopes: tuple[str, ...], *, readable: bool
) -> None:
    give_grant(stage, ada, *scopes)
    assert state(stage, ada.id).external_calendars is readable


# --- the calendar ---------------------------------------------------------------------------------------


def test_the_last_look_and_the_last_full_read_are_told(stage: Stage, ada: Practitioner) -> None:
    read_at = stage.clock.now()
    stage.clock.advance(7200)
    stage.sync(ada)
    calendar = state(stage, ada.id).calendar
    assert (calendar.last_look, calendar.last_full_read) == (stage.clock.now(), read_at)


def test_push_lives_where_a_channel_was_made_and_has_not_ended(stage: Stage, ada: Practitioner) -> None:
    ended = ChannelRow("a", stage.at(-1), "resource")
    unanswered = ChannelRow("b", stage.at(50))
    live = ChannelRow("c", stage.at(24), "resource")
    for rows, lives, until in (
        ((), False, None),
        ((ended, unanswered), False, None),
        ((ended, live, unanswered), True, live.expires),
    ):
        stage.change_calendar(ada, channels=rows, watch_problem="google_push_address")
        push = state(stage, ada.id).calendar.push
        assert (push.live, push.until, push.problem) == (lives, until, "google_push_address")


# --- what is left to be done ----------------------------------------------------------------------------


def test_open_items_are_pending_and_those_set_aside_are_counted_by_reason(
    stage: Stage, ada: Practitioner
) -> None:
    put_item(stage, ada, "settled")
    put_item(stage, ada, "open-1", retry_at=stage.at(0))
    put_item(stage, ada, "open-2", retry_at=stage.at(5))
    put_item(stage, ada, "aside-1", retry_at=stage.at(24), aside="contested")
    put_item(stage, ada, "aside-2", aside="contested")
    put_item(stage, ada, "aside-3", retry_at=stage.at(24), aside="bug")
    shown = state(stage, ada.id).calendar
    assert (shown.pending, dict(shown.set_aside)) == (2, {"contested": 2, "bug": 1})


def test_occurrences_of_a_series_count_each_for_itself(stage: Stage, ada: Practitioner) -> None:
    calendar = stage.calendar(ada)
    fields: list[dict[str, Any]] = [
        {},
        {"retry_at": stage.at(0)},
        {"retry_at": stage.at(5)},
        {"retry_at": stage.at(24), "aside": "contested"},
    ]
    items = [Item(f"series.{n}", Kind.PERSONAL, Side.CALENDAR, **each) for n, each in enumerate(fields)]
    data = occurrences_data(items, calendar, PRACTICE)
    stage.documents.commit([Put(f"{series_path(calendar.key)}/series", data)])
    put_item(stage, ada, "aside", retry_at=stage.at(24), aside="contested")
    shown = state(stage, ada.id).calendar
    assert (shown.pending, dict(shown.set_aside)) == (2, {"contested": 2})


def test_no_more_is_read_of_what_is_set_aside_than_is_counted(stage: Stage, ada: Practitioner) -> None:
    for number in range(SET_ASIDE_MAX + 1):
        put_item(stage, ada, f"aside-{number}", aside="bug")
    stage.ledger.clear()
    assert dict(state(stage, ada.id).calendar.set_aside) == {"bug": SET_ASIDE_MAX}
    assert stage.ledger.reads < SET_ASIDE_MAX + 8


# --- what is not as it should be --------------------------------------------------------------------------


def codes(stage: Stage, whose: Practitioner) -> list[str]:
    return [problem.code for problem in state(stage, whose.id).problems]


def test_where_all_is_well_there_is_no_problem(stage: Stage, ada: Practitioner) -> None:
    give_grant(stage, ada, EVENTS)
    assert codes(stage, ada) == []


def test_a_right_that_is_missing_a_grant_that_died_and_a_limit_are_problems(
    stage: Stage, ada: Practitioner
) -> None:
    give_grant(stage, ada)
    assert codes(stage, ada) == ["external_calendars_not_granted"]
    change(stage, ada, status=Status.RECONNECT_NEEDED, pause_until=stage.at(1))
    assert codes(stage, ada) == ["reconnect_needed", "google_rate_limit"]


def test_every_calendar_says_its_own_problems(stage: Stage, ada: Practitioner) -> None:
    give_grant(stage, ada, EVENTS)
    family = external(stage, ada)
    stage.change_calendar(ada, missing=True, problem="calendar_missing", lapses=9)
    put = Put(
        calendar_path(family.key),
        calendar_data(
            replace(
                family.calendar, problem="google_calendar_forbidden", watch_problem="google_not_watchable"
            )
        ),
    )
    stage.documents.commit([put])
    said = [
        (each.code, each.calendar.key if each.calendar else None) for each in state(stage, ada.id).problems
    ]
    ours = ada.connection.calendar_key
    assert said == [
        ("calendar_missing", ours),
        ("failing_jobs", ours),
        ("google_calendar_forbidden", family.key),
        ("google_not_watchable", family.key),
    ]


def test_the_ehr_says_when_it_was_read_and_why_not(stage: Stage, ada: Practitioner) -> None:
    give_grant(stage, ada, EVENTS)
    stage.feed()
    ehr = state(stage, ada.id).ehr
    assert (ehr.last_read, ehr.problem, ehr.hooks_arrive) == (stage.clock.now(), None, False)
    assert (ehr.listing, ehr.protected_by) == (Listing.PRACTICE, ProtectedBy.ROW)
    read_at = stage.clock.now()
    stage.clock.advance(300)
    stage.before = once("GET Appointment", raising(RetryableError("ehr_unavailable")))
    with pytest.raises(RetryableError):
        stage.feed()
    assert (state(stage, ada.id).ehr.last_read, codes(stage, ada)) == (read_at, ["ehr_unavailable"])
    stage.feed()
    assert codes(stage, ada) == []


def test_hooks_are_said_to_arrive_for_a_day(stage: Stage, ada: Practitioner) -> None:
    note_hook(stage.world, PRACTICE)
    stage.clock.advance(86_000)
    assert state(stage, ada.id).ehr.hooks_arrive
    stage.clock.advance(800)
    assert not state(stage, ada.id).ehr.hooks_arrive


# --- the next look --------------------------------------------------------------------------------------


def test_the_next_look_comes_with_the_calendars_slot(stage: Stage, ada: Practitioner) -> None:
    stage.change_calendar(ada, due_at=stage.at(24))
    for _ in range(20):
        by = state(stage, ada.id).next_look_by
        assert by is not None
        assert int(by.timestamp() // 60 - 1) % 15 == stage.calendar(ada).look_slot
        assert timedelta(minutes=1) < by - stage.clock.now() <= timedelta(minutes=17)
        stage.clock.advance(61)


def test_what_is_due_sooner_is_seen_to_sooner(stage: Stage, ada: Practitioner) -> None:
    for due, by in ((stage.at(0.01), stage.at(0.01)), (stage.at(-1), stage.at(0))):
        stage.change_calendar(ada, due_at=due)
        assert state(stage, ada.id).next_look_by == by


def test_an_account_that_waits_is_looked_at_after_that(stage: Stage, ada: Practitioner) -> None:
    change(stage, ada, pause_until=stage.at(3))
    by = state(stage, ada.id).next_look_by
    assert by is not None
    assert by >= stage.at(3)


@pytest.mark.parametrize(
    "still",
    [
        lambda stage, ada: change(stage, ada, status=Status.PAUSED),
        lambda stage, ada: stage.change_calendar(ada, active=False),
        lambda stage, ada: stage.change_calendar(ada, missing=True),
    ],
)
def test_nobody_looks_at_what_stands_still(
    stage: Stage, ada: Practitioner, still: Callable[[Stage, Practitioner], None]
) -> None:
    still(stage, ada)
    assert state(stage, ada.id).next_look_by is None


def test_nothing_is_written_and_nobody_is_asked(stage: Stage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.ledger.clear()
    state(stage, ada.id)
    assert (stage.ledger.commits, stage.ledger.google, stage.ledger.ehr) == ([], [], [])
