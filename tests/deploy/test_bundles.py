"""What is deployed of a function is what it needs, and the same from the same sources."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from shared.settings import Function
from tools.bundles.archive import LOCK, build, contents, functions
from tools.bundles.imports import reached
from tools.bundles.requirements import Lock, UnknownImportError

ROOT = Path(__file__).parents[2]
FUNCTIONS = [function.value for function in Function]
WITHOUT_GRANTS = ["push_webhook", "channel_renewer"]


@cache
def lock() -> Lock:
    return Lock((ROOT / LOCK).read_text(encoding="utf-8"))


@cache
def bundle(function: str) -> Mapping[str, bytes]:
    return contents(ROOT, function, lock())


def required(function: str) -> set[str]:
    lines = bundle(function)["requirements.txt"].decode().splitlines()
    return {line.partition("==")[0] for line in lines if not line.startswith(" ")}


def copied(to: Path) -> Path:
    """The sources, elsewhere, younger and with other modes."""
    for name in ("functions", "shared", "requirements"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in to.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (2e9, 2e9))
    return to


def built(root: Path, to: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in build(root, to)}


def test_every_function_has_a_bundle() -> None:
    assert functions(ROOT) == sorted(FUNCTIONS)


def test_the_same_sources_make_the_same_bytes_wherever_and_whenever_they_are_built(tmp_path: Path) -> None:
    here = built(ROOT, tmp_path / "one")
    assert here == built(copied(tmp_path / "copy"), tmp_path / "two")
    for name, data in here.items():
        assert name.endswith(f"-{hashlib.sha256(data).hexdigest()[:16]}.zip")


def test_a_new_bundle_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    old = tmp_path / "sync_task-0000000000000000.zip"
    old.touch()
    (tmp_path / "another-0000000000000000.zip").touch()
    build(ROOT, tmp_path)
    assert not old.exists()
    assert len(list(tmp_path.glob("*.zip"))) == len(FUNCTIONS) + 1


def test_a_change_makes_new_bundles_of_those_that_it_reaches_and_of_no_other(tmp_path: Path) -> None:
    sources = copied(tmp_path / "sources")
    before = set(built(sources, tmp_path / "before"))
    changed = sources / "shared/adapters/fhir/server.py"
    changed.write_text(changed.read_text() + "\n# more\n")
    new = {name.partition("-")[0] for name in set(built(sources, tmp_path / "after")) - before}
    assert new == {"oauth_callback", "settings_api", "sync_task"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_bundle_has_sources_and_requirements_and_nothing_else(function: str) -> None:
    files = bundle(function)
    ours = {name for name in files if name.startswith("shared/") and name.endswith(".py")}
    assert set(files) == {"main.py", "requirements.txt", *ours}
    assert files["main.py"] == (ROOT / "functions" / function / "main.py").read_bytes()
    assert all(files[name] == (ROOT / name).read_bytes() for name in ours)


def test_entries_have_no_times_owners_or_modes_of_this_machine(tmp_path: Path) -> None:
    for path in build(ROOT, tmp_path):
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
        assert {(entry.date_time, entry.external_attr >> 16, entry.extra) for entry in entries} == {
            ((1980, 1, 1, 0, 0, 0), 0o100644, b"")
        }


@pytest.mark.parametrize("function", WITHOUT_GRANTS)
def test_who_calls_neither_google_calendar_nor_an_ehr_carries_nothing_of_them(function: str) -> None:
    calendar = {"google-api-python-client", "google-auth-httplib2", "httplib2"}
    assert required(function) & calendar == set()
    foreign = ("shared/adapters/google_calendar/", "shared/adapters/fhir/", "shared/adapters/google_oauth")
    assert [name for name in bundle(function) if name.startswith(foreign)] == []
    assert "shared/adapters/google_calendar/service.py" in bundle("sync_task")
    assert calendar <= required("sync_task")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_is_required_is_locked_word_for_word_with_hashes(function: str) -> None:
    text, locked = bundle(function)["requirements.txt"].decode(), (ROOT / LOCK).read_text(encoding="utf-8")
    assert {"functions-framework", "tzdata"} <= required(function)
    blocks = text.replace("\n    ", " ").splitlines()
    assert all(block in locked.replace("\n    ", " ").splitlines() for block in blocks)
    assert all("--hash=sha256:" in block for block in blocks)


def test_extras_are_followed() -> None:
    """google-cloud-tasks wants google-api-core[grpc], and only that brings this one."""
    assert "\ngrpcio-status==" in lock().needed_for(["google.cloud.tasks_v2"])
    assert "\ngrpcio-status==" not in lock().needed_for(["google.api_core.exceptions"])


def test_what_the_standard_library_reads_is_required() -> None:
    assert lock().needed_for(["zoneinfo.ZoneInfo"]).startswith("tzdata==")
    assert lock().needed_for(["json", "os.path"]) == ""


def test_an_import_that_nothing_locked_provides_is_refused_by_its_name() -> None:
    with pytest.raises(UnknownImportError, match=r"pytest\.raises"):
        lock().needed_for(["flask", "pytest.raises"])


def test_imports_inside_functions_and_packages_above_are_followed(tmp_path: Path) -> None:
    package = tmp_path / "ours" / "deep"
    package.mkdir(parents=True)
    (tmp_path / "main.py").write_text("def main():\n    from ours.deep.one import thing\n")
    (tmp_path / "ours/__init__.py").write_text("import json\n")
    (package / "__init__.py").touch()
    (package / "one.py").write_text("from ours.deep import two\nthing = two\n")
    (package / "two.py").write_text("import ours.deep.one\nimport flask.views\n")
    (package / "not_reached.py").write_text("import requests\n")
    found = reached(tmp_path, tmp_path / "main.py", "ours")
    assert found.files == (
        "ours/__init__.py",
        "ours/deep/__init__.py",
        "ours/deep/one.py",
        "ours/deep/two.py",
    )
    assert found.foreign == {"json", "flask.views"}


def test_a_relative_import_is_refused(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("from . import sibling\n")
    with pytest.raises(ValueError, match="relative import"):
        reached(tmp_path, tmp_path / "main.py", "ours")


def test_no_deployed_distribution_has_modules_named_as_ours() -> None:
    """The framework puts the bundle last on the path, so an installed namesake would be imported instead."""
    names = set().union(*map(required, FUNCTIONS))
    installed = {dist.metadata["Name"].lower(): dist for dist in metadata.distributions()}
    tops = {
        Path(file).parts[0] for name in names if name in installed for file in installed[name].files or []
    }
    assert "flask" in tops
    assert tops & {"shared", "main.py"} == set()
