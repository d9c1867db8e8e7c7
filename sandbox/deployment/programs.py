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
from sandbox.emulator import answers as emulator_answers
from sandbox.emulator import emulator_command
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
    servers: dict[Part, Program] = {
        Server.GOOGLE: _http(
            at.google, outer, "sandbox.google", "--seed", str(plan.seed), "--redirect-uri", at.redirect
        ),
        Server.EHR: _http(
            at.ehr,
            outer,
            "sandbox.ehr",
            "--practice",
            plan.practice,
            "--calsync-api",
            at.functions[Function.SETTINGS_API],
        ),
        Server.TASKS: _tasks(plan, at, folder, outer),
        Server.SECRETS: _grpc(at.secrets, outer, "sandbox.secrets", "--secrets", str(secrets_file(folder))),
        Server.STORE: _store(plan, at, outer),
        Server.SCHEDULER: _scheduler(plan, at, outer),
    }
    return servers | {
        function: _function(function, at.functions[function], {**outer, **settings(function)})
        for function in Function
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


def _module(address: str, module: str, *more: str) -> tuple[str, ...]:
    """`address`: host:port."""
    host, _, port = address.rpartition(":")
    return sys.executable, "-m", module, "--host", host, "--port", port, *more


def _http(url: str, environment: Mapping[str, str], module: str, *more: str) -> Program:
    address = urlsplit(url).netloc
    return Program(_module(address, module, *more), environment, lambda: _listens(address))


def _grpc(address: str, environment: Mapping[str, str], module: str, *more: str) -> Program:
    return Program(_module(address, module, *more), environment, lambda: _listens(address))


def _tasks(plan: Plan, at: Addresses, folder: Path, environment: Mapping[str, str]) -> Program:
    """Its queues and tasks outlive it."""
    control = urlsplit(at.tasks_control).netloc
    kept, port = str(folder / "tasks.jsonl"), control.rpartition(":")[2]
    command = _module(
        at.tasks, "sandbox.tasks", "--control-port", port, "--data", kept, "--seed", str(plan.seed)
    )
    return Program(command, environment, lambda: _listens(at.tasks) and _listens(control))


def _store(plan: Plan, at: Addresses, environment: Mapping[str, str]) -> Program:
    if plan.emulator is None:
        return _grpc(at.store, environment, "sandbox.firestore")
    host, _, port = at.store.rpartition(":")
    command = emulator_command(plan.emulator, host, int(port))
    return Program(command, environment, lambda: emulator_answers(at.store))


def _scheduler(plan: Plan, at: Addresses, environment: Mapping[str, str]) -> Program:
    target = f"{at.functions[Function.CHANNEL_RENEWER]}/"
    names = ("--target", target, "--audience", SCHEDULER_AUDIENCE, "--email", SCHEDULER_INVOKER)
    return _http(at.scheduler, environment, "sandbox.scheduler", "--every", str(plan.tick_seconds), *names)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as sock:
        sock.settimeout(_PROBE_SECONDS)
        return sock.connect_ex((host, int(port))) == 0


# --- functions ------------------------------------------------------------------------------------------


def _function(function: Function, url: str, environment: Mapping[str, str]) -> Program:
    """Under the framework and its gunicorn, as where it is deployed: one worker with threads."""
    host, _, port = urlsplit(url).netloc.rpartition(":")
    source = ROOT / "functions" / function.value / "main.py"
    framework = Path(sys.executable).parent / "functions-framework"
    command = (str(framework), "--source", str(source), "--target", "main", "--host", host, "--port", port)
    threads = str(THREADS.get(function, THREADS_OF_OTHERS))
    return Program(command, {**environment, "THREADS": threads}, lambda: _is_healthy(url))


def _is_healthy(url: str) -> bool:
    if not _listens(urlsplit(url).netloc):
        return False
    with requests.Session() as session, suppress(requests.RequestException):
        session.trust_env = False
        return session.get(f"{url}{HEALTH_PATH}", timeout=_PROBE_SECONDS).ok
    return False
