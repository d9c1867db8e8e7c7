"""What a deployment on this machine is to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum

from sandbox.emulator import EmulatorFiles
from sandbox.serving import LOOPBACK
from shared.settings import Function

PROJECT = "demo-calsync"
"""Firestore takes projects that begin with `demo-` for local ones."""
PRACTICE = "demo"


class Server(Enum):
    """What stands for the world around the functions."""

    GOOGLE = "google"
    EHR = "ehr"
    TASKS = "tasks"
    SECRETS = "secrets"
    STORE = "store"
    SCHEDULER = "scheduler"


Part = Server | Function
"""One process."""
PARTS: tuple[Part, ...] = (*Server, *Function)


@dataclass(frozen=True)
class Plan:
    practice: str = PRACTICE
    emulator: EmulatorFiles | None = None
    """None: our own small Firestore is the store."""
    seed: int = 1
    """Of all chance in the sandboxes."""
    ahead: timedelta = timedelta(0)
    """Of the time that everything goes by, before the machine's."""
    tick_seconds: int = 60
    """Between two runs of channel_renewer; 0: only when the scheduler is told."""
    parts: tuple[Part, ...] = PARTS
    """What runs at first; all else can be started."""
    host: str = LOOPBACK
    """Everything listens there; another one of loopback keeps two deployments apart."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of the functions, by name without prefix (`LEASE_S`); they come before those that are worked out."""
    switched_on: bool = True
    """The EHR tells push_webhook of its changes."""
