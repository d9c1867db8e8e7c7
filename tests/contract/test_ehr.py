"""What an EHR must do, said once for the fake and for the real adapter over HTTP.

`model` is the fake that simulations use; `server` is the real adapter against the sandbox's EHR. What only a
wire can do wrong comes last.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from shared.adapters.fhir import FhirEhr, HttpExchange, bearer
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError
from shared.core.model import Appointment, Client, Kind, Status, What, When
from shared.core.policy import LabelMode
from shared.ports import Ehr, GoneError, Practitioner, ProtectedError
from tests.contract.ehr_worlds import (
    DAY,
    HOUR,
    NEXT,
    SMALL,
    Json,
    ServerWorld,
    World,
    add_practitioner,
    book,
    book_personal,
    changes,
    ids,
    read,
)
from tests.fakes.ehr import SETTINGS

# --- people ---------------------------------------------------------------------------------------------


def test_a_practitioner_has_the_zone_they_work_in(world: World) -> None:
    extension = [{"url": SETTINGS.time_zone_extension, "valueCode": "America/Denver"}]
    robin = add_practitioner(world, extension=extension)
    assert world.ehr.practitioner(robin) == Practitioner(robin, "Robin Musterfrau", "America/Denver")


def test_a_practitioner_may_have_no_zone(world: World, robin: str) -> None:
    assert world.ehr.practitioner(robin).zone is None


@pytest.mark.parametrize("zone", ["Europe/Nowhere", "America", "../UTC"])
def test_a_zone_that_nobody_knows_is_none(world: World, zone: str) -> None:
    extension = [{"url": SETTINGS.time_zone_extension, "valueCode": zone}]
    assert world.ehr.practitioner(add_practitioner(world, extension=extension)).zone is None


def test_a_practitioner_may_have_no_name(world: World) -> None:
    nameless = world.put({"resourceType": "Practitioner"})
    assert world.ehr.practitioner(nameless) == Practitioner(nameless, "", None)


def test_a_practitioner_who_never_was_is_gone(world: World) -> None:
    with pytest.raises(GoneError):
        world.ehr.practitioner("nobody")


def test_clients_have_what_the_mode_shows_and_no_more(world: World, patient: str) -> None:
    assert world.ehr.clients([patient], LabelMode.INTERNAL_ID) == {patient: Client("", "C-1001")}
    named = Client(internal_id="C-1001", given="Erika", family="Mustermann")
    assert world.ehr.clients([patient], LabelMode.INITIALS) == {patient: named}
    assert world.ehr.clients([patient], LabelMode.FIRST_NAME) == {patient: named}
    whole = replace(named, full_name="Erika Mustermann")
    assert world.ehr.clients([patient], LabelMode.FULL_NAME) == {patient: whole}


def test_a_client_goes_by_the_name_of_today(world: World, patient: str) -> None:
    world.staff("rename_patient", patient=patient, family="Beispiel", given=["Erika"])
    assert world.ehr.clients([patient], LabelMode.FULL_NAME)[patient].full_name == "Erika Beispiel"


def test_a_missing_patient_is_left_out(world: World, patient: str) -> None:
    assert list(world.ehr.clients(["nobody", patient], LabelMode.INTERNAL_ID)) == [patient]
    assert world.ehr.clients([], LabelMode.FULL_NAME) == {}


def test_clients_are_read_however_many_there_are(world: World) -> None:
    many = [
        world.staff("register_patient", text=f"Client {n}", internal_id=f"C-{n}")["id"] for n in range(120)
    ]
    found = world.ehr.clients(many, LabelMode.INTERNAL_ID)
    assert [found[each].internal_id for each in many] == [f"C-{n}" for n in range(120)]


# --- changes --------------------------------------------------------------------------------------------


def test_every_change_after_a_cursor_is_found_once(world: World, robin: str, patient: str) -> None:
    cursor = world.ehr.cursor_now()
    booked = book(world, robin, patient)
    personal = book_personal(world, robin)
    rows, cursor = changes(world.ehr, cursor)
    assert {booked, personal} <= set(ids(rows))
    assert changes(world.ehr, cursor)[0] == []


def test_a_row_that_changed_again_comes_again(world: World, robin: str, patient: str) -> None:
    booked = book(world, robin, patient)
    _, cursor = changes(world.ehr, world.ehr.cursor_now())
    for action in ("unconfirm", "cancel", "restore", "arrive"):
        world.staff(action, appointment=booked)
        [row], cursor = changes(world.ehr, cursor)
        assert row == read(world, booked)


def test_our_own_write_comes_back_with_the_version_it_was_answered_with(world: World, robin: str) -> None:
    personal = read(world, book_personal(world, robin))
    _, cursor = changes(world.ehr, world.ehr.cursor_now())
    written = world.ehr.update(personal, what=What("Doctor"))
    [row], _ = changes(world.ehr, cursor)
    assert row == written


def test_changes_come_oldest_first_and_page_by_page(world: World, robin: str) -> None:
    ehr = world.with_settings(SMALL)
    _, cursor = changes(ehr, ehr.cursor_now())
    made = []
    for number in range(13):
        made.append(book_personal(world, robin, f"title {number}"))
        world.advance(1)
    assert ids(changes(ehr, cursor)[0]) == made


def test_a_burst_of_one_instant_is_read_whole(world: World, robin: str) -> None:
    ehr = world.with_settings(SMALL)
    _, cursor = changes(ehr, ehr.cursor_now())
    made = {book_personal(world, robin, f"title {number}") for number in range(13)}
    rows, cursor = changes(ehr, cursor)
    assert (set(ids(rows)), len(rows)) == (made, 13)
    assert changes(ehr, cursor)[0] == []


def test_links_relative_to_the_base_are_followed(world: World, robin: str) -> None:
    world.settings(relative_next_links=True)
    ehr = world.with_settings(SMALL)
    _, cursor = changes(ehr, ehr.cursor_now())
    made = {book_personal(world, robin, f"title {number}") for number in range(13)}
    assert set(ids(changes(ehr, cursor)[0])) == made


def test_a_row_that_appears_late_is_found(world: World, robin: str) -> None:
    _, cursor = changes(world.ehr, world.ehr.cursor_now())
    world.settings(late_visibility_seconds=100.0)
    late = book_personal(world, robin)
    world.settings(late_visibility_seconds=0.0)
    world.advance(50)
    prompt = book_personal(world, robin)
    rows, cursor = changes(world.ehr, cursor)
    assert ids(rows) == [prompt]
    world.advance(51)
    rows, cursor = changes(world.ehr, cursor)
    assert ids(rows) == [late]
    assert changes(world.ehr, cursor)[0] == []


def test_an_ehr_that_cannot_search_by_change_says_so(world: World) -> None:
    cursor = world.ehr.cursor_now()
    world.settings(last_updated_search=False)
    with pytest.raises(BlockedError, match="ehr_cannot_list_changes"):
        world.ehr.changes(cursor)


# --- scanning and reading -------------------------------------------------------------------------------


def test_a_scan_has_what_begins_from_its_start_until_before_its_end(world: World, robin: str) -> None:
    begins = [NEXT - HOUR, NEXT, NEXT + HOUR, NEXT + DAY - HOUR, NEXT + DAY]
    made = [book_personal(world, robin, start=begin) for begin in begins]
    assert set(ids(world.ehr.scan(robin, NEXT, NEXT + DAY))) == set(made[1:4])


def test_a_scan_has_rows_of_every_status(world: World, robin: str, patient: str) -> None:
    for action in ("cancel", "no_show", "enter_in_error", "fulfil"):
        world.staff(action, appointment=book(world, robin, patient))
    book(world, robin, patient, status="waitlist")
    statuses = [row.raw["status"] for row in world.ehr.scan(robin, NEXT, NEXT + DAY)]
    assert sorted(map(str, statuses)) == ["cancelled", "entered-in-error", "fulfilled", "noshow", "waitlist"]


def test_a_scan_is_of_one_practitioner(world: World, robin: str, patient: str) -> None:
    kim = add_practitioner(world)
    book(world, kim, patient)
    times = {"start": NEXT, "end": NEXT + HOUR, "zone": "UTC"}
    both = world.staff("book", patients=[patient], practitioners=[kim, robin], **times)
    [row] = world.ehr.scan(robin, NEXT, NEXT + DAY)
    assert (row.id, row.practitioner_ids) == (both["id"], frozenset({robin, kim}))


def test_a_scan_over_months_has_every_row_once(world: World, robin: str) -> None:
    ehr = world.with_settings(SMALL)
    made = [book_personal(world, robin, start=NEXT + 7 * n * DAY) for n in range(30)]
    rows = ehr.scan(robin, NEXT, NEXT + 210 * DAY)
    assert (set(ids(rows)), len(rows)) == (set(made), 30)


def test_rows_are_read_by_id_and_none_is_what_the_ehr_has_not(world: World, robin: str, patient: str) -> None:
    booked, erased = book(world, robin, patient), book(world, robin, patient)
    world.staff("erase", appointment=erased)
    found = world.ehr.read([booked, erased, "never"])
    assert (found[erased], found["never"]) == (None, None)
    assert found[booked] == read(world, booked)
    assert world.ehr.read([]) == {}


def test_a_client_appointment_is_read_as_it_was_booked(world: World, robin: str, patient: str) -> None:
    location = world.put({"resourceType": "Location", "name": "Main office"})
    row = read(world, book(world, robin, patient, location=location))
    assert (row.kind, row.status, row.when) == (Kind.CLIENT, Status.LIVE, When(NEXT, NEXT + HOUR))
    assert (row.patient_ids, row.practitioner_ids) == ((patient,), frozenset({robin}))
    assert (row.title, row.location, row.identifier, row.protected) == ("", "Main office", None, False)


def test_a_personal_appointment_is_read_as_it_was_booked(world: World, robin: str) -> None:
    row = read(world, book_personal(world, robin))
    assert (row.kind, row.title, row.busy, row.patient_ids) == (Kind.PERSONAL, "Dentist", True, ())


def test_a_request_has_no_time_yet(world: World, robin: str, patient: str) -> None:
    row = read(world, world.staff("request", patient=patient, practitioner=robin)["id"])
    assert (row.status, row.when) == (Status.NOT_YET, None)


def test_what_hangs_on_a_row_protects_it(world: World, robin: str, patient: str) -> None:
    flagged, arrived = book(world, robin, patient), book(world, robin, patient)
    world.staff("protect", appointment=flagged)
    world.staff("arrive", appointment=arrived)
    assert (read(world, flagged).protected, read(world, arrived).protected) == (True, True)


# --- creating -------------------------------------------------------------------------------------------


def create(world: World, robin: str, identifier: str, what: What) -> Appointment:
    return world.ehr.create(Kind.PERSONAL, robin, identifier, (NEXT, NEXT + HOUR), what)


def test_a_personal_appointment_is_made_as_it_was_meant(world: World, robin: str) -> None:
    made = create(world, robin, f"{robin}.a", What("Dentist", busy=False))
    assert (made.kind, made.status, made.when) == (Kind.PERSONAL, Status.LIVE, When(NEXT, NEXT + HOUR))
    assert (made.title, made.busy, made.identifier) == ("Dentist", False, f"{robin}.a")
    assert made.practitioner_ids == {robin}
    assert read(world, made.id) == made


def test_an_identifier_makes_one_row_however_often_it_is_used(world: World, robin: str) -> None:
    made = create(world, robin, f"{robin}.a", What("Dentist"))
    assert create(world, robin, f"{robin}.a", What("Other")) == made
    cancelled = world.ehr.cancel(made)
    assert create(world, robin, f"{robin}.a", What("Dentist")) == cancelled
    assert create(world, robin, f"{robin}.b", What("Dentist")).id != made.id
    assert len(world.ehr.scan(robin, NEXT, NEXT + DAY)) == 2


def test_an_appointment_without_a_title_has_none(world: World, robin: str) -> None:
    made = create(world, robin, f"{robin}.a", What(""))
    assert (made.title, "description" in made.raw) == ("", False)


def test_an_appointment_the_ehr_does_not_take_is_rejected(world: World, robin: str) -> None:
    with pytest.raises(RejectedError):
        world.ehr.create(Kind.PERSONAL, robin, f"{robin}.a", (NEXT, NEXT - HOUR), What("Dentist"))


# --- changing -------------------------------------------------------------------------------------------

LATER = (NEXT + 5 * HOUR, NEXT + 7 * HOUR)
TIMES = {"start", "end", "minutesDuration", "meta"}


def writes(world: World, row: Appointment) -> list[Callable[[], Appointment]]:
    """A move, a cancellation, a booking again."""
    return [
        lambda: world.ehr.update(row, span=LATER),
        lambda: world.ehr.cancel(row),
        lambda: world.ehr.rebook(row, span=LATER),
    ]


def test_a_move_changes_the_times_and_nothing_else(world: World, robin: str, patient: str) -> None:
    row = read(world, book(world, robin, patient, service="Intake"))
    moved = world.ehr.update(row, span=LATER)
    assert (moved.when, moved.version != row.version) == (When(*LATER), True)
    assert read(world, row.id) == moved
    before = {name: value for name, value in row.raw.items() if name not in TIMES}
    assert {name: value for name, value in moved.raw.items() if name not in TIMES} == before


def test_the_text_of_a_personal_appointment_is_changed(world: World, robin: str) -> None:
    row = read(world, book_personal(world, robin))
    changed = world.ehr.update(row, what=What("Doctor", busy=False))
    assert (changed.title, changed.busy, changed.when) == ("Doctor", False, row.when)
    back = world.ehr.update(changed, what=What("", busy=True), span=LATER)
    assert (back.title, back.busy, back.when) == ("", True, When(*LATER))


def test_a_change_over_an_older_version_is_stale_and_not_made(world: World, robin: str, patient: str) -> None:
    row = read(world, book(world, robin, patient))
    world.staff("unconfirm", appointment=row.id)
    for write in writes(world, row):
        with pytest.raises(StaleError) as raised:
            write()
        assert not isinstance(raised.value, GoneError)
    now = read(world, row.id)
    assert (now.when, now.status) == (row.when, Status.LIVE)


def test_a_change_of_what_is_not_there_finds_it_gone(world: World, robin: str, patient: str) -> None:
    row = read(world, book(world, robin, patient))
    world.staff("erase", appointment=row.id)
    for write in writes(world, row):
        with pytest.raises(GoneError):
            write()


def test_a_protected_row_is_neither_moved_nor_cancelled(world: World, robin: str, patient: str) -> None:
    row = read(world, book(world, robin, patient))
    world.staff("protect", appointment=row.id)
    row = read(world, row.id)
    for write in writes(world, row)[:2]:
        with pytest.raises(ProtectedError):
            write()
    assert read(world, row.id) == row


def test_a_rule_of_the_practice_is_told_by_its_code(world: World, robin: str, patient: str) -> None:
    world.settings(occupied_rule=True)
    book(world, robin, patient, start=LATER[0])
    row = read(world, book(world, robin, patient))
    with pytest.raises(RejectedError, match="ehr_refused_occupied"):
        world.ehr.update(row, span=LATER)


def test_a_cancellation_keeps_the_row(world: World, robin: str, patient: str) -> None:
    row = read(world, book(world, robin, patient))
    cancelled = world.ehr.cancel(row)
    assert (cancelled.status, cancelled.raw["status"], cancelled.when) == (Status.OVER, "cancelled", row.when)
    assert cancelled.raw["cancelationReason"]["coding"][0]["code"] == "prov"  # type: ignore[index]
    assert read(world, row.id) == cancelled
    assert world.ehr.cancel(cancelled) == cancelled


def test_what_was_cancelled_is_booked_again(world: World, robin: str) -> None:
    row = create(world, robin, f"{robin}.a", What("Dentist"))
    cancelled = world.ehr.cancel(row)
    again = world.ehr.rebook(cancelled, span=LATER, what=What("Doctor", busy=False))
    assert (again.id, again.status, again.raw["status"]) == (row.id, Status.LIVE, "booked")
    assert (again.when, again.title, again.busy) == (When(*LATER), "Doctor", False)
    assert "cancelationReason" not in again.raw
    with pytest.raises(StaleError):
        world.ehr.rebook(cancelled)


def test_the_client_who_was_added_makes_it_a_client_appointment_of_the_same_identifier(
    world: World, robin: str, patient: str
) -> None:
    row = create(world, robin, f"{robin}.a", What("Dentist"))
    world.staff("add_client", appointment=row.id, patient=patient)
    now = read(world, row.id)
    assert (now.kind, now.identifier, now.title, now.patient_ids) == (
        Kind.CLIENT,
        f"{robin}.a",
        "",
        (patient,),
    )


# --- over the wire --------------------------------------------------------------------------------------


@pytest.fixture
def booked(wire: ServerWorld) -> Appointment:
    """A personal appointment on the server."""
    return read(wire, book_personal(wire, add_practitioner(wire)))


def every_call(ehr: Ehr, row: Appointment) -> dict[str, Any]:
    [robin] = row.practitioner_ids
    return {
        "Practitioner.read": lambda: ehr.practitioner(robin),
        "Patient.search": lambda: ehr.clients(["p"], LabelMode.FULL_NAME),
        "Appointment.search": lambda: ehr.scan(robin, NEXT, NEXT + DAY),
        "Appointment.read": lambda: ehr.read(["never"]),
        "Appointment.create": lambda: ehr.create(Kind.PERSONAL, robin, "c.k", (NEXT, NEXT + HOUR), What("x")),
        "Appointment.update": lambda: ehr.update(row, span=LATER),
    }


OPERATIONS = (
    "Practitioner.read",
    "Patient.search",
    "Appointment.search",
    "Appointment.read",
    "Appointment.create",
    "Appointment.update",
)
HTML = "<!DOCTYPE html><title>502 Bad Gateway</title>"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("fault", "reason", "seconds"),
    [
        ({"status": 429, "retry_after_seconds": 7}, "ehr_rate_limit", 7.0),
        ({"status": 423}, "ehr_locked", None),
        ({"status": 503, "retry_after_seconds": 9}, "ehr_unavailable", 9.0),
        ({"status": 502, "body": HTML}, "ehr_unavailable", None),
        ({"status": 500, "body": ""}, "ehr_unavailable", None),
    ],
)
def test_what_passes_is_tried_again_later(
    wire: ServerWorld, booked: Appointment, operation: str, fault: Json, reason: str, seconds: float | None
) -> None:
    wire.fault(operation, **fault)
    with pytest.raises(RetryableError) as raised:
        every_call(wire.ehr, booked)[operation]()
    assert (raised.value.reason, raised.value.after_seconds) == (reason, seconds)


@pytest.mark.parametrize(
    "operation", ["Practitioner.read", "Patient.search", "Appointment.search", "Appointment.read"]
)
@pytest.mark.parametrize("body", ['{"resourceType": "Bundle", "ent', HTML, "", "[]", "{}"])
def test_a_reading_that_is_cut_or_of_another_kind_is_no_answer(
    wire: ServerWorld, booked: Appointment, operation: str, body: str
) -> None:
    wire.fault(operation, status=200, body=body)
    with pytest.raises(RetryableError, match="ehr_answer_unreadable"):
        every_call(wire.ehr, booked)[operation]()


@pytest.mark.parametrize(
    "operation", ["Practitioner.read", "Patient.search", "Appointment.search", "Appointment.read"]
)
def test_a_reading_whose_answer_is_lost_is_tried_again_later(
    wire: ServerWorld, booked: Appointment, operation: str
) -> None:
    wire.fault(operation, lost=True, count=2)
    with pytest.raises(RetryableError, match="ehr_unreachable"):
        every_call(wire.ehr, booked)[operation]()


def test_a_lost_answer_to_a_change_is_looked_for(wire: ServerWorld, booked: Appointment) -> None:
    wire.fault("Appointment.update", lost=True)
    moved = wire.ehr.update(booked, span=LATER)
    assert moved == read(wire, booked.id)
    wire.fault("Appointment.update", lost=True)
    assert wire.ehr.cancel(moved).status is Status.OVER


@pytest.mark.parametrize("body", ['{"resourceType": "Appoi', HTML, ""])
def test_a_change_answered_with_something_else_is_looked_for(
    wire: ServerWorld, booked: Appointment, body: str
) -> None:
    wire.fault("Appointment.update", status=200, body=body)  # the work is not done
    with pytest.raises(RetryableError):
        wire.ehr.update(booked, span=LATER)


def test_a_lost_answer_to_a_create_leaves_one_row(wire: ServerWorld, booked: Appointment) -> None:
    [robin] = booked.practitioner_ids
    wire.fault("Appointment.create", lost=True)
    made = create(wire, robin, f"{robin}.a", What("Doctor"))
    assert {row.id for row in wire.ehr.scan(robin, NEXT, NEXT + DAY)} == {booked.id, made.id}
    wire.fault("Appointment.create", lost=True, count=2)
    made = create(wire, robin, f"{robin}.b", What("Doctor"))
    assert create(wire, robin, f"{robin}.b", What("Doctor")) == made
    assert len(wire.ehr.scan(robin, NEXT, NEXT + DAY)) == 3


@pytest.mark.parametrize(("status", "reason"), [(401, "ehr_unauthorized"), (403, "ehr_forbidden")])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_a_person_must_mend_is_blocked(
    wire: ServerWorld, booked: Appointment, operation: str, status: int, reason: str
) -> None:
    wire.fault(operation, status=status)
    with pytest.raises(BlockedError, match=reason):
        every_call(wire.ehr, booked)[operation]()


def test_a_wrong_token_is_told(wire: ServerWorld) -> None:
    with pytest.raises(BlockedError, match="ehr_unauthorized"):
        wire.connect(token="wrong").cursor_now()


def test_a_wrong_address_is_told(wire: ServerWorld) -> None:
    with pytest.raises(BlockedError, match="ehr_address_wrong"):
        wire.connect(f"{wire.address}/else").cursor_now()


def test_an_ehr_that_never_answers_is_unreachable() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/fhir"
        exchange = HttpExchange(address, bearer("t"), connect_seconds=0.2, read_seconds=0.2)
        with pytest.raises(RetryableError, match="ehr_unreachable"):
            FhirEhr(exchange, SETTINGS).cursor_now()
    with pytest.raises(RetryableError, match="ehr_unreachable"):  # and now nobody listens
        FhirEhr(exchange, SETTINGS).cursor_now()
    exchange.close()


def test_what_is_sent_is_conditional_and_its_address_says_nothing_of_a_client(wire: ServerWorld) -> None:
    robin = add_practitioner(wire)
    patient = wire.staff("register_patient", family="Mustermann", given=["Erika"], internal_id="C-1")["id"]
    before = len(wire.asked())
    wire.ehr.clients([patient], LabelMode.FULL_NAME)
    made = create(wire, robin, f"{robin}.a", What("Dentist"))
    wire.ehr.update(made, span=LATER)
    asked = wire.asked()[before:]
    searched, created, updated = asked
    assert created["if_none_exist"] == f"identifier=https://calsync.example/personal|{robin}.a"
    assert updated["if_match"] == f'W/"{made.version}"'
    assert "_elements=name%2Cidentifier" in searched["query"]
    addresses = " ".join(each["path"] + each["query"] for each in asked)
    assert not any(word in addresses for word in ("Mustermann", "Erika", "C-1", "Dentist"))
