"""Terraform without a cloud: `terraform/` in a folder of its own, planned, and applied to a mocked provider.

Terraform is `$TERRAFORM`, else `terraform` on the PATH; the provider comes from wherever that one is told to
look: the registry, or a mirror (`TF_CLI_CONFIG_FILE`). Where either is missing these tests are left out and
say so; never where TERRAFORM is set.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tools.bundles.archive import build

ROOT = Path(__file__).parents[2]
SECONDS = 180
NUMBER = "210987654321"
PRACTICES = ("hillview", "lakeside")
VARIABLES = {
    "project_id": "example-calsync",
    "project_number": NUMBER,
    "practices": list(PRACTICES),
}
LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Resource:
    address: str
    """Without its module."""
    type: str
    name: str
    key: str
    """Of `for_each`; empty where there is none."""
    values: Values


class Infrastructure:
    """What would be there once it is applied."""

    def __init__(self, root_module: Values, outputs: Values | None = None) -> None:
        self.resources = list(_resources(root_module))
        self.outputs = outputs or {}

    def all(self, kind: str, name: str | None = None) -> list[Resource]:
        return [each for each in self.resources if each.type == kind and name in (None, each.name)]

    def one(self, kind: str, name: str = "main") -> Resource:
        found = self.all(kind, name)
        assert len(found) == 1, (kind, name, len(found))
        return found[0]

    @cached_property
    def accounts(self) -> dict[str, str]:
        """Who is meant by an e-mail, a member, an id: a function's name, or that of another account."""
        return {
            each.values[attribute]: each.key or each.name
            for each in self.all("google_service_account")
            for attribute in ("email", "member", "id", "name")
            if each.values.get(attribute)
        }

    def who(self, text: str) -> str:
        return self.accounts.get(text, text)


def _resources(module: Values) -> Iterator[Resource]:
    for each in module.get("resources", ()):
        address = each["address"].partition("google_")
        yield Resource(
            address[1] + address[2], each["type"], each["name"], each.get("index", ""), each["values"]
        )
    for child in module.get("child_modules", ()):
        yield from _resources(child)


class Terraform:
    """A copy of `terraform/` beside bundles, with the provider installed."""

    def __init__(self, command: str, folder: Path, lock: Path) -> None:
        """`lock`: a file that is locked while Terraform runs: it takes all cores, and shares its plugins."""
        self._command = command
        self._lock = lock
        self.folder = folder

    def mutated(self, folder: Path) -> Terraform:
        """Another copy, to be changed."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Terraform(self._command, folder, self._lock)

    def root(self, environment: str) -> Path:
        return self.folder / "terraform/environments" / environment

    def run(self, where: Path, *arguments: str, may_fail: bool = False) -> subprocess.CompletedProcess[str]:
        with self._lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            done = subprocess.run(
                [self._command, f"-chdir={where}", *arguments],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
                env={**os.environ, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"},
            )
        if done.returncode and not may_fail:
            raise AssertionError(f"terraform {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}")
        return done

    def init(self, where: Path) -> None:
        self.run(where, "init", "-input=false", "-no-color")

    def planned(self, environment: str, **variables: object) -> Values:
        """The plan of an environment as JSON; what only an apply would tell is left out."""
        where = self.root(environment)
        (where / "test.auto.tfvars.json").write_text(json.dumps({**VARIABLES, **variables}))
        self.run(where, "plan", "-input=false", "-no-color", "-out=plan.bin")
        plan: Values = json.loads(self.run(where, "show", "-json", "plan.bin").stdout)
        return plan

    def applied(self, environment: str = "prod", **variables: object) -> Infrastructure:
        """An environment after an apply to a provider that invents what only Google could tell."""
        where = self.root(environment)
        tests = where / "tests"
        tests.mkdir(exist_ok=True)
        (tests / "applied.tftest.json").write_text(json.dumps(_test({**VARIABLES, **variables})))
        done = self.run(where, "test", "-json", "-verbose", may_fail=True)
        messages = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        states = [each["test_state"] for each in messages if each["type"] == "test_state"]
        problems = [each["diagnostic"] for each in messages if each["type"] == "diagnostic"]
        if done.returncode or not states:
            said = [f"{each['summary']}: {each.get('detail', '')}" for each in problems]
            raise AssertionError("\n".join([*said, done.stderr]))
        outputs = states[0].get("outputs", {}).get("sync", {}).get("value", {})
        return Infrastructure(states[0]["root_module"], outputs)


def _test(variables: Values) -> Values:
    bucket = {"defaults": {"project_number": int(NUMBER)}}
    return {
        "mock_provider": {"google": {"mock_resource": {"google_storage_bucket": bucket}}},
        "variables": variables,
        "run": {"applied": {"command": "apply"}},
    }


def prepared(folder: Path, lock: Path) -> Terraform:
    """Terraform, ready to plan every environment; skips where there is none, fails if TERRAFORM is set."""
    command = os.environ.get("TERRAFORM") or shutil.which("terraform")
    if command is None:
        _left_out("no terraform on the PATH, and TERRAFORM is not set")
    ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*", "*.tfvars")
    shutil.copytree(ROOT / "terraform", folder / "terraform", ignore=ignored)
    build(ROOT, folder / "dist")
    terraform = Terraform(command, folder, lock)
    roots = sorted((folder / "terraform/environments").iterdir())
    for root in roots:
        (root / "backend_override.tf").write_text(LOCAL_STATE)
    first = terraform.run(roots[0], "init", "-input=false", "-no-color", may_fail=True)
    if first.returncode:
        said = [line for line in first.stderr.splitlines() if "Error:" in line]
        _left_out(f"terraform init fails here: {' '.join(said)}")
    for where in (*roots[1:], folder / "terraform/modules/sync"):
        terraform.init(where)
    return terraform


def _left_out(why: str) -> NoReturn:
    if os.environ.get("TERRAFORM"):
        pytest.fail(f"TERRAFORM is set, and {why}")
    pytest.skip(f"left out: {why}")
