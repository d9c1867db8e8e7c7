"""EHRs that cannot tell what changed in a practice: every practitioner's part is read by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from shared.adapters.fhir import FhirEhr
from shared.app.connections import pause, resume
from shared.app.feed import HOOKS_ARRIVE, POLL, run_feed_job
from shared.app.follow import run_follow_job
from shared.app.jobs import FeedTask
from shared.app.records import (
    Followed,
    followed_of,
    followed_path,
    practice_data,
    practice_of,
    practice_path,
)
from shared.core.errors import BlockedError, RetryableError
from shared.core.policy import LabelMode, Mode
from shared.ports import Capabilities, Listing, Put
from tests.app.stage import PRACTICE, Practitioner, Stage, once, raising, starts
from tests.fakes.documents import MemoryDocuments


@dataclass
class Told:
    """What jobs ask for."""

    followed: list[str] = field(default_factory=list)
    rows: dict[str, set[str]] = field(default_factory=dict)

    def follow(self, connection_key: str) -> None:
        self.followed.append(connection_key)

    def dispatch(self, calendar_key: str, appointment_ids: Sequence[str]) -> None:
        self.rows.setdefault(calendar_key, set()).update(appointment_ids)

    def to(self, whose: Practitioner) -> set[str]:
        return self.rows.get(whose.connection.calendar_key, set())


@pytest.fixture(autouse=True)
def found_out(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FhirEhr, "capabilities", lambda _ehr: stage.capabilities)


@pytest.fixture(params=[Listing.PRACTITIONER, Listing.WINDOW], ids=lambda listing: listing.value)
def listing(request: pytest.FixtureRequest, stage: Stage) -> Listing:
    stage.capabilities = Capabilities(listing=request.param)
    found: Listing = request.param
    return found


def poll(stage: Stage, *, hooked: bool = False) -> Told:
    told = Told()
    assert run_feed_job(stage.world, PRACTICE, told.dispatch, told.follow, poll=not hooked).complete
    return told


def follow(stage: Stage, whose: Practitioner) -> Told:
    told = Told()
    run_follow_job(stage.world, whose.connection.key, told.dispatch)
    return told


def followed(stage: Stage, whose: Practitioner) -> Followed:
    path = followed_path(whose.connection.key)
    return followed_of(MemoryDocuments.get(stage.documents, path)[path])


def begun(stage: Stage) -> Practitioner:
    """Connected, in sync, and followed once; what was booked until now may be told again for a while."""
    ada = stage.connect()
    poll(stage)
    follow(stage, ada)
    stage.clock.advance(300)
    follow(stage, ada)
    stage.ledger.clear()
    return ada


# --- who is followed ------------------------------------------------------------------------------------


def test_every_practitioner_whose_sync_moves_is_followed(stage: Stage, listing: Listing) -> None:
    del listing
    ada, off, resting = stage.connect(), stage.connect(), stage.connect()
    stage.change_settings(off, mode=Mode.OFF)
    pause(stage.world, resting.connection.key)
    assert poll(stage).followed == [ada.connection.key]
    resume(stage.world, resting.connection.key)
    assert set(poll(stage).followed) == {ada.connection.key, resting.connection.key}


def test_nobody_is_followed_where_the_practice_can_be_read_at_once(stage: Stage, ada: Practitioner) -> None:
    assert poll(stage).followed == []
    assert follow(stage, ada).rows == {}


def test_hooks_that_stop_are_missed_here_too(stage: Stage, listing: Listing) -> None:
    del listing
    ada = begun(stage)
    stage.book(ada)
    follow(stage, ada)
    note_hook(stage)
    stage.clock.advance(3 * 86_400)
    stage.book(ada)
    stage.clock.advance(240)
    follow(stage, ada)
    [notice] = MemoryDocuments.find(stage.documents, "notices")
    assert notice.data["kind"] == "hooks_silent"


def test_while_hooks_arrive_everybody_is_polled_once_an_hour(stage: Stage, listing: Listing) -> None:
    del listing
    people = {stage.connect().connection.key for _ in range(5)}
    note_hook(stage)
    polled: list[str] = []
    for _ in range(12):
        polled += poll(stage).followed
        stage.clock.advance(POLL.total_seconds())
    assert sorted(polled) == sorted(people)


def test_a_hook_has_everybody_read_at_once(stage: Stage, listing: Listing) -> None:
    del listing
    people = {stage.connect().connection.key for _ in range(5)}
    note_hook(stage)
    assert set(poll(stage, hooked=True).followed) == people


def test_once_hooks_stop_everybody_is_polled_each_time(stage: Stage, listing: Listing) -> None:
    del listing
    people = {stage.connect().connection.key for _ in range(5)}
    note_hook(stage)
    stage.clock.advance(HOOKS_ARRIVE.total_seconds())
    assert set(poll(stage).followed) == people


def note_hook(stage: Stage) -> None:
    poll(stage)
    path = practice_path(PRACTICE)
    record = practice_of(MemoryDocuments.get(stage.documents, path)[path])
    noted = practice_data(replace(record, hooked_at=stage.clock.now()))
    MemoryDocuments.commit(stage.documents, [Put(path, noted)])


# --- what is told ---------------------------------------------------------------------------------------


def test_the_first_time_everything_counts_as_changed(stage: Stage, listing: Listing) -> None:
    del listing
    ada = stage.connect()
    row = stage.book(ada)
    poll(stage)
    assert follow(stage, ada).to(ada) == {row}


def test_a_new_and_a_changed_appointment_are_told(stage: Stage, listing: Listing) -> None:
    del listing
    ada = begun(stage)
    row = stage.book(ada)
    assert follow(stage, ada).to(ada) == {row}
    stage.clock.advance(300)
    stage.reschedule(row, hours=72)
    assert follow(stage, ada).to(ada) == {row}


def test_what_has_not_changed_is_told_once(stage: Stage, listing: Listing) -> None:
    del listing
    ada = begun(stage)
    stage.book(ada)
    follow(stage, ada)
    stage.clock.advance(300)
    assert follow(stage, ada).rows == {}
    stage.ledger.clear()
    assert follow(stage, ada).rows == {}
    assert stage.ledger.commits == []


def test_an_appointment_that_is_nowhere_to_be_found_is_told(stage: Stage) -> None:
    stage.capabilities = Capabilities(listing=Listing.WINDOW)
    ada = begun(stage)
    row = stage.book(ada)
    stage.sync(ada, row)
    follow(stage, ada)
    stage.staff.erase(appointment=row)
    assert follow(stage, ada).to(ada) == {row}
    stage.sync(ada, row)
    assert stage.events(ada) == []


def test_an_appointment_that_moves_far_out_of_the_window_is_followed(stage: Stage) -> None:
    stage.capabilities = Capabilities(listing=Listing.WINDOW)
    ada = begun(stage)
    row = stage.book(ada)
    stage.sync(ada, row)
    follow(stage, ada)
    stage.reschedule(row, hours=24 * 400)
    assert follow(stage, ada).to(ada) == {row}
    stage.sync(ada, row)
    assert stage.event(ada)["start"]["dateTime"][:10] == stage.at(24 * 400).isoformat()[:10]


def test_a_reassigned_appointment_is_told_to_both(stage: Stage, listing: Listing) -> None:
    del listing
    ada, eve = begun(stage), begun(stage)
    row = stage.book(ada)
    follow(stage, ada)
    stage.sync(ada, row)
    stage.staff.reassign(appointment=row, practitioner=eve.id)
    told = follow(stage, eve)
    assert told.to(ada) == told.to(eve) == {row}


def test_a_job_that_could_not_tell_tells_again(stage: Stage, listing: Listing) -> None:
    del listing
    ada = begun(stage)
    row = stage.book(ada)

    def refuse(calendar_key: str, appointment_ids: Sequence[str]) -> None:
        del calendar_key, appointment_ids
        raise RetryableError("queue_unavailable")

    with pytest.raises(RetryableError):
        run_follow_job(stage.world, ada.connection.key, refuse)
    assert follow(stage, ada).to(ada) == {row}


def test_of_two_jobs_at_once_the_first_that_saves_counts(stage: Stage, listing: Listing) -> None:
    del listing
    ada = begun(stage)
    row = stage.book(ada)
    others: list[Told] = []
    stage.before = once("commit", lambda: others.append(follow(stage, ada)))
    assert follow(stage, ada).to(ada) == {row}
    assert [each.to(ada) for each in others] == [{row}]
    stage.clock.advance(300)
    assert follow(stage, ada).rows == {}


def test_nothing_but_ids_and_versions_is_stored(stage: Stage) -> None:
    stage.capabilities = Capabilities(listing=Listing.WINDOW)
    ada = begun(stage)
    row = stage.book(ada)
    follow(stage, ada)
    assert followed(stage, ada).versions == {row: stage.row(row)["meta"]["versionId"]}


# --- as it is deployed ------------------------------------------------------------------------------------


def test_what_staff_do_reaches_the_calendar_within_a_poll(stage: Stage, listing: Listing) -> None:
    del listing
    ada = stage.connect()
    row = stage.book(ada)
    stage.minutes(6)
    assert [starts(event) for event in stage.events(ada)] == [starts(stage.row(row))]
    stage.reschedule(row, hours=90)
    stage.minutes(6)
    assert starts(stage.event(ada)) == starts(stage.row(row))
    stage.staff.cancel(appointment=row)
    stage.minutes(6)
    assert stage.events(ada) == []


def test_a_hook_brings_it_at_once(stage: Stage, listing: Listing) -> None:
    del listing
    ada = stage.connect()
    stage.minutes(6)
    stage.book(ada)
    stage.ask(FeedTask(PRACTICE, hooked=True))
    stage.drain()
    assert len(stage.events(ada)) == 1


def test_an_ehr_at_rest_costs_no_write(stage: Stage, listing: Listing) -> None:
    del listing
    ada = stage.connect()
    stage.book(ada)
    stage.minutes(20)
    stage.ledger.clear()
    stage.minutes(5)
    assert stage.ledger.side_writes == []
    written = {path.split("/")[0] for commit in stage.ledger.commits for path in commit}
    assert written <= {"practices"}  # its lease, taken and let go


# --- clients --------------------------------------------------------------------------------------------


def renamed(stage: Stage, row: str) -> None:
    [patient] = {
        reference.partition("/")[2]
        for each in stage.row(row)["participant"]
        if (reference := each["actor"]["reference"]).startswith("Patient/")
    }
    stage.staff.rename_patient(patient=patient, family="Newname", given=["Bo"])


def test_the_new_name_of_a_client_reaches_the_calendar_within_a_poll(stage: Stage) -> None:
    ada = stage.connect(client_label=LabelMode.FULL_NAME)
    row = stage.book(ada)
    stage.minutes(10)
    renamed(stage, row)
    stage.minutes(6)
    assert stage.event(ada)["summary"] == "Bo Newname"


def test_a_name_that_is_not_shown_changes_nothing(stage: Stage) -> None:
    ada = stage.connect()
    row = stage.book(ada)
    stage.minutes(10)
    stage.ledger.clear()
    renamed(stage, row)
    stage.minutes(6)
    assert stage.ledger.side_writes == []


def test_no_id_of_a_patient_is_kept(stage: Stage) -> None:
    stage.book(stage.connect())
    stage.minutes(10)
    path = practice_path(PRACTICE)
    clients = practice_of(MemoryDocuments.get(stage.documents, path)[path]).clients
    assert clients is not None
    patients = {each["id"] for each in stage.store.resources("Patient")}
    assert len(patients & {*clients.seen}) == 0 < len(patients)


def test_an_ehr_that_does_not_tell_of_names_is_read_all_the_same(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = stage.connect()
    cannot = raising(BlockedError("ehr_cannot_list_changes"))
    monkeypatch.setattr(FhirEhr, "clients_now", lambda _ehr: cannot())
    stage.minutes(6)
    stage.book(ada)
    stage.minutes(6)
    assert len(stage.events(ada)) == 1


# --- what an EHR can do -----------------------------------------------------------------------------------


def capabilities(stage: Stage) -> Capabilities | None:
    path = practice_path(PRACTICE)
    return practice_of(MemoryDocuments.get(stage.documents, path)[path]).capabilities


def test_what_the_ehr_can_do_is_kept_and_found_out_anew_every_day(stage: Stage) -> None:
    poll(stage)
    stage.capabilities = Capabilities(listing=Listing.WINDOW)
    poll(stage)
    known = capabilities(stage)
    assert known is not None
    assert known.listing is Listing.PRACTICE
    stage.clock.advance(timedelta(days=1).total_seconds())
    poll(stage)
    assert capabilities(stage) == stage.capabilities


def test_an_ehr_that_cannot_be_asked_is_taken_for_what_it_was(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poll(stage)
    before = capabilities(stage)
    stage.clock.advance(timedelta(days=1).total_seconds())
    monkeypatch.setattr(FhirEhr, "capabilities", lambda _ehr: raising(RetryableError("ehr_unavailable"))())
    poll(stage)
    assert capabilities(stage) == before


def test_an_ehr_that_stops_telling_changes_is_asked_at_once_what_it_can_do(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = stage.connect()
    poll(stage)
    stage.capabilities = Capabilities(listing=Listing.WINDOW)
    cannot = raising(BlockedError("ehr_cannot_list_changes"))
    monkeypatch.setattr(FhirEhr, "changes", lambda _ehr, _cursor: cannot())
    with pytest.raises(BlockedError):
        poll(stage)
    assert poll(stage).followed == [ada.connection.key]
