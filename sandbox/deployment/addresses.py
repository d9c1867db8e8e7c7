"""Where the parts of a deployment listen; known before any of them is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.deployment.ports import Ports
from shared.settings import Function


@dataclass(frozen=True)
class Addresses:
    """URLs have no slash at their end."""

    google: str
    """`http://127.0.0.1:PORT`, and so are all without a word."""
    ehr: str
    tasks: str
    """`127.0.0.1:PORT`: gRPC"""
    tasks_control: str
    secrets: str
    """`127.0.0.1:PORT`: gRPC"""
    store: str
    """`127.0.0.1:PORT`: gRPC"""
    scheduler: str
    functions: Mapping[Function, str]

    @property
    def redirect(self) -> str:
        """Where a consent leads back to."""
        return f"{self.functions[Function.OAUTH_CALLBACK]}/oauth/callback"

    @property
    def push(self) -> str:
        """Where Google sends its messages."""
        return f"{self.functions[Function.PUSH_WEBHOOK]}/google"

    def hook(self, practice: str) -> str:
        """Where the EHR of a practice sends its notifications."""
        return f"{self.functions[Function.PUSH_WEBHOOK]}/ehr/{practice}"


def taken(ports: Ports, host: str) -> Addresses:
    """Ports of our own for everything."""

    def address() -> str:
        return f"{host}:{ports.take()}"

    return Addresses(
        google=f"http://{address()}",
        ehr=f"http://{address()}",
        tasks=address(),
        tasks_control=f"http://{address()}",
        secrets=address(),
        store=address(),
        scheduler=f"http://{address()}",
        functions={function: f"http://{address()}" for function in Function},
    )
