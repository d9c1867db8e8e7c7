"""The HTTP side: control of the sandbox, and the public keys of its tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.faults import fault_from_json
from sandbox.rpc import check_fault
from sandbox.tasks.model import Model, Task
from sandbox.tasks.names import last_part
from sandbox.tasks.service import Service, Settings
from sandbox.tasks.tokens import Issuer

Json: TypeAlias = dict[str, Any]
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

    def certs(_: Request) -> Response:
        return JSONResponse(issuer.certs())

    return Starlette(
        routes=[
            Route("/certs", certs),
            *(
                Route(f"/control/{path}", _endpoint(service, handler), methods=[method])
                for (method, path), handler in table.items()
            ),
        ]
    )


def _endpoint(service: Service, handler: Handler) -> Callable[[Request], Any]:
    async def answer(request: Request) -> Response:
        try:
            data = {**request.query_params, **_object(await request.body())}
            return JSONResponse(await run_in_threadpool(handler, service, data))  # a run takes its time
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 400)

    return answer


def _object(body: bytes) -> Json:
    try:
        data = json.loads(body or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is no JSON: {error}") from None
    if not isinstance(data, dict):
        raise ValueError("the body is no JSON object")  # noqa: TRY004 - answered with the others
    return data


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
    since = str(data.get("since", 0))
    if not since.isdecimal():
        raise ValueError(f"'since' is the number of an attempt, not {since!r}")
    last, entries = service.history(int(since))
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
