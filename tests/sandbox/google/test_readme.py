"""The page says what there is: methods, control paths, actions, settings; its examples are run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.google import control
from sandbox.google.methods import METHODS
from sandbox.google.service import Service
from sandbox.google.store import Settings
from tests.sandbox.google.conftest import Sandbox

PAGE = (Path(control.__file__).parent / "README.md").read_text(encoding="utf-8")
CODE = re.compile(r"`([^`\n]+)`")


def section(heading: str) -> str:
    text = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    assert text, heading
    return text


def words(text: str) -> set[str]:
    return set(CODE.findall(text))


def examples() -> list[Any]:
    """The JSON lines of the page."""
    lines = [line.strip() for line in section("Control").splitlines() if line.startswith("    {")]
    return [json.loads(line) for line in lines if line.endswith("}")]


def test_the_table_of_what_is_served_has_every_method() -> None:
    rows = [line.strip("| ").split(" | ") for line in section("Usable alone").splitlines() if line[:1] == "|"]
    said = {
        f"{name}.{method}" for first, *cells in rows for name in words(first) for method in words(cells[0])
    }
    assert said == {method.id for method in METHODS}


def test_every_control_path_is_on_the_page() -> None:
    paths = {route.path.replace("{calendar}", "{id}") for route in control.routes(Service())}
    said = {word.split()[-1].partition("?")[0] for word in words(section("Control")) if "/control/" in word}
    assert said == paths


def test_every_action_and_every_setting_is_on_the_page() -> None:
    actions = section("Control").partition("**Actions**")[2].partition("**Faults**")[0]
    assert control.ACTIONS - words(actions) == set()
    assert set(Settings.__dataclass_fields__) - words(PAGE) == set()


@pytest.mark.parametrize("fault", [e for e in examples() if "operation" in e], ids=json.dumps)
def test_every_fault_on_the_page_can_be_asked_for(sandbox: Sandbox, fault: Any) -> None:
    assert sandbox.control("POST", "faults", fault) == {"waiting": 1}


def test_the_account_of_the_page_can_be_made(sandbox: Sandbox) -> None:
    found = re.search(r"curl -d '(\{.*?\})' \\\n\s+http://[^/]+(/control/accounts)", PAGE)
    assert found is not None
    body = {**json.loads(found[1]), "email": "page@example.com"}
    account = sandbox.request("POST", found[2], body)[2]
    assert sandbox.client(account).events().list(calendarId="primary").execute()["items"] == []
