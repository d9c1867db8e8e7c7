"""The HTTP side: control of the sandbox, and the public keys of its tokens."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

from starlette.applications import Starlette

from sandbox import control
from sandbox.control import Json
from sandbox.faults import fault_from_json
from sandbox.oidc import Issuer
from sandbox.rpc import check_fault
from sandbox.tasks.model import Model, Task
from sandbox.tasks.names import last_part
from sandbox.tasks.service import Service, Settings

Handler: TypeAlias = Callable[[Service, Json], Json]


def application(service: Service, issuer: Issuer) -> Starlette:
    """`/certs`, and all of `/control`. A wrong request answers 400 with a sentence that says why."""
    table: dict[tuple[str, str], Handler] = {
        ("GET", "tasks"): _read_tasks,
        ("GET", "history"): _read_history,
        ("POST", "run"): lambda service, _: service.run(),
        ("GET", "settings"): _read_settings,
        ("POST", "settings"): _change_settings,
        ("GET", "clock"): lambda service, _: service.clock.state(),
        ("PUT", "clock"): _set_clock,
        ("POST", "faults"): _add_fault,
        ("DELETE", "faults"): _clear_faults,
    }
    handlers = {route: functools.partial(handler, service) for route, handler in table.items()}
    return control.application(issuer, handlers)


def _read_tasks(service: Service, _: Json) -> Json:
    """Those that are waiting or running, by due time."""
    with service.using() as (model, _now):
        tasks = sorted(model.tasks.values(), key=lambda task: (task.scheduled_at, task.number))
        return {"tasks": [_task(task, model) for task in tasks]}


def _task(task: Task, model: Model) -> Json:
    return {
        "queue": last_part(task.queue),
        "name": last_part(task.name),
        "due_at": task.scheduled_at.isoformat(),
        "running": model.running(task),
        "attempts": task.dispatches,
        "responses": task.responses,
        "status": task.last.status if task.last else 0,
        "reason": task.last.reason if task.last else "",
    }


def _read_history(service: Service, data: Json) -> Json:
    last, entries = service.history(control.number_since(data))
    return {"last": last, "attempts": entries}


def _read_settings(service: Service, _: Json) -> Json:
    return vars(service.settings).copy()


def _change_settings(service: Service, data: Json) -> Json:
    for name, value in data.items():
        if name not in Settings.__dataclass_fields__:
            raise ValueError(
                f"unknown setting {name!r}; there are: {', '.join(Settings.__dataclass_fields__)}"
            )
        if not isinstance(value, bool):
            raise ValueError(f"{name!r} is true or false, not {value!r}")  # noqa: TRY004 - as above
    with service.using():
        for name, value in data.items():
            setattr(service.settings, name, value)
    return _read_settings(service, {})


def _set_clock(service: Service, data: Json) -> Json:
    with service.using():
        service.clock.set(data)
    return service.clock.state()


def _add_fault(service: Service, data: Json) -> Json:
    fault = fault_from_json(data)
    for name in ("status", "skip", "count"):
        if not isinstance(data.get(name, 0), int):
            raise ValueError(f"{name!r} is a whole number, not {data[name]!r}")  # noqa: TRY004 - as above
    check_fault(fault)
    service.faults.add(fault)
    return {"waiting": len(service.faults)}


def _clear_faults(service: Service, _: Json) -> Json:
    service.faults.clear()
    return {"waiting": 0}
