"""The program of each part: how it is called, with which environment, and how one sees that it serves."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import requests

from sandbox.deployment.addresses import Addresses
from sandbox.deployment.configuration import SCHEDULER_AUDIENCE, SCHEDULER_INVOKER
from sandbox.deployment.plan import Part, Plan, Server
from sandbox.deployment.process import ROOT, Program
from sandbox.deployment.queues import AT_ONCE
from sandbox.emulator import EmulatorFiles, emulator_command
from sandbox.emulator import answers as emulator_answers
from sandbox.google.web_page import PATH as GOOGLE_PAGE
from shared.http import HEALTH_PATH
from shared.settings import PREFIX, Function

THREADS = {Function.SYNC_TASK: sum(AT_ONCE.values())}
"""Requests that a function has at once, each in a thread: for the queues' tasks there is always one."""
THREADS_OF_OTHERS = 8
_PROBE_SECONDS = 2.0


def programs(
    plan: Plan, at: Addresses, folder: Path, settings: Callable[[Function], Mapping[str, str]]
) -> dict[Part, Program]:
    """`folder`: where files of the parts are; `settings`: the environment variables of a function."""
    outer = _environment(plan.host)
    return {
        **_servers(plan, at, folder, outer),
        **{
            function: _function(function, at.functions[function], {**outer, **settings(function)})
            for function in Function
        },
    }


def secrets_file(folder: Path) -> Path:
    return folder / "secrets.json"


def _environment(host: str) -> dict[str, str]:
    """Ours, but for what would lead anybody elsewhere."""
    left_out = ("_proxy", "_PROXY", "_EMULATOR_HOST", "PYTHONDONTWRITEBYTECODE")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and not name.endswith(left_out)
    }
    return {**kept, "PYTHONPATH": str(ROOT), "NO_PROXY": host, "no_proxy": host}


# --- servers --------------------------------------------------------------------------------------------


def _servers(plan: Plan, at: Addresses, folder: Path, environment: Mapping[str, str]) -> dict[Part, Program]:
    def module(name: str, address: str, *more: str, ready: str = "") -> Program:
        """`ready`: the address that is there last."""
        host, port = _host_and_port(address)
        command = (sys.executable, "-m", f"sandbox.{name}", "--host", host, "--port", port, *more)
        return Program(command, environment, lambda: _listens(ready or address))

    api, renewer = at.functions[Function.SETTINGS_API], at.functions[Function.CHANNEL_RENEWER]
    _, control_port = _host_and_port(at.tasks_control)
    kept = ("--data", str(folder / "tasks.jsonl"))
    asked = ("--seed", str(plan.seed))
    caller = ("--audience", SCHEDULER_AUDIENCE, "--email", SCHEDULER_INVOKER)
    return {
        Server.GOOGLE: module("google", at.google, *asked, "--redirect-uri", at.redirect),
        Server.EHR: module(
            "ehr",
            at.ehr,
            "--practice",
            plan.practice,
            "--calsync-api",
            api,
            "--google-app",
            f"{at.google}{GOOGLE_PAGE}",
        ),
        Server.TASKS: module(
            "tasks", at.tasks, *asked, *kept, "--control-port", control_port, ready=at.tasks_control
        ),
        Server.SECRETS: module("secrets", at.secrets, "--secrets", str(secrets_file(folder))),
        Server.STORE: module("firestore", at.store)
        if plan.emulator is None
        else _emulator(plan.emulator, at.store, environment),
        Server.SCHEDULER: module(
            "scheduler", at.scheduler, "--every", str(plan.tick_seconds), "--target", f"{renewer}/", *caller
        ),
    }


def _emulator(files: EmulatorFiles, address: str, environment: Mapping[str, str]) -> Program:
    host, port = _host_and_port(address)
    command = emulator_command(files, host, int(port))
    return Program(command, environment, lambda: emulator_answers(address))


def _host_and_port(address: str) -> tuple[str, str]:
    """Of a URL, or of `host:port`."""
    host, _, port = (urlsplit(address).netloc or address).rpartition(":")
    return host, port


def _listens(address: str) -> bool:
    host, port = _host_and_port(address)
    with socket.socket() as sock:
        sock.settimeout(_PROBE_SECONDS)
        return sock.connect_ex((host, int(port))) == 0


# --- functions ------------------------------------------------------------------------------------------


def _function(function: Function, url: str, environment: Mapping[str, str]) -> Program:
    """Under the framework and its gunicorn, as where it is deployed: one worker with threads."""
    host, port = _host_and_port(url)
    source = ROOT / "functions" / function.value / "main.py"
    framework = Path(sys.executable).parent / "functions-framework"
    command = (str(framework), "--source", str(source), "--target", "main", "--host", host, "--port", port)
    threads = str(THREADS.get(function, THREADS_OF_OTHERS))
    return Program(command, {**environment, "THREADS": threads}, lambda: _is_healthy(url))


def _is_healthy(url: str) -> bool:
    if not _listens(url):
        return False
    with requests.Session() as session, suppress(requests.RequestException):
        session.trust_env = False
        return session.get(f"{url}{HEALTH_PATH}", timeout=_PROBE_SECONDS).ok
    return False
