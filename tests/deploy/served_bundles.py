"""Each bundle in an environment of its own, served as where it is deployed: `make bundles-served`.

Not among the tests that always run: it installs every distribution anew, from the package index. Bundles with
the same requirements share an environment; on Python 3.13, the deployed runtime, too where there is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import requests

from sandbox.children import running
from sandbox.deployment.ports import Ports
from shared.settings import Function
from tests.test_settings import COMPLETE
from tools.bundles.archive import build

ROOT = Path(__file__).parents[2]
HOST = "127.0.0.1"
INSTALL_SECONDS = 400
ENVIRONMENT = {
    **COMPLETE,
    "CALSYNC_SCHEDULER_AUDIENCE": "https://renewer.example",
    "CALSYNC_SCHEDULER_INVOKER": "scheduler@p.example",
    "CALSYNC_OAUTH_REDIRECT_URL": "https://callback.example",
}
REFUSED = {
    Function.OAUTH_CALLBACK: ("GET", "/", 400),
    Function.PUSH_WEBHOOK: ("POST", "/nowhere", 404),
    Function.SYNC_TASK: ("POST", "/", 403),
    Function.CHANNEL_RENEWER: ("POST", "/", 403),
    Function.SETTINGS_API: ("GET", "/v1/practitioners/1/sync", 401),
}
"""A request of a stranger: it goes through all that is imported and is refused before anything is asked."""


def deployed_python() -> str | None:
    found = subprocess.run([ROOT / "tests/find_python313"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or None


PYTHONS = {"this": sys.executable, "deployed": deployed_python()}


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[Function, Path]:
    """Each unpacked in a folder of its own, away from the sources."""
    folder = tmp_path_factory.mktemp("bundles")
    unpacked = {}
    for path in build(ROOT, folder):
        function = Function(path.name.partition("-")[0])
        unpacked[function] = folder / function.value
        with zipfile.ZipFile(path) as archive:
            archive.extractall(unpacked[function])
    return unpacked


def installed(python: str, requirements: str, folder: Path) -> Path:
    """The programs of a new environment with these and nothing else."""
    subprocess.run([python, "-m", "venv", folder], check=True, timeout=INSTALL_SECONDS)
    (folder / "requirements.txt").write_text(requirements)
    pip = (folder / "bin/python", "-m", "pip", "--quiet", "--disable-pip-version-check")
    wanted = ("install", "--require-hashes", "-r", folder / "requirements.txt")
    for command in (wanted, ("check",)):
        subprocess.run([*pip, *command], check=True, timeout=INSTALL_SECONDS, stdout=subprocess.DEVNULL)
    return folder / "bin"


@pytest.fixture(scope="module", params=PYTHONS)
def programs(
    request: pytest.FixtureRequest,
    bundles: dict[Function, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[Function, Path]:
    """Where the programs of each function's environment are."""
    python = PYTHONS[request.param]
    if python is None:
        pytest.skip("no Python 3.13 here")
    wanted = {each: (folder / "requirements.txt").read_text() for each, folder in bundles.items()}
    sets = sorted(set(wanted.values()))
    folders = [tmp_path_factory.mktemp("environment") for _ in sets]
    with ThreadPoolExecutor(len(sets)) as side_by_side:
        made = dict(zip(sets, side_by_side.map(partial(installed, python), sets, folders), strict=True))
    return {function: made[text] for function, text in wanted.items()}


@contextmanager
def served(folder: Path, programs: Path) -> Iterator[str]:
    """The bundle under the framework, as the platform's build has it started; yields its address."""
    ports = Ports(HOST)
    port = ports.take()
    command = (str(programs / "functions-framework"), "--target", "main", "--host", HOST, "--port", str(port))
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
    url = f"http://{HOST}:{port}"

    def answers(_output: str) -> str | None:
        with suppress(requests.RequestException):
            return url if ask(url, "GET", "/health").status_code == 200 else None
        return None

    try:
        with running(command, answers, env={**kept, **ENVIRONMENT}, cwd=folder, ready_seconds=60) as address:
            yield address
    finally:
        ports.close()


def ask(url: str, method: str, path: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, f"{url}{path}", timeout=20)


@pytest.mark.parametrize("function", Function, ids=lambda function: function.value)
def test_a_bundle_with_its_requirements_alone_serves(
    function: Function, bundles: dict[Function, Path], programs: dict[Function, Path]
) -> None:
    method, path, status = REFUSED[function]
    with served(bundles[function], programs[function]) as url:
        assert ask(url, "GET", "/health").json() == {"status": "ok", "function": function.value}
        assert ask(url, method, path).status_code == status
