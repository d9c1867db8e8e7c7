"""The OpenAPI document is valid, whole, and true, whoever calls with whatever."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from shared.api.feeds import FEED
from shared.api.models import Body
from shared.api.openapi import codes_of, document, document_text
from shared.api.problems import PROBLEMS
from shared.api.routing import Endpoint, Table
from shared.api.table import ENDPOINTS
from tests.functions.deployed import Account, Front
from tests.functions.practice_calls import openly

pytest_plugins = ["tests.functions.deployment"]

DOCUMENT: dict[str, Any] = json.loads(document_text())
OPERATIONS = sorted(
    (template, method)
    for template, methods in DOCUMENT["paths"].items()
    for method in methods
    if method != "parameters"
)
EXAMPLES = 4
"""Of one operation and caller: every change of a model or a rule is met within a few runs of the whole."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
LAST = "disconnect"
"""What it ends nobody calls any more."""


# --- the document ---------------------------------------------------------------------------------------


def test_it_is_valid() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["openapi"] == "3.1.1"


def test_every_endpoint_is_in_it_and_nothing_else() -> None:
    served = {(template, method.lower()) for template, methods in ENDPOINTS.items() for method in methods}
    assert set(OPERATIONS) == served | {(FEED, "get")}


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [DOCUMENT["paths"][template][method]["operationId"] for template, method in OPERATIONS]
    assert len(set(names)) == len(names)


class NewBody(Body):
    count: int


def new(_use: object, _body: NewBody) -> NewBody:
    raise NotImplementedError


def test_a_new_endpoint_is_in_it_by_itself() -> None:
    table: Table = {"/v1/new/{thing}": {"PUT": Endpoint(new, NewBody, status=202, problems=("too_often",))}}
    made = document(table, "New")
    operation = made["paths"]["/v1/new/{thing}"]["put"]
    assert made["paths"]["/v1/new/{thing}"]["parameters"][0]["name"] == "thing"
    assert set(operation["responses"]) == {
        "202",
        "400",
        "401",
        "403",
        "404",
        "413",
        "415",
        "429",
        "500",
        "503",
    }
    assert operation["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/NewBody"
    }
    assert made["components"]["schemas"]["NewBody"]["properties"]["count"]["type"] == "integer"


def test_every_problem_is_that_of_some_endpoint() -> None:
    said = {
        code
        for path, methods in ENDPOINTS.items()
        for each in methods.values()
        for code in codes_of(path, each)
    }
    assert said | {"origin", "method_not_allowed", "too_often"} == set(PROBLEMS)


def test_whoever_asks_is_given_it(front: Front) -> None:
    answer = openly(front, "/openapi.json", Origin="https://anywhere.example")
    assert (answer.status_code, answer.get_json()) == (200, DOCUMENT)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


# --- whether it is true ---------------------------------------------------------------------------------


@pytest.fixture
def callers(front: Front, google_account: Account) -> Mapping[str, str]:
    """Authorization headers: of one who is connected and started, of an administrator, and none."""
    front.started(google_account)
    return {
        "practitioner": f"Bearer {front.token()}",
        "admin": f"Bearer {front.token(role='admin', practitioner='an-admin')}",
        "nobody": "",
    }


def bounded(strategy: Any) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    quiet: Any = settings(
        max_examples=EXAMPLES,
        phases=[Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    always: Any = seed(1)
    drawn: Any = given(strategy)
    return lambda act: always(quiet(drawn(act)))


def test_whatever_is_called_answers_as_the_document_says(front: Front, callers: Mapping[str, str]) -> None:
    api: Any = schemathesis.openapi.from_wsgi("/openapi.json", front.deployment.api.application)
    seen: dict[str, set[int]] = {who: set() for who in callers}
    for template, method in sorted(OPERATIONS, key=lambda each: each[0].endswith(LAST)):
        operation = api[template][method.upper()]

        @bounded(st.tuples(operation.as_strategy(), st.sampled_from(sorted(callers))))
        def call(drawn: Any) -> None:
            case, who = drawn
            if "id" in case.path_parameters:
                case.path_parameters["id"] = front.practitioner
            case.headers = {"Authorization": callers[who]} if callers[who] else {}
            answer = case.call()
            seen[who].add(answer.status_code)
            case.validate_response(answer, checks=CHECKS, headers=case.headers)

        call()
    assert seen["practitioner"] >= {200, 400, 403, 404}
    assert seen["admin"] >= {200, 403}
    assert seen["nobody"] == {401, 404}  # 404: of links to appointments, which ask for none
