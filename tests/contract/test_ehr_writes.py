"""What a write must do on EHRs of every kind, said once for the fake and for the adapter over HTTP.

Each kind is a profile of the sandbox's EHR and the capabilities that are found of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.adapters.fhir import Answer, Exchange, FhirEhr
from shared.adapters.fhir.elements import object_of
from shared.core.errors import RejectedError, StaleError
from shared.core.model import Appointment, Kind, Status, What, When
from shared.ports import BlockAs, Capabilities, Ehr, GoneError, Listing, ProtectedBy, ProtectedError, Writes
from tests.contract.ehr_worlds import (
    DAY,
    HOUR,
    NEXT,
    Json,
    ServerWorld,
    World,
    book,
    book_personal,
    read,
)
from tests.fakes.ehr import SETTINGS

SPAN = (NEXT, NEXT + HOUR)
LATER = (NEXT + 5 * HOUR, NEXT + 7 * HOUR)


@dataclass(frozen=True)
class Sort:
    """Of an EHR: what its server is like, and what is known of it."""

    profile: str
    can: Capabilities
    facts: Mapping[str, Any] = field(default_factory=dict)


SORTS = {
    "whole": Sort("medplum", Capabilities()),
    "unchecked": Sort("minimal", Capabilities(checks_versions=False, creates_once=False)),
    "numbers": Sort("windowed", Capabilities(listing=Listing.WINDOW, creates_once=False)),
    "json patch": Sort(
        "windowed", Capabilities(writes=Writes.JSON_PATCH, creates_once=False), {"updates": False}
    ),
    "merge patch": Sort(
        "patch-only", Capabilities(writes=Writes.MERGE_PATCH, creates_once=False), {"roles": False}
    ),
    "no versions": Sort(
        "medplum", Capabilities(checks_versions=False), {"versions": "none", "etag": "none", "bodies": False}
    ),
}


@pytest.fixture(params=SORTS)
def sort(request: pytest.FixtureRequest) -> Sort:
    return SORTS[request.param]


@pytest.fixture
def ehr(world: World, sort: Sort) -> Ehr:
    """As the sort is from here on; what the practice had before was made as everywhere."""
    world.settings(profile=sort.profile, **sort.facts)
    return world.with_settings(SETTINGS, sort.can)


@pytest.fixture
def booked(world: World, robin: str, patient: str) -> Appointment:
    return read(world, book(world, robin, patient, service="Intake"))


def again(ehr: Ehr, row: Appointment) -> Appointment:
    now = ehr.read([row.id])[row.id]
    assert now is not None
    return now


def create(ehr: Ehr, robin: str, title: str = "Dentist", kind: Kind = Kind.PERSONAL) -> Appointment:
    return ehr.create(kind, robin, f"{robin}.a", SPAN, What(title))


def live(ehr: Ehr, robin: str) -> list[Appointment]:
    return [row for row in ehr.scan(robin, NEXT, NEXT + DAY) if row.status is Status.LIVE]


def content(row: Appointment, *without: str) -> Json:
    """The resource without what every write or this one changes."""
    return {name: value for name, value in row.raw.items() if name not in ("meta", *without)}


# --- one row --------------------------------------------------------------------------------------------


def test_a_move_changes_the_times_and_nothing_else(booked: Appointment, ehr: Ehr) -> None:
    moved = ehr.update(again(ehr, booked), span=LATER)
    assert (moved.when, again(ehr, booked)) == (When(*LATER), moved)
    times = ("start", "end", "minutesDuration")
    assert content(moved, *times) == content(booked, *times)


def test_a_cancellation_keeps_the_row_and_is_undone_to_what_it_was(
    world: World, booked: Appointment, ehr: Ehr
) -> None:
    world.staff("unconfirm", appointment=booked.id)
    pending = again(ehr, booked)
    cancelled = ehr.cancel(pending)
    assert (cancelled.status, cancelled.code, cancelled.when) == (Status.OVER, "cancelled", booked.when)
    assert again(ehr, booked) == cancelled
    undone = ehr.rebook(cancelled, status=pending.code)
    assert (undone.code, undone.status) == ("pending", Status.LIVE)
    assert content(undone) == content(pending)


def test_text_and_name_of_a_personal_appointment_are_changed(robin: str, ehr: Ehr) -> None:
    made = create(ehr, robin)
    changed = ehr.update(made, what=What("Doctor", busy=False), identifier=f"{robin}.b")
    assert (changed.title, changed.busy, changed.identifier) == ("Doctor", False, f"{robin}.b")
    back = ehr.update(changed, what=What("", busy=True), span=LATER)
    assert (back.title, back.busy, back.when) == ("", True, When(*LATER))
    assert "description" not in back.raw


def writes(ehr: Ehr, row: Appointment) -> list[Callable[[], Appointment]]:
    return [
        lambda: ehr.update(row, span=LATER),
        lambda: ehr.cancel(row),
        lambda: ehr.rebook(row, span=LATER),
    ]


def test_a_change_over_an_older_version_is_stale_and_not_made(
    world: World, booked: Appointment, ehr: Ehr
) -> None:
    row = again(ehr, booked)
    world.staff("unconfirm", appointment=row.id)
    for write in writes(ehr, row):
        with pytest.raises(StaleError) as raised:
            write()
        assert not isinstance(raised.value, GoneError)
    now = again(ehr, row)
    assert (now.when, now.code) == (row.when, "pending")


def test_a_change_of_what_is_not_there_finds_it_gone(world: World, booked: Appointment, ehr: Ehr) -> None:
    row = again(ehr, booked)
    world.staff("erase", appointment=row.id)
    for write in writes(ehr, row):
        with pytest.raises(GoneError):
            write()


def test_a_protected_row_is_neither_moved_nor_cancelled(world: World, booked: Appointment, ehr: Ehr) -> None:
    world.staff("protect", appointment=booked.id)
    row = again(ehr, booked)
    for write in writes(ehr, row)[:2]:
        with pytest.raises(ProtectedError):
            write()
    assert again(ehr, row) == row


def test_a_rule_of_the_practice_is_told_by_its_code(
    world: World, robin: str, patient: str, booked: Appointment, ehr: Ehr
) -> None:
    book(world, robin, patient, start=LATER[0])
    world.settings(occupied_rule=True)
    with pytest.raises(RejectedError, match="ehr_refused_occupied"):
        ehr.update(again(ehr, booked), span=LATER)


def test_a_reason_that_a_later_release_calls_otherwise_does_not_stop_a_cancellation(
    world: World, booked: Appointment
) -> None:
    world.settings(r5=True)
    cancelled = world.ehr.cancel(again(world.ehr, booked))
    assert (cancelled.code, "cancelationReason" in cancelled.raw) == ("cancelled", False)


# --- one row for one identifier -------------------------------------------------------------------------


def test_an_identifier_makes_one_row_however_often_it_is_used(robin: str, ehr: Ehr) -> None:
    made = create(ehr, robin)
    assert (made.title, made.when, made.identifier) == ("Dentist", When(*SPAN), f"{robin}.a")
    assert create(ehr, robin, "Other") == made
    cancelled = ehr.cancel(made)
    assert create(ehr, robin) == cancelled
    assert ehr.rebook(cancelled, span=LATER).status is Status.LIVE
    assert len(live(ehr, robin)) == 1


def another(world: World, robin: str) -> str:
    """A row under the same identifier, by somebody who creates at the same time; its id."""
    return world.put(
        {
            "resourceType": "Appointment",
            "identifier": [{"system": SETTINGS.personal_system, "value": f"{robin}.a"}],
            "status": "booked",
            "start": NEXT.isoformat(),
            "end": (NEXT + HOUR).isoformat(),
            "participant": [{"actor": {"reference": f"Practitioner/{robin}"}, "status": "accepted"}],
        }
    )


def test_two_rows_under_one_identifier_become_the_older(world: World, robin: str, ehr: Ehr) -> None:
    first = another(world, robin)
    world.advance(1)
    second = another(world, robin)
    kept = create(ehr, robin)
    dated = "lastUpdated" in object_of(kept.raw.get("meta"))
    assert kept.id == (first if dated else min(first, second))
    assert live(ehr, robin) == [kept]


class Between:
    """An `Exchange` during which somebody else does something, once: before the next request of a method."""

    def __init__(self, exchange: Exchange, method: str, action: Callable[[], object]) -> None:
        self._exchange = exchange
        self._method = method
        self._actions = [action]

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        if method == self._method and self._actions:
            self._actions.pop()()
        return self._exchange(method, url, params=params, headers=headers, body=body)


@pytest.mark.usefixtures("ehr")
def test_who_creates_between_our_search_and_our_create_is_met(world: World, robin: str, sort: Sort) -> None:
    others: list[str] = []

    def act() -> None:
        others.append(another(world, robin))
        world.advance(1)

    racing = FhirEhr(Between(world.exchange(), "POST", act), SETTINGS, sort.can)
    assert [create(racing, robin).id] == others
    assert [row.id for row in live(racing, robin)] == others


@pytest.mark.usefixtures("ehr")
def test_what_somebody_writes_after_our_look_is_never_taken_for_ours(
    world: World, booked: Appointment, sort: Sort
) -> None:
    """Where versions are compared it stays; where nothing is, our write is the last, and is told truly."""
    method = "PUT" if sort.can.writes is Writes.WHOLE else "PATCH"
    exchange = Between(world.exchange(), method, lambda: world.staff("arrive", appointment=booked.id))
    racing = FhirEhr(exchange, SETTINGS, sort.can)
    row = again(racing, booked)
    try:
        answered = racing.update(row, span=LATER)
    except (StaleError, ProtectedError):
        assert again(racing, row).code == "arrived"
    else:
        assert answered == again(racing, row)


# --- blocks that are slots ------------------------------------------------------------------------------


@pytest.fixture
def slots(world: World, robin: str) -> Ehr:
    """An EHR that takes slots, with a schedule for the practitioner."""
    world.put({"resourceType": "Schedule", "actor": [{"reference": f"Practitioner/{robin}"}]})
    return world.with_settings(SETTINGS, Capabilities(block_as=BlockAs.SLOT))


def test_a_block_is_made_moved_given_back_and_made_again(robin: str, slots: Ehr) -> None:
    made = create(slots, robin, "Busy", Kind.BLOCK)
    assert (made.kind, made.title, made.busy) == (Kind.BLOCK, "Busy", True)
    assert (made.practitioner_ids, made.identifier) == (frozenset({robin}), f"{robin}.a")
    assert create(slots, robin, "Busy", Kind.BLOCK) == made == again(slots, made)
    moved = slots.update(made, span=LATER, what=What("", busy=False))
    assert (moved.when, moved.title, moved.busy) == (When(*LATER), "", False)
    assert live(slots, robin) == [moved]
    with pytest.raises(StaleError):
        slots.update(made, span=(NEXT, NEXT + DAY))
    assert slots.cancel(moved).status is Status.OVER
    assert live(slots, robin) == []
    assert slots.cancel(moved).status is Status.OVER
    assert create(slots, robin, "Busy", Kind.BLOCK).status is Status.LIVE
    assert len(live(slots, robin)) == 1


def test_a_block_is_entered_in_error_where_nothing_is_deleted_and_brought_back(
    world: World, robin: str, slots: Ehr
) -> None:
    world.settings(deletes=False)
    over = slots.cancel(create(slots, robin, "Busy", Kind.BLOCK))
    assert over.raw["status"] == "entered-in-error"
    assert create(slots, robin, "Busy", Kind.BLOCK) == over == again(slots, over)
    back = slots.rebook(over, span=LATER, what=What("Busy"))
    assert (back.status, back.when) == (Status.LIVE, When(*LATER))


def test_without_a_schedule_there_is_no_place_for_a_block(world: World, robin: str) -> None:
    ehr = world.with_settings(SETTINGS, Capabilities(block_as=BlockAs.SLOT))
    with pytest.raises(RejectedError, match="ehr_no_schedule"):
        create(ehr, robin, "Busy", Kind.BLOCK)


# --- what hangs on an appointment -----------------------------------------------------------------------

HANGING: dict[str, Callable[[Json], Json]] = {
    "DocumentReference": lambda encounter: {"status": "current", "context": {"encounter": [encounter]}},
    "Composition": lambda encounter: {"status": "final", "encounter": encounter},
    "ClinicalImpression": lambda encounter: {"status": "completed", "encounter": encounter},
    "ChargeItem": lambda encounter: {"status": "billable", "context": encounter},
    "Claim": lambda encounter: {"status": "active", "item": [{"sequence": 1, "encounter": [encounter]}]},
}


def encounter_of(world: World, row: Appointment) -> Json:
    reference = {"reference": f"Appointment/{row.id}"}
    made = world.put({"resourceType": "Encounter", "status": "planned", "appointment": [reference]})
    return {"reference": f"Encounter/{made}"}


@pytest.mark.parametrize("batch", [True, False])
@pytest.mark.parametrize("resource_type", HANGING)
def test_a_note_or_a_charge_is_found_behind_the_encounter(
    world: World,
    booked: Appointment,
    resource_type: str,
    batch: bool,  # noqa: FBT001 - a fact of the server
) -> None:
    world.settings(batch=batch)
    ehr = world.with_settings(SETTINGS, Capabilities(protected_by=ProtectedBy.QUERY))
    assert ehr.protection(booked) is False
    encounter = encounter_of(world, booked)
    assert ehr.protection(booked) is False
    world.put({"resourceType": resource_type, **HANGING[resource_type](encounter)})
    assert ehr.protection(booked) is True


@pytest.mark.parametrize("forbidden", ["Encounter", "Claim"])
def test_what_may_not_be_asked_for_is_not_told(world: World, booked: Appointment, forbidden: str) -> None:
    ehr = world.with_settings(SETTINGS, Capabilities(protected_by=ProtectedBy.QUERY))
    encounter_of(world, booked)
    world.settings(forbidden_types=[forbidden])
    assert ehr.protection(booked) is None


# --- over the wire --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SORTS)
def test_a_lost_answer_is_looked_for(wire: ServerWorld, name: str) -> None:
    sort = SORTS[name]
    robin = wire.put({"resourceType": "Practitioner"})
    booked = read(wire, book_personal(wire, robin))
    wire.settings(profile=sort.profile, **sort.facts)
    ehr = wire.with_settings(SETTINGS, sort.can)
    change = "Appointment.update" if sort.can.writes is Writes.WHOLE else "Appointment.patch"
    wire.fault(change, lost=True)
    moved = ehr.update(again(ehr, booked), span=LATER)
    assert (moved.when, moved) == (When(*LATER), again(ehr, booked))
    wire.fault(change, lost=True)
    assert ehr.cancel(moved).status is Status.OVER
    wire.fault("Appointment.create", lost=True)
    made = ehr.create(Kind.PERSONAL, robin, f"{robin}.a", SPAN, What("Doctor"))
    assert live(ehr, robin) == [made]


def test_a_lost_deletion_of_a_slot_is_looked_for(wire: ServerWorld) -> None:
    robin = wire.put({"resourceType": "Practitioner"})
    wire.put({"resourceType": "Schedule", "actor": [{"reference": f"Practitioner/{robin}"}]})
    ehr = wire.with_settings(SETTINGS, Capabilities(block_as=BlockAs.SLOT))
    made = create(ehr, robin, "Busy", Kind.BLOCK)
    wire.fault("Slot.delete", lost=True)
    assert ehr.cancel(made).status is Status.OVER
    assert live(ehr, robin) == []
