"""Which of the locked distributions an import needs, with all that those need in turn.

Nothing is listed by hand: who owns a module and what a distribution requires is asked of what is installed
here, and what may be deployed is what `requirements/runtime.txt` locks.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib import metadata
from pathlib import PurePosixPath

from tools.bundles.imports import prefixes

READ_BY_THE_STANDARD_LIBRARY = {"zoneinfo": "tzdata"}
"""Distributions that no import names: the data of modules of the standard library."""

_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==")
_REQUIRED = re.compile(r"^\s*([A-Za-z0-9][\w.-]*)\s*(?:\[([^\]]*)\])?")
_EXTRA = re.compile(r"""\bextra\s*==\s*["']([\w.-]+)["']""")


class UnknownImportError(Exception):
    """No locked distribution has that module."""


class Lock:
    """A lock file, whose every distribution stands in this environment."""

    def __init__(self, text: str) -> None:
        self._pins = _pins(text)

    def needed_for(self, names: Iterable[str]) -> str:
        """A requirements file for these imports, with versions, markers and hashes as they are locked.

        Raises UnknownImportError.
        """
        needed = self._closure({owner for name in names if (owner := self._owner(name)) is not None})
        return "".join(pin for name, pin in self._pins.items() if name in needed)

    def _owner(self, name: str) -> str | None:
        """The distribution that has the module; None: the standard library."""
        top = name.partition(".")[0]
        if top in sys.stdlib_module_names:
            return READ_BY_THE_STANDARD_LIBRARY.get(top)
        for each in reversed(list(prefixes(name))):
            if each in self._owners:
                return self._owners[each]
        raise UnknownImportError(name)

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        return {module: name for name in self._pins for module in _modules(name)}

    def _closure(self, direct: Iterable[str]) -> set[str]:
        """With what they require; whatever the lock does not have is for another platform or Python."""
        met: set[tuple[str, str]] = set()
        waiting = [(name, "") for name in direct]
        while waiting:
            each = waiting.pop()
            if each in met or each[0] not in self._pins:
                continue
            met.add(each)
            waiting += _required(*each)
        return {name for name, _ in met}


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(text: str) -> dict[str, str]:
    """The lines of each distribution, by its name."""
    pins: dict[str, str] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        found = _PIN.match(line)
        name = normalised(found[1]) if found else name
        if name and not line.startswith("#"):
            pins[name] = pins.get(name, "") + line
    return pins


def _modules(name: str) -> Iterable[str]:
    """Dotted names of a distribution's modules; none where it is not for this platform or Python."""
    try:
        files = metadata.distribution(name).files or []
    except metadata.PackageNotFoundError:
        return
    for file in files:
        path = PurePosixPath(file)
        if path.suffix in (".py", ".so", ".pyd"):
            parts = [*path.parts[:-1], path.name.partition(".")[0]]
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _required(name: str, extra: str) -> Iterable[tuple[str, str]]:
    """What a distribution asks for, or one extra of it: names, each with every extra that is wanted of it.

    Markers of platforms and Pythons are not judged here: they stand in the lock, for whoever installs it.
    """
    try:
        lines = metadata.distribution(name).requires or []
    except metadata.PackageNotFoundError:
        return
    for line in lines:
        requirement, _, marker = line.partition(";")
        of_extras = {normalised(each) for each in _EXTRA.findall(marker)}
        found = _REQUIRED.match(requirement)
        if found is not None and (extra in of_extras if extra else not of_extras):
            yield normalised(found[1]), ""
            wanted = (found[2] or "").split(",")
            yield from ((normalised(found[1]), normalised(each.strip())) for each in wanted if each.strip())
