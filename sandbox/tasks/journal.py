"""What the model was told, kept in a file: a server that is killed and started again goes on where it was.

One change a line, as JSON; on opening the file is read, a last line that was cut is dropped, and the rest is
written anew in its shortest form. A change is with the operating system before it is answered, so it survives
the end of the process, not that of the machine.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

from sandbox.tasks.model import Attempt, Entry, Gone, Model, Queue, Task
from sandbox.tasks.retry import Retry

_KINDS: dict[str, type] = {kind.__name__: kind for kind in (Attempt, Gone, Queue, Retry, Task)}


class Journal:
    """A model whose changes are kept."""

    def __init__(self, path: Path, now: datetime) -> None:
        """Raises ValueError for a file that is no journal."""
        self.model = Model(self._add)
        for entry in _entries(path):
            self.model.restore(entry)
        fresh = path.with_name(f"{path.name}.new")
        with fresh.open("w", encoding="utf-8") as file:
            file.writelines(f"{_line(entry)}\n" for entry in self.model.entries(now))
        fresh.replace(path)
        self._file: TextIO = path.open("a", encoding="utf-8")

    def _add(self, entry: Entry) -> None:
        self._file.write(f"{_line(entry)}\n")
        self._file.flush()


def _entries(path: Path) -> Iterator[Entry]:
    if not path.exists():
        return
    *lines, _cut = path.read_bytes().split(b"\n")
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line, object_hook=_decoded)
        except (ValueError, TypeError, KeyError):
            raise ValueError(f"{path}, line {number}: this is no journal of tasks") from None
        if not isinstance(entry, Queue | Task | Gone):
            raise ValueError(f"{path}, line {number}: this is no journal of tasks")  # noqa: TRY004 - one error
        yield entry


def _line(entry: Entry) -> str:
    return json.dumps(entry, default=_encoded, separators=(",", ":"))


def _encoded(value: Any) -> dict[str, object]:
    match value:
        case datetime():
            return {"$": "instant", "iso": value.isoformat()}
        case timedelta():
            return {"$": "seconds", "seconds": value.total_seconds()}
        case bytes():
            return {"$": "bytes", "base64": base64.b64encode(value).decode("ascii")}
    if not is_dataclass(value):
        raise TypeError(f"a journal has no {type(value).__name__}")
    return {"$": type(value).__name__, **{each.name: getattr(value, each.name) for each in fields(value)}}


def _decoded(data: dict[str, Any]) -> object:
    match data.pop("$"):
        case "instant":
            return datetime.fromisoformat(data["iso"])
        case "seconds":
            return timedelta(seconds=data["seconds"])
        case "bytes":
            return base64.b64decode(data["base64"])
        case kind:
            return _KINDS[kind](**data)
