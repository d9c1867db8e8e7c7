"""Which scope allows what: every scope and every method, as Google's discovery document has it."""

from __future__ import annotations

import pytest

from sandbox.google.methods import METHODS
from sandbox.google.scopes import SCOPES, SIGN_IN
from tests.sandbox.google.discovery import document, methods


def test_every_scope_there_is_can_be_granted() -> None:
    assert set(document()["auth"]["oauth2"]["scopes"]) == set(SCOPES) - SIGN_IN


@pytest.mark.parametrize("scope", document()["auth"]["oauth2"]["scopes"])
def test_a_scope_allows_the_methods_google_says_and_no_other(scope: str) -> None:
    assert SCOPES[scope].methods == {name for name, method in methods().items() if scope in method["scopes"]}


def test_every_method_is_served_under_its_path_and_verb() -> None:
    served = {method.id: (method.http_method, "/".join(method.path)) for method in METHODS}
    described = {
        name: (method["httpMethod"], "/".join("{}" if "{" in p else p for p in method["path"].split("/")))
        for name, method in methods().items()
        if name != "events.instances"
    }
    assert served == described
