"""Names, notes, titles and tokens go nowhere but where they belong, whatever goes wrong.

All that other tests of the worker have done on the deployment is searched too.
"""

from __future__ import annotations

import json
import os

import pytest

from sandbox.google.grants import CLIENT_SECRET
from shared.adapters.sealing import Sealer
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.core.policy import LabelMode
from shared.core.signing import KeyRing
from shared.settings import SecretName
from tests.process.haystacks import haystacks
from tests.process.judge import at_rest, in_sync
from tests.process.people import Person, Practice
from tests.process.promises import labels_say, no_text_strays
from tests.process.resources import SECRET_TEXTS
from tests.process.stories import HALF_AN_HOUR, change_both_sides, next_minute, settled


@pytest.fixture(scope="module")
def people(practice: Practice) -> list[Person]:
    """Who have been through a lot; the last has chosen full names for labels."""
    found = settled(practice)
    named = practice.person()
    for person in (found.person, named):
        practice.bring(person, 21)
    practice.consent(named)
    practice.ask(named, "PATCH", "/settings", {"client_label": "full_name", "full_name_acknowledged": True})
    practice.start(named)
    at_rest(practice, found.person, named)
    told = " ".join(SECRET_TEXTS)
    refused = {"error": {"code": 500, "message": told, "errors": [{"reason": told}]}}
    practice.google.fault("events.patch", status=500, body=json.dumps(refused))
    practice.google.fault("events.insert", status=503, body=f"<html>{told}</html>")
    practice.ehr.fault("Appointment.update", status=500, body=told)
    practice.ehr.fault("Appointment.create", status=422, body=json.dumps({"resourceType": told}))
    change_both_sides(practice, found)
    practice.reschedule(named.appointments[1], practice.at(1) + HALF_AN_HOUR)
    practice.book(named, 20)
    next_minute(practice)
    practice.deployment.scheduler.tick()
    in_sync(practice, named)
    assert practice.ask(found.person, "GET")["set_aside"][0]["count"] == 1
    return [found.person, named]


@pytest.mark.usefixtures("people")
def test_no_text_is_left_anywhere(practice: Practice) -> None:
    no_text_strays(practice)


def test_no_token_code_or_key_is_left_anywhere(practice: Practice, people: list[Person]) -> None:
    keys = (SecretName.IDENTITY_KEY, SecretName.TOKEN_KEYS, SecretName.STATE_KEYS, SecretName.CHANNEL_KEYS)
    secrets = {CLIENT_SECRET, *practice.codes, *(practice.deployment.secrets[name] for name in keys)}
    secrets |= {refresh_token(practice, person) for person in people}
    places = haystacks(practice)
    assert {
        place: sum(secret in text for secret in secrets) for place, text in places.items()
    } == dict.fromkeys(places, 0)


def refresh_token(practice: Practice, person: Person) -> str:
    sealer = Sealer(KeyRing.of([practice.deployment.secrets[SecretName.TOKEN_KEYS].encode()]), os.urandom)
    key = practice.connection(person).key
    grant = grant_of(practice.documents.get(grant_path(key))[grant_path(key)])
    return sealer.open(grant.sealed_token, bound_to(Purpose.GRANT_TOKEN, key))


def test_google_is_told_the_chosen_label(practice: Practice, people: list[Person]) -> None:
    for person, mode in zip(people, (LabelMode.INTERNAL_ID, LabelMode.FULL_NAME), strict=True):
        labels_say(practice, person, mode)


def test_what_is_searched_is_there(practice: Practice, people: list[Person]) -> None:
    places, person = haystacks(practice), people[0]
    assert all(places.values()), [place for place, text in places.items() if not text]
    for place in ("tasks", "store"):
        assert practice.record(person).key in places[place]
        assert person.appointments[0] in places[place]
    assert practice.calendar_id(person) in places["addresses at Google"]
    assert person.practitioner in places["addresses at the EHR"]
