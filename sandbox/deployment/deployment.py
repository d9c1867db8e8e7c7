"""A whole deployment for the length of a block; its parts can be stopped, killed and started again."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.controls import EhrSandbox, GoogleSandbox, SchedulerSandbox, TasksSandbox
from sandbox.deployment.addresses import Addresses, taken
from sandbox.deployment.configuration import LOCATION, environment, new_secrets, write_secrets
from sandbox.deployment.plan import PARTS, PROJECT, Part, Plan, Server
from sandbox.deployment.ports import Ports
from sandbox.deployment.process import Process, stop
from sandbox.deployment.programs import programs, secrets_file
from sandbox.deployment.queues import make_queues
from shared.settings import PREFIX, Function, SecretName

CLOCK_FILE = "clock"
END_SECONDS = 1.5
"""For those that end at the same time. All that they know is going: nothing is worth a longer wait."""
_CALLERS = (Server.SCHEDULER, Server.TASKS)
"""They end first, with the functions that they call; then what those call."""


@dataclass(frozen=True)
class Deployment:
    """What google, ehr, secrets and store hold ends with their process; queues and tasks outlive theirs."""

    plan: Plan
    folder: Path
    """Logs, the clock, the secrets, the tasks."""
    at: Addresses
    secrets: Mapping[str, str]
    """By name."""
    processes: Mapping[Part, Process]
    google: GoogleSandbox
    ehr: EhrSandbox
    tasks: TasksSandbox
    scheduler: SchedulerSandbox

    def environment(self, function: Function) -> dict[str, str]:
        """The `CALSYNC_` variables that the function is, or will next be, started with."""
        all_of_it = self.processes[function].program.environment
        return {name: value for name, value in all_of_it.items() if name.startswith(PREFIX)}

    def configure(self, function: Function, settings: Mapping[str, str]) -> None:
        """Other settings, by name without prefix, from its next start on."""
        process = self.processes[function]
        named = {f"{PREFIX}{name}": value for name, value in settings.items()}
        changed = {**process.program.environment, **named}
        process.program = replace(process.program, environment=changed)

    def start(self, part: Part) -> None:
        """Returns when it serves, by everybody's time. Raises ChildFailedError."""
        self.processes[part].start()
        self.processes[part].wait()
        self._tell_time(part)

    def stop(self, part: Part) -> None:
        """As a platform ends an instance: what it is at may come to its end, for some seconds."""
        stop([self.processes[part]])

    def kill(self, part: Part) -> None:
        """SIGKILL, whatever it is at."""
        self.processes[part].kill()

    def restart(self, part: Part) -> None:
        """Returns when it serves again. Raises ChildFailedError."""
        self.stop(part)
        self.start(part)

    @property
    def ahead(self) -> timedelta:
        """Of the time that everything goes by, before the machine's."""
        text = (self.folder / CLOCK_FILE).read_text(encoding="utf-8")
        return timedelta(seconds=int(text.strip().removesuffix("s")))

    def set_ahead(self, ahead: timedelta) -> None:
        """The time of everything, to the second: so far ahead of the machine's."""
        set_clock_file(self.folder, ahead)
        for server in Server:
            if self.processes[server].running:
                self._tell_time(server)

    def _tell_time(self, part: Part) -> None:
        """Functions read it in the clock's file; secrets and store know none."""
        match part:
            case Server.GOOGLE:
                self.google.set_ahead(self.ahead.total_seconds())
            case Server.TASKS:
                self.tasks.set_ahead(self.ahead.total_seconds())
            case Server.SCHEDULER:
                self.scheduler.set_ahead(self.ahead.total_seconds())
            case Server.EHR:
                self.ehr.set_now(datetime.now(UTC) + self.ahead)

    def printed(self, part: Part) -> str:
        """All that it has printed, over all its lives."""
        return self.processes[part].log.read_text(encoding="utf-8", errors="replace")

    def lines(self, part: Part) -> list[dict[str, Any]]:
        """Of what it has printed, the lines of log: JSON objects."""
        found = []
        for line in self.printed(part).splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [line for line in found if isinstance(line, dict)]


def set_clock_file(folder: Path, ahead: timedelta) -> None:
    """Moved into place: whoever reads it finds all of it."""
    new = folder / f"{CLOCK_FILE}.new"
    new.write_text(f"{round(ahead.total_seconds()):+d}s\n", encoding="utf-8")
    new.replace(folder / CLOCK_FILE)


@contextlib.contextmanager
def deployed(plan: Plan, meanwhile: Callable[[], None] = lambda: None) -> Iterator[Deployment]:
    """A deployment for the length of the block. `meanwhile` is called often while it comes up; what it raises
    ends that. Raises ChildFailedError with what the part printed last.
    """
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="calsync-")))
        ports = stack.enter_context(contextlib.closing(Ports(plan.host)))
        deployment = _prepared(plan, folder, taken(ports, plan.host))
        stack.callback(_end, deployment)
        for part in plan.parts:
            deployment.processes[part].start()
        for part in plan.parts:
            deployment.processes[part].wait(meanwhile)
        _furnish(deployment)
        yield deployment


def _prepared(plan: Plan, folder: Path, at: Addresses) -> Deployment:
    """Everything but running."""
    set_clock_file(folder, plan.ahead)
    held = new_secrets(plan, at)
    write_secrets(secrets_file(folder), held)
    known = programs(plan, at, folder, lambda function: environment(function, plan, at, folder / CLOCK_FILE))
    processes = {part: Process(part.value, known[part], folder / f"{part.value}.log") for part in PARTS}
    return Deployment(
        plan,
        folder,
        at,
        held,
        processes,
        GoogleSandbox(at.google),
        EhrSandbox(at.ehr),
        TasksSandbox(at.tasks_control),
        SchedulerSandbox(at.scheduler),
    )


def _furnish(deployment: Deployment) -> None:
    """What the servers have to know before anything begins."""
    plan, at = deployment.plan, deployment.at
    if Server.TASKS in plan.parts:
        make_queues(at.tasks, PROJECT, LOCATION)
    deployment.set_ahead(plan.ahead)
    if Server.EHR in plan.parts:
        secret = deployment.secrets[SecretName.hooks_of(plan.practice)]
        deployment.ehr.expect_notices(secret)
        if plan.switched_on:
            deployment.ehr.notify(at.hook(plan.practice), secret)


def _end(deployment: Deployment) -> None:
    first = {*_CALLERS, *Function}
    stop((process for part, process in deployment.processes.items() if part in first), END_SECONDS)
    stop((process for part, process in deployment.processes.items() if part not in first), END_SECONDS)
