"""Faults a test or a person asks a sandbox server for.

A fault names an operation (`events.patch`, `Appointment.update`, `*`) and what happens to its next calls:
`status` with `reason` answers so without doing anything; `lost` does the work and then drops the answer.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar


@dataclass(frozen=True)
class Fault:
    operation: str
    """Exact operation name, or `*` for every one."""
    status: int = 0
    """HTTP status to answer instead; 0 with `lost` only."""
    reason: str = ""
    message: str = ""
    lost: bool = False
    """Do the work, then close the connection without an answer."""
    body: str | None = None
    """Answer this text instead of the usual error body (an HTML page, a cut JSON)."""
    retry_after_seconds: int | None = None
    skip: int = 0
    """Let this many matching calls pass first."""
    count: int = 1
    """How many calls it hits."""

    def check(self) -> None:
        """Raises ValueError for a fault that would do nothing."""
        if not self.status and not self.lost:
            raise ValueError("a fault needs a 'status' or 'lost': true")


F = TypeVar("F", bound=Fault)


def fault_from_json(data: dict[str, Any]) -> Fault:
    """A Fault from its JSON form. Raises ValueError naming what is missing or unknown."""
    return fault_of_kind(Fault, data)


def fault_of_kind(kind: type[F], data: dict[str, Any]) -> F:
    """As `fault_from_json`, for a server whose faults know more."""
    known = kind.__dataclass_fields__
    unknown = sorted(set(data) - set(known))
    if unknown or "operation" not in data:
        wrong = f"unknown: {', '.join(unknown)}" if unknown else "'operation' is missing"
        raise ValueError(f"not a fault ({wrong}); fields: {', '.join(known)}")
    fault = kind(**data)
    fault.check()
    return fault


class Waiting(Generic[F]):
    """The faults still to come, oldest first. Safe between threads."""

    def __init__(self) -> None:
        self._faults: list[F] = []
        self._lock = threading.Lock()

    def add(self, fault: F) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, operation: str) -> F | None:
        """The fault that hits this call, if one does."""
        with self._lock:
            for index, fault in enumerate(self._faults):
                if fault.operation not in ("*", operation):
                    continue
                if fault.skip:
                    self._faults[index] = replace(fault, skip=fault.skip - 1)
                    return None
                if fault.count > 1:
                    self._faults[index] = replace(fault, count=fault.count - 1)
                else:
                    del self._faults[index]
                return fault
            return None

    def __len__(self) -> int:
        with self._lock:
            return len(self._faults)


class Faults(Waiting[Fault]):
    """Of a server whose faults are the plain ones."""
