"""What the events of client appointments say, from the row in the EHR to the event in Google."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.ehr.fhir import By
from shared.core.policy import LabelMode
from tests.app.stage import FAMILY, TITLE, Json, Practitioner, Stage

LINK = "https://video.example/host"


def book(stage: Stage, whose: Practitioner, **more: Any) -> str:
    """A client appointment with more to it than staff write down here; its id."""
    row = {**stage.row(stage.book(whose)), **more}
    row["participant"] = [*stage.row(row["id"])["participant"], *more.get("participant", ())]
    stage.store.update(row, by=By.STAFF)
    stage.sync(whose, row["id"])
    return str(row["id"])


def said(stage: Stage, whose: Practitioner) -> tuple[str, str, str]:
    event = stage.event(whose)
    return event["summary"], event.get("description", ""), event.get("location", "")


def video(stage: Stage) -> Json:
    room = stage.store.create({"resourceType": "Location", "name": "Room 2"}, by=By.STAFF).resource["id"]
    return {
        "serviceType": [{"text": "Follow-up"}],
        "contained": [{"resourceType": "Endpoint", "id": "e1", "address": LINK}],
        "participant": [
            {"actor": {"reference": f"Location/{room}", "display": "Room 2"}, "status": "accepted"}
        ],
    }


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ("ID-1", "", "Room 2")),
        ({"service_line": True}, ("ID-1", "Follow-up", "Room 2")),
        ({"telehealth_link": True}, ("ID-1", f"Telehealth: {LINK}", "Room 2")),
        ({"client_label": LabelMode.INITIALS}, (f"A{FAMILY[0]}", "", "Room 2")),
        ({"client_label": LabelMode.FIRST_NAME}, ("Ada", "", "Room 2")),
    ],
)
def test_an_event_says_what_was_chosen(settings: Json, expected: tuple[str, str, str]) -> None:
    stage = Stage()
    ada = stage.connect(**settings)
    book(stage, ada, **video(stage))
    assert said(stage, ada) == expected


def test_a_choice_made_later_is_written_to_the_events_that_are_there(stage: Stage, ada: Practitioner) -> None:
    book(stage, ada, **video(stage))
    stage.change_settings(ada, service_line=True, telehealth_link=True)
    stage.sync(ada, everything=True)
    assert said(stage, ada) == ("ID-1", f"Follow-up\nTelehealth: {LINK}", "Room 2")
    stage.change_settings(ada, service_line=False, telehealth_link=False)
    stage.sync(ada, everything=True)
    assert said(stage, ada) == ("ID-1", "", "Room 2")


def test_a_link_that_somebody_takes_out_in_google_is_put_back(stage: Stage) -> None:
    ada = stage.connect(telehealth_link=True)
    book(stage, ada, **{**video(stage), "participant": []})
    assert said(stage, ada) == ("ID-1", f"Telehealth: {LINK}", LINK)
    stage.edit(ada, stage.event(ada)["id"], description="", location="")
    stage.sync(ada)
    assert said(stage, ada) == ("ID-1", f"Telehealth: {LINK}", LINK)


def test_notes_and_reasons_stay_in_the_ehr(stage: Stage) -> None:
    ada = stage.connect(client_label=LabelMode.INITIALS, service_line=True, telehealth_link=True)
    told = {"description": TITLE, "comment": TITLE, "patientInstruction": TITLE}
    home = {"actor": {"reference": "Location/home", "display": f"Home of {FAMILY}"}, "status": "accepted"}
    row = book(stage, ada, **told, reasonCode=[{"text": TITLE}], participant=[home])
    assert said(stage, ada) == (f"A{FAMILY[0]}", "", "")
    assert TITLE not in repr(stage.google.all_events(stage.calendar_id(ada)))
    for where in (stage.google.all_events(stage.calendar_id(ada)), stage.documents._stored):
        assert TITLE not in repr(where)
        assert FAMILY not in repr(where)
    assert stage.row(row)["comment"] == TITLE


def test_of_a_client_who_is_no_more_the_label_is_client(stage: Stage, ada: Practitioner) -> None:
    row = book(stage, ada)
    patient = stage.row(row)["participant"][0]["actor"]["reference"].partition("/")[2]
    stage.store.delete("Patient", patient, by=By.STAFF)
    stage.sync(ada, everything=True)
    assert said(stage, ada) == ("Client", "", "")


def test_a_merged_client_is_called_as_the_one_who_stands_for_them(stage: Stage) -> None:
    ada = stage.connect(client_label=LabelMode.INITIALS)
    row = book(stage, ada)
    reference = stage.row(row)["participant"][0]["actor"]["reference"]
    survivor = stage.staff.register_patient(family="Zander", given=["Yael"])["id"]
    link = [{"other": {"reference": f"Patient/{survivor}"}, "type": "replaced-by"}]
    patient = stage.store.read("Patient", reference.partition("/")[2])
    stage.store.update({**patient, "link": link}, by=By.STAFF)
    stage.sync(ada, everything=True)
    assert stage.event(ada)["summary"] == "YZ"


def test_a_personal_appointment_has_no_kind_place_or_link(stage: Stage) -> None:
    ada = stage.connect(service_line=True, telehealth_link=True)
    row = stage.own_time(ada)
    stage.store.update(
        {**stage.row(row), **video(stage), "participant": stage.row(row)["participant"]}, by=By.STAFF
    )
    stage.sync(ada, row)
    assert said(stage, ada) == ("Busy", "", "")
