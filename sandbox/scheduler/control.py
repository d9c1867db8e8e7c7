"""What a person or a test does to the scheduler, over HTTP."""

from __future__ import annotations

from dataclasses import asdict

from starlette.applications import Starlette

from sandbox import control
from sandbox.control import Handler, Json
from sandbox.oidc import Issuer
from sandbox.scheduler.service import Service


def application(service: Service, issuer: Issuer) -> Starlette:
    def read_history(data: Json) -> Json:
        last, entries = service.history(control.number_since(data))
        return {"last": last, "attempts": entries}

    def change_settings(data: Json) -> Json:
        service.change_settings(data)
        return asdict(service.settings)

    def set_clock(data: Json) -> Json:
        service.set_clock(data)
        return service.clock.state()

    handlers: dict[tuple[str, str], Handler] = {
        ("POST", "tick"): lambda _: service.tick(),
        ("GET", "history"): read_history,
        ("GET", "settings"): lambda _: asdict(service.settings),
        ("POST", "settings"): change_settings,
        ("GET", "clock"): lambda _: service.clock.state(),
        ("PUT", "clock"): set_clock,
    }
    return control.application(issuer, handlers)
