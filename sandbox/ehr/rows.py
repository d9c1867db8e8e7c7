"""Rows and their versions: what everybody sees, and what is still inside its transaction.

A version is stamped when it is written and seen when its transaction commits; between the two, whoever wrote
it sees it already. A later write to the same row waits for the commit, as under a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from sandbox.ehr.facts import Version
from sandbox.ehr.outcome import FhirError


@dataclass(frozen=True)
class Change:
    """A version that everybody sees from now on."""

    resource_type: str
    version: Version
    made: bool
    """It is the row's first."""

    @property
    def interaction(self) -> str:
        """As FHIR names it: `create`, `update`, `delete`."""
        if not self.version.text:
            return "delete"
        return "create" if self.made else "update"

    @property
    def reference(self) -> str:
        return f"{self.resource_type}/{self.version.id}"


@dataclass(slots=True)
class Row:
    """The version everybody sees, and the one still inside its transaction."""

    resource_type: str
    committed: Version | None = None
    pending: Version | None = None
    due: datetime | None = None

    @property
    def newest(self) -> Version | None:
        return self.pending or self.committed

    @property
    def live(self) -> Version:
        """Of a row that is there."""
        assert self.committed, "nobody sees it yet"
        return self.committed


class Rows:
    """Every row of a practice, by type and id, in the order they were made."""

    def __init__(self, now: Callable[[], datetime], on_change: Callable[[Change], None]) -> None:
        self._now = now
        self._on_change = on_change
        self._rows: dict[str, dict[str, Row]] = {}
        self._pending: list[Row] = []

    def get(self, resource_type: str, resource_id: str) -> Row:
        """An empty row where there is none of that id."""
        return self._rows.get(resource_type, {}).get(resource_id) or Row(resource_type)

    def add(self, row: Row, resource_id: str) -> None:
        self._rows.setdefault(row.resource_type, {})[resource_id] = row

    def of(self, resource_type: str) -> list[Row]:
        """All rows of a type, deleted ones and unseen ones too, oldest first."""
        return list(self._rows.get(resource_type, {}).values())

    def visible(self, resource_type: str) -> Iterator[Version]:
        """What everybody sees now."""
        self.commit_due()
        for row in self._rows.get(resource_type, {}).values():
            if row.committed and row.committed.text:
                yield row.committed

    def put(self, row: Row, version: Version, due: datetime | None) -> None:
        """The row's newest version; `due`: when everybody sees it, None: at once."""
        if due is None:
            self._show(row, version)
            return
        row.pending, row.due = version, due
        self._pending.append(row)

    def commit(self, row: Row) -> None:
        if row.pending:
            version, row.pending, row.due = row.pending, None, None
            self._pending = [each for each in self._pending if each is not row]
            self._show(row, version)

    def commit_due(self) -> None:
        """Lets everybody see what was written long enough ago."""
        if not self._pending:
            return
        moment = self._now()
        for row in [row for row in self._pending if row.due and row.due <= moment]:
            self.commit(row)

    def _show(self, row: Row, version: Version) -> None:
        change = Change(row.resource_type, version, made=row.committed is None)
        row.committed = version
        self._on_change(change)


def alive(version: Version | None, resource_type: str, resource_id: str) -> Version:
    """Raises FhirError 404, 410."""
    if version is None:
        raise FhirError(404, "not-found", "unknown-id", f"there is no {resource_type}/{resource_id}")
    if not version.text:
        raise FhirError(410, "deleted", "deleted", f"{resource_type}/{resource_id} was deleted")
    return version
