"""What an EHR must tell of clients, and of their appointments once they are called otherwise."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.adapters.fhir import clients as clients_module
from shared.core.labels import label
from shared.core.model import Client
from shared.core.policy import LabelMode
from shared.ports import FeedCursor
from tests.contract.ehr_worlds import NEXT, SMALL, ServerWorld, World, book
from tests.fakes.clock import START
from tests.fakes.ehr import SETTINGS

PAGES_MAX = 50
WEEK = timedelta(days=7)


def hidden(patient_id: str) -> str:
    return hashlib.sha256(patient_id.encode()).hexdigest()[:12]


def renamed(world: World, cursor: FeedCursor, *, small: bool = False) -> tuple[list[str], FeedCursor]:
    """Ids of the appointments to be labelled anew, all pages as one."""
    ehr, found = world.with_settings(SMALL) if small else world.ehr, list[str]()
    for _ in range(PAGES_MAX):
        page = ehr.clients_changed(cursor, START, hidden)
        found, cursor = found + [row.id for row in page.rows], page.cursor
        if page.complete:
            return found, cursor
    raise AssertionError("the feed did not end")


def up_to_now(world: World) -> FeedCursor:
    return renamed(world, world.ehr.clients_now())[1]


def rename(world: World, patient: str, family: str = "Beispiel") -> None:
    world.staff("rename_patient", patient=patient, family=family, given=["Erika"])


def merged(into: str, **more: Any) -> dict[str, Any]:
    """A patient whose record was merged into another."""
    link = [{"other": {"reference": f"Patient/{into}"}, "type": "replaced-by"}]
    return {"resourceType": "Patient", "active": False, "link": link, **more}


OLD_NAME = {"name": [{"family": "Altname", "given": ["Alt"]}]}


# --- merged ---------------------------------------------------------------------------------------------


def test_a_merged_patient_is_called_as_the_one_who_stands_for_them(world: World, patient: str) -> None:
    first = world.put(merged(patient, **OLD_NAME))
    second = world.put(merged(first, **OLD_NAME))
    found = world.ehr.clients([second, first, patient], LabelMode.FULL_NAME)
    assert found == dict.fromkeys((second, first, patient), found[patient])
    assert found[patient].full_name == "Erika Mustermann"


@pytest.mark.parametrize("mode", LabelMode)
def test_a_merge_into_nobody_leaves_no_name_behind(world: World, mode: LabelMode) -> None:
    lost = world.put(merged("nobody", **OLD_NAME))
    assert label([world.ehr.clients([lost], mode).get(lost, Client())], mode) == "Client"


def test_merges_are_followed_so_far_and_no_further(world: World, patient: str) -> None:
    chain = [patient]
    for _ in range(4):
        chain.append(world.put(merged(chain[-1], **OLD_NAME)))
    together = world.ehr.clients(chain, LabelMode.INTERNAL_ID)
    alone = [each for each in chain if world.ehr.clients([each], LabelMode.INTERNAL_ID)]
    assert (set(together), alone) == (set(chain[:4]), chain[:4])


def test_another_kind_of_link_is_no_merge(world: World, patient: str) -> None:
    link = [{"other": {"reference": f"Patient/{patient}"}, "type": "seealso"}]
    other = world.put({"resourceType": "Patient", "link": link, **OLD_NAME})
    assert world.ehr.clients([other], LabelMode.FULL_NAME)[other].full_name == "Alt Altname"


# --- called otherwise -----------------------------------------------------------------------------------


def test_a_new_name_names_the_appointments_of_its_client_once(world: World, robin: str, patient: str) -> None:
    booked = [book(world, robin, patient, NEXT + number * WEEK) for number in range(3)]
    other = world.staff("register_patient", family="Other", given=["Kim"])["id"]
    book(world, robin, other)
    cursor = up_to_now(world)
    rename(world, patient)
    found, cursor = renamed(world, cursor)
    assert sorted(found) == sorted(booked)
    assert renamed(world, cursor)[0] == []


def test_nothing_of_a_patient_is_in_the_cursor(world: World, patient: str) -> None:
    cursor = up_to_now(world)
    rename(world, patient)
    _, cursor = renamed(world, cursor)
    assert hidden(patient) in cursor.seen
    assert patient not in cursor.seen


def test_what_began_before_the_time_asked_for_is_left_as_it_is(
    world: World, robin: str, patient: str
) -> None:
    cursor = up_to_now(world)
    booked = book(world, robin, patient)
    rename(world, patient)
    page = world.ehr.clients_changed(cursor, NEXT, hidden)
    assert [row.id for row in page.rows] == [booked]
    later = world.ehr.clients_changed(cursor, NEXT + timedelta(seconds=1), hidden)
    assert (later.rows, later.cursor) == ((), page.cursor)


def test_a_group_is_named_once_however_many_of_it_changed(world: World, robin: str, patient: str) -> None:
    other = world.staff("register_patient", family="Other", given=["Kim"])["id"]
    start, end = NEXT, NEXT + timedelta(hours=1)
    session = world.staff(
        "book", patients=[patient, other], practitioners=[robin], start=start, end=end, zone="UTC"
    )
    cursor = up_to_now(world)
    rename(world, patient)
    rename(world, other)
    assert renamed(world, cursor)[0] == [session["id"]]


def test_the_appointments_of_those_whom_somebody_replaced_are_named_with_theirs(
    world: World, robin: str
) -> None:
    duplicate = world.put({"resourceType": "Patient", **OLD_NAME})
    booked = book(world, robin, duplicate)
    cursor = up_to_now(world)
    link = [{"other": {"reference": f"Patient/{duplicate}"}, "type": "replaces"}]
    world.put({"resourceType": "Patient", "name": [{"family": "New"}], "link": link})
    assert renamed(world, cursor)[0] == [booked]


def test_new_names_of_many_come_page_by_page(world: World, robin: str) -> None:
    clients = [world.staff("register_patient", text=f"Client {n}")["id"] for n in range(13)]
    booked = {book(world, robin, each) for each in clients}
    cursor = up_to_now(world)
    for each in clients:
        rename(world, each)
    found, cursor = renamed(world, cursor, small=True)
    assert (set(found), len(found)) == (booked, 13)
    assert renamed(world, cursor, small=True)[0] == []


def test_one_reading_ends_where_it_has_enough_clients(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients_module, "PATIENTS_ENOUGH", 5)
    cursor = up_to_now(world)
    for number in range(13):
        world.staff("register_patient", text=f"Client {number}")
        world.advance(1)
    page = world.with_settings(SMALL).clients_changed(cursor, START, hidden)
    assert (page.complete, 5 <= len(page.cursor.seen) < 13) == (False, True)


def test_of_what_changed_no_name_is_asked_for(wire: ServerWorld) -> None:
    robin = wire.put({"resourceType": "Practitioner"})
    patient = wire.staff("register_patient", family="Mustermann", given=["Erika"])["id"]
    book(wire, robin, patient)
    before = len(wire.asked())
    wire.ehr.clients_changed(wire.ehr.clients_now(), START, hidden)
    patients = [each["query"] for each in wire.asked()[before:] if each["path"].endswith("/Patient")]
    assert len(patients) >= 2
    assert all("_elements=id%2Cmeta" in query and "name" not in query for query in patients)


# --- facts of the practice ------------------------------------------------------------------------------


def test_a_practice_has_numbers_where_their_system_is_known(world: World, patient: str) -> None:
    assert world.ehr.has_internal_ids
    without = world.with_settings(replace(SETTINGS, internal_id_system=None))
    assert not without.has_internal_ids
    assert without.clients([patient], LabelMode.INTERNAL_ID) == {patient: Client()}
