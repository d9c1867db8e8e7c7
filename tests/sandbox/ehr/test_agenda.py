from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sandbox.ehr import urls
from sandbox.ehr.agenda import FREE_EXTENSION, Agenda
from sandbox.ehr.fhir import By, FhirStore
from sandbox.ehr.staff import Staff
from tests.sandbox.ehr.samples import appointment

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 11, 30)
TEN = datetime(2026, 12, 1, 9, tzinfo=UTC)
"""In Berlin."""
BLOCK = [{"system": urls.CALSYNC_BLOCK, "value": "c.k"}]


@pytest.fixture
def practitioner(store: FhirStore) -> str:
    made = store.create({"resourceType": "Practitioner", "name": [{"text": "Robin"}]}, by=By.STAFF)
    return str(made.resource["id"])


@pytest.fixture
def agenda(store: FhirStore, practitioner: str) -> Agenda:
    return Agenda(store, practitioner, BERLIN)


def book(staff: Staff, practitioner: str, *patients: str) -> str:
    end = TEN + timedelta(minutes=50)
    made = staff.book(
        patients=patients, practitioners=[practitioner], start=TEN, end=end, zone="Europe/Berlin"
    )
    return str(made["id"])


def week(agenda: Agenda) -> list[dict[str, Any]]:
    return agenda.week(MONDAY, 7)


def test_a_client_is_called_as_now_and_the_time_is_the_practitioners(
    staff: Staff, agenda: Agenda, practitioner: str
) -> None:
    patient = staff.register_patient(family="Sample", given=["Alex"])["id"]
    book(staff, practitioner, patient)
    staff.rename_patient(patient=patient, family="Example", given=["Alex"])
    (entry,) = week(agenda)
    assert (entry["type"], entry["title"], entry["movable"]) == ("client", "Alex Example", True)
    assert (entry["start"], entry["end"]) == ("2026-12-01T10:00", "2026-12-01T10:50")


def test_several_clients_are_a_group(staff: Staff, agenda: Agenda, practitioner: str) -> None:
    patients = [staff.register_patient(text=name)["id"] for name in ("Alex", "Kai")]
    book(staff, practitioner, *patients)
    assert week(agenda)[0]["title"] == "Group: Alex, Kai"


@pytest.mark.parametrize(
    ("act", "status"), [("cancel", "cancelled"), ("no_show", "noshow"), ("arrive", "arrived")]
)
def test_what_is_over_or_begun_is_shown_and_does_not_move(
    staff: Staff, agenda: Agenda, practitioner: str, act: str, status: str
) -> None:
    patient = staff.register_patient(text="Alex")["id"]
    getattr(staff, act)(appointment=book(staff, practitioner, patient))
    (entry,) = week(agenda)
    assert (entry["status"], entry["movable"]) == (status, False)


def test_a_cancellation_may_stand_in_the_clients_alone(
    store: FhirStore, staff: Staff, agenda: Agenda, practitioner: str
) -> None:
    store.settings = type(store.settings)(status_in_participants=True)
    patient = staff.register_patient(text="Alex")["id"]
    staff.cancel(appointment=book(staff, practitioner, patient))
    assert week(agenda)[0]["status"] == "cancelled"


def test_an_entry_made_in_error_and_those_of_others_are_not_shown(
    store: FhirStore, staff: Staff, agenda: Agenda, practitioner: str
) -> None:
    patient = staff.register_patient(text="Alex")["id"]
    staff.enter_in_error(appointment=book(staff, practitioner, patient))
    store.create(appointment(), by=By.STAFF)
    assert week(agenda) == []


@pytest.mark.parametrize(("first", "shown"), [(date(2026, 12, 1), 1), (date(2026, 12, 2), 0)])
def test_only_what_touches_the_days_is_shown(
    staff: Staff, agenda: Agenda, practitioner: str, first: date, shown: int
) -> None:
    book(staff, practitioner, staff.register_patient(text="Alex")["id"])
    assert len(agenda.week(first, 1)) == shown


@pytest.mark.parametrize("free", [False, True])
def test_a_block_is_locked_and_its_free_extension_says_free(
    store: FhirStore,
    agenda: Agenda,
    practitioner: str,
    free: bool,  # noqa: FBT001 - both cases
) -> None:
    marked = [{"url": FREE_EXTENSION, "valueBoolean": True}] if free else []
    actors = ("2026-12-01T09:00:00Z", "2026-12-01T10:00:00Z", f"Practitioner/{practitioner}")
    store.create(appointment(*actors, identifier=BLOCK, extension=marked), by=By.STAFF)
    (entry,) = week(agenda)
    assert (entry["type"], entry["title"]) == ("block", "Free" if free else "Busy")
    assert (entry["free"], entry["movable"]) == (free, False)
    assert agenda.own(entry["id"]) is None


@pytest.mark.parametrize(("status", "shown"), [("busy-unavailable", 1), ("free", 0), ("entered-in-error", 0)])
def test_a_block_may_be_a_slot_of_ones_schedule(
    store: FhirStore, staff: Staff, agenda: Agenda, practitioner: str, status: str, shown: int
) -> None:
    schedule = staff.open_schedule(practitioner=practitioner)["id"]
    times = {"start": "2026-12-01T09:00:00Z", "end": "2026-12-01T10:00:00Z"}
    named = {"identifier": BLOCK, "schedule": {"reference": f"Schedule/{schedule}"}}
    store.create({"resourceType": "Slot", "status": status, **named, **times}, by=By.STAFF)
    assert len(week(agenda)) == shown


def test_whole_days_are_dates(store: FhirStore, agenda: Agenda, practitioner: str) -> None:
    times = ("2026-12-01T00:00:00+01:00", "2026-12-03T00:00:00+01:00")
    store.create(appointment(*times, f"Practitioner/{practitioner}", identifier=BLOCK), by=By.STAFF)
    (entry,) = week(agenda)
    assert (entry["allDay"], entry["start"], entry["end"]) == (True, "2026-12-01", "2026-12-03")


def test_titles_are_told_of_ones_own_only(staff: Staff, agenda: Agenda, practitioner: str) -> None:
    patient = staff.register_patient(text="Alex")["id"]
    own = book(staff, practitioner, patient)
    assert agenda.titles(frozenset({own, "9"})) == {own: "Alex"}
