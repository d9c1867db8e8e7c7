"""The sandbox Google stands alone: it imports itself, the standard library, and little else."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
FOREIGN = {"cryptography", "dateutil", "icalendar", "starlette", "uvicorn"}


def imports(path: Path) -> Iterator[str]:
    """Dotted names of the modules and names that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(name: str) -> list[Path]:
    """Of the project, for a dotted name: of the module, or of the one it is a name in."""
    place = ROOT.joinpath(*name.split("."))
    return [path for path in (place.with_suffix(".py"), place.parent.with_suffix(".py")) if path.is_file()]


def test_it_needs_few_packages_and_four_neighbours() -> None:
    waiting = sorted((ROOT / "sandbox/google").glob("*.py"))
    seen, packages = set(waiting), set()
    while waiting:
        for name in imports(waiting.pop()):
            packages.add(name.partition(".")[0])
            found = [path for path in files(name) if path not in seen]
            seen.update(found)
            waiting.extend(found)
    assert packages - sys.stdlib_module_names == FOREIGN | {"sandbox"}
    neighbours = {str(path.relative_to(ROOT)) for path in seen if path.parent.name != "google"}
    assert neighbours == {
        "sandbox/faults.py",
        "sandbox/lost.py",
        "sandbox/serving.py",
        "sandbox/week/files.py",
    }
