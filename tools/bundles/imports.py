"""What a program imports, from its text: the project's own modules, followed, and names of others."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Reached:
    files: tuple[str, ...]
    """Of the project's own package, relative to its root, sorted."""
    foreign: frozenset[str]
    """Dotted names of all that is imported from elsewhere; the last part may be no module."""


def reached(root: Path, main: Path, package: str) -> Reached:
    """What `main` imports, and what that imports, wherever the imports stand.

    Modules of `package` below `root` are followed. Each file is read once, which ends it.
    """
    files: set[Path] = set()
    foreign: set[str] = set()
    waiting = [main]
    while waiting:
        for name in imported(waiting.pop()):
            if name.partition(".")[0] != package:
                foreign.add(name)
                continue
            new = set(_files_of(root, name)) - files
            files |= new
            waiting += sorted(new)
    return Reached(tuple(sorted(path.relative_to(root).as_posix() for path in files)), frozenset(foreign))


def imported(path: Path) -> Iterator[str]:
    """Dotted names; of `from a import b` it is `a.b`. Raises ValueError for a relative import."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                raise ValueError(f"{path}:{node.lineno}: a relative import")
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(root: Path, name: str) -> Iterator[Path]:
    """The module of that name, or that which it is part of, with the packages above it."""
    for each in prefixes(name):
        path = root.joinpath(*each.split("."))
        yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())


def prefixes(name: str) -> Iterable[str]:
    """`a`, `a.b`, `a.b.c` of `a.b.c`."""
    parts = name.split(".")
    return (".".join(parts[: count + 1]) for count in range(len(parts)))
