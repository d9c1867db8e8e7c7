"""The documents are held to the code: links, paths, packages, commands, fields and bounds are as they say."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import shared.core.decide
from sandbox.demo.arguments import parse
from shared.app.accounts import holder_data
from shared.app.activity import page_data
from shared.app.entitlements import Entitlement, entitlement_data
from shared.app.feeds import Feed, feed_data
from shared.app.grants import ConsentAsked, ConsentGiven, StoredGrant, asked_data, given_data, grant_data
from shared.app.invites import Invite, invite_data
from shared.app.notices import Notice, NoticeKind, notice_data
from shared.app.records import (
    Calendar,
    Connection,
    Followed,
    Practice,
    calendar_data,
    connection_data,
    followed_data,
    item_data,
    occurrences_data,
    practice_data,
)
from shared.app.reviews import Review, review_data
from shared.app.world import Limits
from shared.core.item import Item
from shared.core.model import Kind, Side
from shared.core.policy import ConnectionSettings

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs/architecture.md"
DEPENDENCIES = ROOT / "docs/dependencies.md"
WRITTEN = ("*.md", "docs/**/*.md", "terraform/*.md", "benchmarks/*.md", "sandbox/**/*.md")

CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
ENDINGS = (".py", ".md", ".toml", ".txt", ".tf", ".sh", ".yml", ".yaml")
MACHINE = re.compile(r"(?<![\w.}])(/(root|home|work|tmp|Users|var|opt|mnt)/|[A-Za-z]:\\|file://)")

NOW = datetime(2026, 3, 2, tzinfo=UTC)
IMPORTED_AS = {
    "cryptography": "cryptography",
    "functions-framework": "functions_framework",
    "google-api-python-client": "googleapiclient",
    "google-auth": "google.auth",
    "google-auth-httplib2": "google_auth_httplib2",
    "google-cloud-firestore": "google.cloud.firestore_v1",
    "google-cloud-secret-manager": "google.cloud.secretmanager_v1",
    "google-cloud-tasks": "google.cloud.tasks_v2",
    "pydantic": "pydantic",
    "regex": "regex",
    "requests": "requests",
}
"""The packages that code imports; tzdata is read by the standard library."""


@cache
def text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def documents() -> list[Path]:
    found = sorted({path for pattern in WRITTEN for path in ROOT.glob(pattern)})
    assert README in found
    assert ARCHITECTURE in found
    return found


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rows(path: Path, heading: str) -> dict[str, list[str]]:
    """The cells of a section's table after the first one, by the code in the first."""
    section = text(path).partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert cells, heading
    return {CODE.findall(first)[0]: rest for first, *rest in cells}


# --- what is named exists -------------------------------------------------------------------------------


def test_every_relative_link_leads_somewhere() -> None:
    broken = [
        f"{name(document)}: {target}"
        for document in documents()
        for target in LINK.findall(text(document))
        if not target.startswith(("http://", "https://"))
        and not (document.parent / target.partition("#")[0]).exists()
    ]
    assert broken == []


def looks_like_a_path(code: str) -> bool:
    """A file's name, or something below a folder of the project."""
    if not re.fullmatch(r"[\w.*-][\w./*-]*", code):
        return False
    tops = {path.name for path in ROOT.iterdir()}
    return code.endswith(ENDINGS) or code in ("Makefile", ".ci/run") or code.partition("/")[0] in tops


def exists(code: str, document: Path) -> bool:
    return any(next(folder.glob(code.rstrip("/")), None) is not None for folder in (ROOT, document.parent))


def test_every_path_in_code_marks_exists() -> None:
    named = [
        (document, code)
        for document in documents()
        for code in CODE.findall(text(document))
        if looks_like_a_path(code)
    ]
    assert len(named) > 40
    assert [f"{name(document)}: {code}" for document, code in named if not exists(code, document)] == []


@pytest.mark.parametrize(
    ("code", "is_path"),
    [
        ("shared/core/decide.py", True),
        ("shared/nowhere", True),
        ("functions/*/main.py", True),
        ("tests/simulation/", True),
        ("nowhere.md", True),
        ("events.list", False),
        ("calendars/{calendar}", False),
        ("make test", False),
        ("/health", False),
    ],
)
def test_what_looks_like_a_path(code: str, is_path: bool) -> None:  # noqa: FBT001 - an outcome
    assert looks_like_a_path(code) is is_path


def test_no_document_names_a_place_on_somebodys_machine() -> None:
    named = [
        f"{name(document)}: {line}"
        for document in documents()
        for line in text(document).splitlines()
        if MACHINE.search(line)
    ]
    assert named == []


def test_every_decision_has_its_four_parts_and_a_number_of_its_own() -> None:
    decisions = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [path.name[:4] for path in decisions]
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]
    for path in decisions:
        assert text(path).startswith(f"# {path.name[:4]} "), name(path)
        parts = re.findall(r"^\*\*(\w+)\.\*\*", text(path), re.MULTILINE)
        assert parts == ["Context", "Decision", "Considered", "Consequences"], name(path)


# --- commands -------------------------------------------------------------------------------------------


def targets() -> set[str]:
    return set(re.findall(r"^([a-z][\w-]*):", text(ROOT / "Makefile"), re.MULTILINE))


def test_every_make_target_that_is_named_exists() -> None:
    for document in documents():
        asked = set(re.findall(r"(?:`|^)make ([a-z][\w-]*)", text(document), re.MULTILINE))
        assert asked <= targets(), name(document)
    assert {"demo", "test"} <= targets()


def test_the_readme_and_the_demo_have_the_same_flags(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(["--help"])
    flag = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
    assert set(flag.findall(text(README))) == set(flag.findall(capsys.readouterr().out)) - {"--help"}


def test_the_demo_tells_what_the_readme_quotes() -> None:
    block = text(README).partition("```\nfirst sync, ")[2].partition("```")[0]
    told = [line.partition(" ms  ")[2] for line in block.splitlines() if " ms  " in line]
    assert len(told) > 2
    story = text(ROOT / "sandbox/demo/story.py")
    assert [sentence for sentence in told if sentence not in story] == []


# --- packages -------------------------------------------------------------------------------------------


def declared(extra: str | None = None) -> set[str]:
    project = tomllib.loads(text(ROOT / "pyproject.toml"))["project"]
    packages = project["optional-dependencies"][extra] if extra else project["dependencies"]
    return {re.split(r"[^\w.-]", package)[0] for package in packages}


def test_every_package_has_its_reason() -> None:
    assert set(rows(DEPENDENCIES, "Runtime")) == declared() == {*IMPORTED_AS, "tzdata"}
    assert set(rows(DEPENDENCIES, "Development and sandbox")) == declared("dev")


@pytest.mark.parametrize("package", IMPORTED_AS)
def test_every_package_of_the_runtime_is_imported_by_what_is_deployed(package: str) -> None:
    deployed = [path for folder in ("shared", "functions") for path in (ROOT / folder).rglob("*.py")]
    modules = {module for path in deployed for module in imported(path)}
    assert any(f"{module}.".startswith(f"{IMPORTED_AS[package]}.") for module in modules)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(text(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


# --- the architecture page ------------------------------------------------------------------------------


def test_the_page_has_the_rule_as_the_code_has_it() -> None:
    table = re.findall(r"^    \S.*$", shared.core.decide.__doc__ or "", re.MULTILINE)
    assert len(table) == 6
    assert "\n".join(table) in text(ARCHITECTURE)


def test_the_page_names_every_field_of_every_document() -> None:
    settings = ConnectionSettings(date(2026, 3, 1), ZoneInfo("UTC"))
    connection = Connection("c", "p", "1", "sub", "k", "Appointments", settings)
    calendar, item = Calendar("k", "c", "a", due_at=NOW), Item("i", Kind.CLIENT, Side.EHR)
    waiting = Item("i", Kind.CLIENT, Side.EHR, retry_at=NOW + timedelta(days=1))
    given = ConsentGiven("p", "1", "sub", "token", "email", frozenset(), NOW)
    stored = {
        "practices/{practice}": set(practice_data(Practice("p"))),
        "followed/{connection}": set(followed_data(Followed("p"))),
        "connections/{connection}": set(connection_data(connection)),
        "calendars/{calendar}": set(calendar_data(calendar)),
        "calendars/{calendar}/items/{k}": set(item_data(item, calendar, "p", NOW))
        | set(item_data(waiting, calendar, "p", NOW)),
        "calendars/{calendar}/series/{series}": set(occurrences_data([waiting], calendar, "p")),
        "reviews/{calendar}-{n}": set(review_data(Review("r", "p", "c", "k", NOW))),
        "notices/{connection}-{kind}-{day}": set(
            notice_data(Notice("p", "c", NoticeKind.OVERLAP, "2026-03-09", 1, NOW, send_at=NOW))
        ),
        "connections/{connection}/activity/{page}": set(page_data("k", "p", (), NOW)),
        "entitlements/{connection}": set(entitlement_data(Entitlement("p", "1"))),
        "invites/{connection}": set(invite_data(Invite("c", "p", "1", NOW, NOW))),
        "feeds/{connection}": set(feed_data(Feed("c", "p", "hash", False, NOW, NOW))),
        "accounts/{account}": set(holder_data("job", NOW)),
        "oauth_states/{nonce}": set(asked_data(ConsentAsked("p", "1", "verifier", NOW))),
        "oauth_states/{code}": set(given_data(given)),
        "grants/{connection}": set(grant_data(StoredGrant("sub", "token", "email", frozenset(), 1))),
    }
    said = {path: set(CODE.findall(cells[0])) for path, cells in rows(ARCHITECTURE, "State").items()}
    assert said == stored


def test_the_page_has_every_bound_with_its_default() -> None:
    said = {bound: cells[0].replace(",", "") for bound, cells in rows(ARCHITECTURE, "Bounds").items()}
    limits = {each.name: getattr(Limits(), each.name) for each in fields(Limits)}
    assert said == {bound: "2/3" if value == 2 / 3 else f"{value:g}" for bound, value in limits.items()}


# --- what happens, case by case -------------------------------------------------------------------------


def test_every_case_names_tests_that_there_are() -> None:
    page = text(ROOT / "docs" / "google-semantics.md")
    named = re.findall(r"`(test_\w+)::(test_\w+)`", page)
    assert len(named) > 50
    missing = [
        f"{module}::{test}"
        for module, test in named
        if f"def {test}(" not in text(ROOT / "tests" / "app" / f"{module}.py")
    ]
    assert missing == []
    cases = [line for line in page.splitlines() if line.startswith("| ") and "|---" not in line]
    assert all("`test_" in line or "shown by" in line for line in cases)
