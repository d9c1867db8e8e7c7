"""What reading must do on EHRs of every kind, said once for the fake and for the adapter over HTTP.

Each kind is a profile of the sandbox's EHR; what it can do is found out here as it is in operation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from sandbox.ehr import urls
from shared.adapters.fhir import ParticipantStatus, Stated
from shared.core.model import Kind, Status, When
from shared.ports import BlockAs, Capabilities, Ehr, Listing, ProtectedBy, Writes
from tests.contract.ehr_worlds import (
    DAY,
    HOUR,
    NEXT,
    World,
    add_practitioner,
    book,
    book_personal,
    changes,
    ids,
)
from tests.fakes.clock import START
from tests.fakes.ehr import SETTINGS
from tests.servers import server

QUERIED = replace(SETTINGS, protected_extension=None)
CAREFUL = Capabilities(checks_versions=False, creates_once=False, protected_by=ProtectedBy.QUERY)


@dataclass(frozen=True)
class Sort:
    """Of an EHR: what its server is like, and what is to be found of it where staff have schedules."""

    profile: str
    can: Capabilities
    facts: dict[str, Any] = field(default_factory=dict)


SORTS = {
    "medplum": Sort("medplum", Capabilities(protected_by=ProtectedBy.QUERY, block_as=BlockAs.SLOT)),
    "minimal": Sort("minimal", CAREFUL),
    "windowed": Sort("windowed", replace(CAREFUL, listing=Listing.WINDOW, checks_versions=True)),
    "patch only": Sort("patch-only", replace(CAREFUL, writes=Writes.MERGE_PATCH)),
    "patches of the other form": Sort(
        "patch-only", replace(CAREFUL, writes=Writes.JSON_PATCH), {"patches": ("json-patch",)}
    ),
    "an actor with every search by change": Sort(
        "minimal", replace(CAREFUL, listing=Listing.PRACTITIONER), {"last_updated_needs_actor": True}
    ),
    "nothing found by what it does not know": Sort(
        "minimal",
        replace(CAREFUL, listing=Listing.WINDOW),
        {"last_updated_search": False, "unknown_parameters": "nothing found"},
    ),
    "nothing said of itself": Sort("medplum", CAREFUL, {"statement": "missing"}),
    "a window, and lies about it": Sort(
        "windowed",
        Capabilities(Listing.WINDOW, protected_by=ProtectedBy.QUERY, block_as=BlockAs.SLOT),
        {"statement": "lies"},
    ),
    "money out of sight": Sort(
        "minimal", replace(CAREFUL, protected_by=ProtectedBy.NONE), {"forbidden_types": ("Claim",)}
    ),
}


@pytest.fixture(scope="module")
def ehr_server() -> Iterator[str]:
    """One without rows of other tests: what a practice's rows are like is part of what is found."""
    with server("sandbox.ehr", "--now", START.isoformat()) as address:
        yield address


@pytest.fixture(params=SORTS)
def sort(request: pytest.FixtureRequest) -> Sort:
    return SORTS[request.param]


def like(world: World, sort: Sort) -> Ehr:
    """The world's server becomes one of this sort; the EHR as it then is found to be."""
    world.settings(profile=sort.profile, **sort.facts)
    found = world.with_settings(QUERIED).capabilities()
    return world.with_settings(QUERIED, found)


def with_schedule(world: World, practitioner: str) -> str:
    actors = [{"reference": f"Practitioner/{practitioner}"}]
    return world.put({"resourceType": "Schedule", "actor": actors})


# --- what it can do -------------------------------------------------------------------------------------


def test_what_an_ehr_can_do_is_found_out(world: World, robin: str, patient: str, sort: Sort) -> None:
    with_schedule(world, robin)
    book(world, robin, patient)
    world.settings(profile=sort.profile, **sort.facts)
    assert world.with_settings(QUERIED).capabilities() == sort.can


def test_what_a_row_says_of_itself_needs_no_search(world: World) -> None:
    assert world.with_settings(SETTINGS).capabilities().protected_by is ProtectedBy.ROW


def test_what_the_operator_states_goes_before_what_is_found(world: World, robin: str) -> None:
    with_schedule(world, robin)
    stated = Stated(listing=Listing.WINDOW, protected_by=ProtectedBy.ENFORCED, block_as=BlockAs.APPOINTMENT)
    found = world.with_settings(replace(SETTINGS, stated=stated)).capabilities()
    assert (found.listing, found.protected_by, found.block_as) == (
        Listing.WINDOW,
        ProtectedBy.ENFORCED,
        BlockAs.APPOINTMENT,
    )


# --- by time and by id ----------------------------------------------------------------------------------


def test_a_scan_has_every_row_of_its_practitioner_once(
    world: World, robin: str, patient: str, sort: Sort
) -> None:
    kim = add_practitioner(world)
    made = [book(world, robin, patient, start=NEXT + 3 * n * DAY) for n in range(25)]
    made += [book_personal(world, robin, start=NEXT + 40 * DAY + n * HOUR) for n in range(12)]
    world.staff("cancel", appointment=made[3])
    book(world, kim, patient)
    book(world, robin, patient, start=NEXT - HOUR)
    rows = like(world, sort).scan(robin, NEXT, NEXT + 75 * DAY)
    assert (sorted(ids(rows)), len(rows)) == (sorted(made), len(made))
    assert {row.id for row in rows if row.status is Status.OVER} == {made[3]}


def test_a_row_is_the_same_however_it_is_found(world: World, robin: str, patient: str, sort: Sort) -> None:
    made = [book(world, robin, patient), book_personal(world, robin)]
    ehr = like(world, sort)
    read = ehr.read([*made, "never"])
    assert read == {**{row.id: row for row in ehr.scan(robin, NEXT, NEXT + DAY)}, "never": None}
    assert set(read) == {*made, "never"}


def test_a_version_moves_with_its_row_and_stays_with_it(
    world: World, robin: str, patient: str, sort: Sort
) -> None:
    booked = book(world, robin, patient)
    ehr = like(world, sort)

    def version() -> str:
        row = ehr.read([booked])[booked]
        assert row is not None
        return row.version

    first = version()
    assert first == version() != ""
    world.staff("unconfirm", appointment=booked)
    assert version() != first


# --- by change ------------------------------------------------------------------------------------------


@pytest.fixture
def one_at_a_time(world: World) -> Ehr:
    return like(world, SORTS["an actor with every search by change"])


def test_changes_of_one_practitioner_are_theirs_alone(
    world: World, robin: str, patient: str, one_at_a_time: Ehr
) -> None:
    kim = add_practitioner(world)
    before = {each: one_at_a_time.cursor_now(each) for each in (robin, kim)}
    own, others = book(world, robin, patient), book(world, kim, patient)
    times = {"start": NEXT, "end": NEXT + HOUR, "zone": "UTC"}
    both = world.staff("book", patients=[patient], practitioners=[robin, kim], **times)["id"]
    assert set(ids(changes(one_at_a_time, before[kim], kim)[0])) == {both, others}
    rows, cursor = changes(one_at_a_time, before[robin], robin)
    assert set(ids(rows)) == {own, both}
    assert changes(one_at_a_time, cursor, robin)[0] == []
    world.staff("cancel", appointment=both)
    assert [(row.id, row.status) for row in changes(one_at_a_time, cursor, robin)[0]] == [(both, Status.OVER)]


def test_a_role_is_read_as_a_practitioner_is(world: World, patient: str, sort: Sort) -> None:
    who = f"PractitionerRole/{world.put({'resourceType': 'PractitionerRole'})}"
    references = (who, f"Patient/{patient}")
    participants = [{"actor": {"reference": each}, "status": "accepted"} for each in references]
    times = {"start": NEXT.isoformat(), "end": (NEXT + HOUR).isoformat()}
    row = {"resourceType": "Appointment", "status": "booked", **times, "participant": participants}
    ehr = like(world, sort)
    booked = world.put(row)
    [found] = ehr.scan(who, NEXT, NEXT + DAY)
    assert (found.id, found.practitioner_ids, found.patient_ids) == (booked, frozenset({who}), (patient,))


# --- slots ----------------------------------------------------------------------------------------------


def put_slot(world: World, schedule: str, start: datetime, **more: Any) -> str:
    """A slot; its id as a row."""
    times = {"start": start.isoformat(), "end": (start + HOUR).isoformat()}
    slot = {
        "resourceType": "Slot",
        "schedule": {"reference": f"Schedule/{schedule}"},
        "status": "busy-unavailable",
        **times,
        **more,
    }
    return f"Slot/{world.put(slot)}"


def ours(name: str) -> list[dict[str, str]]:
    return [{"system": SETTINGS.block_system, "value": name}]


def test_blocks_that_are_slots_are_read_with_the_rest(world: World, robin: str, patient: str) -> None:
    schedule, others = with_schedule(world, robin), with_schedule(world, add_practitioner(world))
    block = put_slot(world, schedule, NEXT, identifier=ours("c.1"), comment="Busy")
    free = [{"url": SETTINGS.free_extension, "valueBoolean": True}]
    shown = put_slot(world, schedule, NEXT + HOUR, identifier=ours("c.2"), status="free", extension=free)
    gone = put_slot(world, schedule, NEXT + HOUR, identifier=ours("c.3"), status="entered-in-error")
    put_slot(world, schedule, NEXT, status="free")
    put_slot(world, others, NEXT, identifier=ours("c.4"))
    late = put_slot(world, schedule, NEXT + 45 * DAY, identifier=ours("c.5"))
    booked = book(world, robin, patient)
    ehr = like(world, SORTS["medplum"])
    rows = {row.id: row for row in ehr.scan(robin, NEXT, NEXT + 60 * DAY)}
    assert set(rows) == {block, shown, gone, late, booked}
    assert (rows[block].kind, rows[block].identifier, rows[block].title) == (Kind.BLOCK, "c.1", "Busy")
    assert (rows[block].when, rows[block].busy) == (When(NEXT, NEXT + HOUR), True)
    assert rows[block].practitioner_ids == {robin}
    assert (rows[shown].status, rows[shown].busy) == (Status.LIVE, False)
    assert rows[gone].status is Status.OVER
    assert ehr.read([*rows, "Slot/never"]) == {**rows, "Slot/never": None}


def test_where_slots_are_read_only_a_block_is_an_appointment(world: World, robin: str) -> None:
    put_slot(world, with_schedule(world, robin), NEXT, identifier=ours("c.1"))
    assert like(world, SORTS["windowed"]).scan(robin, NEXT, NEXT + DAY) == []


# --- a vendor's own words -------------------------------------------------------------------------------


def test_a_cancellation_with_nothing_at_the_top_is_found_where_the_vendors_word_is_known(
    world: World, robin: str, patient: str
) -> None:
    world.settings(profile="patch-only", status_in_participants=True)
    booked, other = book(world, robin, patient), book(world, robin, patient)
    world.staff("cancel", appointment=booked)
    word = ParticipantStatus(urls.PARTICIPANT_STATUS, frozenset({"cancelled"}))
    scans = {
        row.id: row.status
        for row in world.with_settings(replace(QUERIED, participant_status=word)).scan(
            robin, NEXT, NEXT + DAY
        )
    }
    assert scans == {booked: Status.OVER, other: Status.LIVE}
