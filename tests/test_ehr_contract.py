"""docs/ehr-contract.md is true: what it shows is sent and answered, what it lists is all there is."""

from __future__ import annotations

import json
import os
import random
import re
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import parse_qs, unquote

import pytest
import requests
from pydantic import BaseModel

from sandbox.controls import EhrSandbox
from sandbox.ehr.fhir import FhirStore
from shared.adapters.fhir import Answer, FhirEhr, FhirSettings, HttpExchange, translate
from shared.adapters.fhir.assertion import LIFE_SECONDS
from shared.adapters.fhir.exchange import CONNECT_SECONDS, READ_SECONDS
from shared.adapters.fhir.reading import SCAN_SLICE
from shared.adapters.fhir.server import IDS_AT_ONCE, PAGES_MAX
from shared.adapters.fhir.tokens import MARGIN_SECONDS
from shared.authorization import fhir_authorization
from shared.core.errors import BlockedError, RejectedError, RetryableError, StaleError
from shared.core.identity import Keys, identifier
from shared.ehr_settings import fhir_settings
from shared.ports import Capabilities, GoneError, Listing, ProtectedBy, Writes
from shared.practices import (
    SCOPE,
    Bearer,
    ClientSecret,
    GoogleOidc,
    PracticeSecret,
    PrivateKeyJwt,
    SigningKeyPem,
    practice_of,
)
from shared.stated import StatedCapabilities
from tests.adapters.fhir_clients import OF_EC
from tests.ehr_contract import (
    PAGE,
    DocumentedExchange,
    Operation,
    Request,
    codes,
    examples,
    operations,
    section,
    table,
    usual_headers,
)
from tests.ehr_stories import HIDDEN, NOW, ROWS, STORIES, outcome
from tests.fakes.clock import FakeClock
from tests.fakes.ehr import SETTINGS, ModelExchange
from tests.fhir_script import Script
from tests.fhir_valid import assert_valid
from tests.receiver import Reply, receiver
from tests.recorded_ehr import play, sandbox

Json = dict[str, Any]
ROOT = PAGE.parents[1]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


# --- examples -------------------------------------------------------------------------------------------


def test_every_story_is_shown_and_every_example_is_a_story() -> None:
    assert set(examples()) == set(STORIES)


@pytest.mark.parametrize("name", STORIES)
def test_what_is_shown_is_what_is_sent_and_answered(name: str) -> None:
    """And the answers that are shown suffice: over them the same comes of it."""
    story, shown = STORIES[name], examples()[name]
    result, wire = play(story, settings())
    assert len(wire) == len(shown) + story.unshown
    answers = list[Answer]()
    left = list(shown)
    for asked, answered in wire:
        if left and is_shown(left[0].request, asked):
            assert answered.status == left[0].answer.status
            assert_within(left[0].answer.body, as_shown(answered.body))
            assert_within(left[0].answer.headers, as_shown(answered.headers))
            answers.append(left.pop(0).answer)
        else:
            answers.append(answered)
    assert left == [], "shown, but not sent"
    replayed = outcome(story.act, FhirEhr(Script(*answers), settings(), story.can))
    assert as_shown(repr(replayed)) == as_shown(repr(result))


def is_shown(shown: Request | None, asked: Request) -> bool:
    if shown is None:
        return True
    headers = {**usual_headers(asked.method, asked.path.partition("/fhir/")[2]), **shown.headers}
    return replace(asked, headers={}) == replace(shown, headers={}) and headers == {
        **asked.headers,
        "authorization": "Bearer …",
    }


def as_shown(value: Any) -> Any:
    """With the page's address, and its id of a row that is new."""
    if isinstance(value, str):
        return UUID.sub("new-1", ADDRESS.sub("https://ehr.example", value))
    return json.loads(as_shown(json.dumps(value)))


def assert_within(part: Any, whole: Any) -> None:
    """Whether all that is shown is there."""
    if isinstance(part, dict):
        assert part.keys() <= whole.keys()
        for name, value in part.items():
            assert_within(value, whole[name])
    elif isinstance(part, list):
        assert len(part) == len(whole)
        for one, other in zip(part, whole, strict=True):
            assert_within(one, other)
    else:
        assert unquote(str(part)) == unquote(str(whole))


def test_what_is_shown_as_sent_is_fhir() -> None:
    sent = [each.request for shown in examples().values() for each in shown if each.request]
    resources = [each.body for each in sent if isinstance(each.body, dict) and "resourceType" in each.body]
    assert len(resources) > 4
    for resource in resources:
        assert_valid(resource)


# --- the list of requests -------------------------------------------------------------------------------


def test_the_list_has_every_request_and_no_other() -> None:
    met = set[Operation]()
    for story in (*STORIES.values(), *HIDDEN.values()):
        store = FhirStore(now=lambda: NOW, rng=random.Random(0))
        store.settings = replace(store.settings, versions="number", **story.facts)
        for row in (*ROWS, *story.rows):
            store.take_over(row)
        exchange = DocumentedExchange(ModelExchange(store))
        outcome(story.act, FhirEhr(exchange, settings(), story.can))
        met |= exchange.met
    assert {(each.method, each.path) for each in set(operations()) - met} == set()


def test_a_request_that_the_page_lacks_is_found() -> None:
    exchange = DocumentedExchange(Script())
    for method, url, params, headers in (
        ("GET", "Observation", (), {}),
        ("DELETE", "Patient/p1", (), {}),
        ("GET", "Appointment", (("_include", "Appointment:patient"),), {}),
        ("GET", "Patient", (("name", "Mustermann"),), {}),
        ("GET", "Appointment", (), {"X-Patient": "p1"}),
    ):
        with pytest.raises(AssertionError, match="not on the page"):
            exchange(method, url, params=params, headers=headers)


# --- tables ---------------------------------------------------------------------------------------------


def secret() -> PracticeSecret:
    [block] = re.findall(r"```json\n(.*?)```", section("Address, release, and what is stated"), re.DOTALL)
    return practice_of(block.encode())


def settings() -> FhirSettings:
    """Of the secret that the page shows."""
    return fhir_settings(secret())


def test_the_secret_can_be_read_and_each_of_its_fields_is_explained() -> None:
    assert settings() == SETTINGS
    named = {codes(first)[0] for first, _ in table("Address, release, and what is stated", "field")}
    assert named == set(PracticeSecret.model_fields)


def test_each_way_to_authenticate_has_its_fields() -> None:
    said = {codes(mode)[0]: set(codes(rest)) for mode, rest, _ in table("Authentication", "`mode`")}
    ways: tuple[type[BaseModel], ...] = (PrivateKeyJwt, ClientSecret, Bearer, GoogleOidc)
    known = {
        get_args(way.model_fields["mode"].annotation)[0]: set(way.model_fields) - {"mode"} for way in ways
    }
    known["private_key_jwt"] |= set(SigningKeyPem.model_fields)
    assert said == known
    [scope] = re.findall(r"```text\n(.*?)```", section("Authentication"), re.DOTALL)
    assert " ".join(scope.split()) == SCOPE


def test_the_key_pair_that_the_page_makes_lets_us_in(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = re.findall(r"```python\n(.*?)```", section("Authentication"), re.DOTALL)
    exec(program, {})  # the page's own
    private, public = map(json.loads, capsys.readouterr().out.splitlines())
    with sandbox() as address:
        client = {"client_id": "calsync", "token_endpoint_auth_method": "private_key_jwt", "jwks": public}
        registered = requests.post(f"{address}/control/auth/clients", json=client, timeout=10)
        assert registered.status_code == 200, registered.text
        auth = {"mode": "private_key_jwt", "client_id": "calsync", "keys": [private]}
        given = {"fhir_base": f"{address}/fhir", "system": "https://calsync.example", "fhir_auth": auth}
        known = practice_of(json.dumps(given).encode())
        exchange = HttpExchange(known.fhir_base, fhir_authorization(known, FakeClock(NOW), os.urandom))
        EhrSandbox(address).load(ROWS)
        assert FhirEhr(exchange, settings()).practitioner("d1").name == "Robin Musterfrau"
        exchange.close()


@pytest.mark.parametrize(
    ("auth", "names"),
    [
        ({"mode": "client_secret", "client_secret": "s"}, []),
        ({"mode": "client_secret", "client_secret": "s", "method": "client_secret_post"}, [4, 5]),
        ({"mode": "private_key_jwt"}, [2, 3]),
    ],
)
def test_a_token_is_asked_for_as_the_page_says(auth: Json, names: list[int]) -> None:
    [sentence] = re.findall(r"The request is a form .*? are read\.", section("Authentication"), re.DOTALL)
    *sent, token, life = codes(sentence)
    with receiver() as listening:
        answer = json.dumps({token: "t0k", life: 300}).encode()
        listening.reply = lambda _: Reply(body=answer)
        if auth["mode"] == "private_key_jwt":
            auth = {**auth, "keys": [{"kid": OF_EC.kid, "private_key": OF_EC.pem}]}
        full = {**auth, "client_id": "calsync", "token_url": f"{listening.url}/token"}
        given = {"fhir_base": listening.url, "system": "https://calsync.example", "fhir_auth": full}
        known = practice_of(json.dumps(given).encode())
        assert fhir_authorization(known, FakeClock(NOW), os.urandom)() == "Bearer t0k"
        [asked] = listening.received
        assert list(parse_qs(asked.body.decode())) == [*sent[:2], *(sent[each] for each in names)]
        assert ("authorization" in asked.headers) is (not names)


REMEDIES = {
    "put back": RejectedError,
    "read again": StaleError,
    "looked for": RejectedError,
    "gone": GoneError,
    "come again": RetryableError,
    "a person": BlockedError,
}
OPERATIONS = {
    "any": ("Appointment.read", "Appointment.update", "Appointment.search"),
    "write": ("Appointment.create", "Appointment.update", "Slot.delete"),
    **{each: (f"Appointment.{each}",) for each in ("read", "search", "create", "update")},
}


@pytest.mark.parametrize("row", table("How to refuse", "answer"), ids=lambda row: row[0])
def test_a_refusal_means_what_the_page_says(row: list[str]) -> None:
    answer, to, then, reason = row
    status, issue, detail = [*codes(answer), "", ""][:3]
    [remedy] = [each for words, each in REMEDIES.items() if then.startswith(words)]
    body = {"severity": "error", "code": issue, "details": {"coding": [{"code": detail}]}}
    outcome_body = {"resourceType": "OperationOutcome", "issue": [body]} if issue else None
    for operation in OPERATIONS[to]:
        error = translate(int(status), outcome_body, operation, {})
        assert isinstance(error, remedy)
        assert error.reason == codes(reason)[0]


def test_every_reason_that_a_refusal_may_have_is_in_the_table() -> None:
    said = {codes(row[-1])[0] for row in table("How to refuse", "answer")}
    source = (ROOT / "shared/adapters/fhir/errors.py").read_text(encoding="utf-8")
    told_elsewhere = {"ehr_unreachable", "ehr_cannot_list_changes", "ehr_page_expired", "ehr_address_wrong"}
    assert set(re.findall(r'"(ehr_[a-z_]+)"', source)) - told_elsewhere <= said


def test_all_that_can_be_stated_is_there_with_its_values() -> None:
    stated = {
        (name, json.dumps(value))
        for _, cell, _ in table("What is missing, and what is lost then", "missing")
        for code in codes(cell)
        for name, value in json.loads(f"{{{code}}}").items()
    }
    for name, value in stated:
        StatedCapabilities.model_validate({name: json.loads(value)})
    usual = Capabilities()
    every = (
        {("listing", each.value) for each in Listing}
        | {("writes", each.value) for each in Writes}
        | {("protected_by", each.value) for each in ProtectedBy}
    )
    every -= {
        ("listing", usual.listing.value),
        ("writes", usual.writes.value),
        ("protected_by", usual.protected_by.value),
    }
    wanted = {(name, json.dumps(value)) for name, value in every} | {
        ("checks_versions", "false"),
        ("creates_once", "false"),
        ("block_as", '"appointment"'),
    }
    assert stated == wanted


def test_the_numbers_are_those_of_the_code() -> None:
    assert LIFE_SECONDS == 4 * 60
    keys = Keys(b"synthetic")
    occurrence = identifier(keys.series("c", "m"), keys.k_of_occurrence("c", "m", NOW))
    known = {
        f"at most {len(occurrence)} characters": "Our names in your rows",
        f"{settings().overlap.total_seconds():g} seconds before": "Late rows",
        f"`_count` is {settings().page_size}, {IDS_AT_ONCE} for ids": "The requests",
        f"up to {PAGES_MAX} of them": "The requests",
        f"slices of {SCAN_SLICE.days} days": "The requests",
        f"for {CONNECT_SECONDS:g} seconds, an answer {READ_SECONDS:g}": "The requests",
        "lives four minutes": "Authentication",
        f"until {MARGIN_SECONDS:g} seconds before its end": "Authentication",
    }
    for words, heading in known.items():
        assert words in section(heading).replace("\n", " "), words
