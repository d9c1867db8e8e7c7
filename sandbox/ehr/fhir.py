"""The EHR's store: FHIR R4 resources with versions, search and this EHR's rules. No HTTP, no wall clock.

    store = FhirStore(now=clock.now, rng=random.Random(7))

    store.read(resource_type, resource_id, *, elements=(), by=By.SYNC) -> Resource
    store.create(resource, *, if_none_exist=None, by=By.SYNC) -> Written
    store.take_over(resource) -> Resource        a row from another EHR, under the id it has there; by staff
    store.update(resource, *, if_match=None, by=By.SYNC) -> Written
    store.patch(resource_type, resource_id, change, *, if_match=None, by=By.SYNC) -> Written
    store.delete(resource_type, resource_id, *, if_match=None, by=By.SYNC) -> None
    store.search(resource_type, params, *, strict=False, base_url=urls.BASE) -> Resource   (a Bundle)
    store.metadata() -> Resource                                                 (a CapabilityStatement)
    store.resources(resource_type) -> list[Resource]    the truth: newest state of every row not deleted
    store.settings = Settings(...)                      may be replaced at any time; see profiles.py
    store.locked = {"Appointment/7"}                    rows that somebody has open: the sync is refused
    store.hours = {"Practitioner/1": Hours(...)}        when practitioners work, for those who say so
    with store.transaction(commit_seconds=5): ...       what staff write in it is seen together, so much later
    store.on_change = listener                          told of every version once everybody sees it
    store.commit_due()                                  lets everybody see what is late, without reading

`Resource` is plain FHIR JSON (`dict[str, Any]`); it is copied in and out. `params` are (name, value) pairs as
they stand in a query string, decoded. `if_match` is a bare `meta.versionId`; `if_none_exist` is the query
string of that header. Every refusal is a FhirError (status, code, details; `.outcome()` renders it):

    400 a parameter or a body nobody can read, a search too wide, an update under an id that never was
    404 never existed        410 deleted        409 `occupied`        423 `locked`
    412 or 409 stale `if_match`        412 none where one is needed, or several rows match `if_none_exist`
    422 an invariant or value set is broken, a patch cannot be done, `appointment-protected`, `out-of-hours`

Writes by `By.SYNC` obey rules.py; writes by `By.STAFF` do not, and only theirs become visible late.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from urllib.parse import parse_qsl

from sandbox.ehr import rules, urls
from sandbox.ehr.facts import Version, facts_of
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import FhirError, Resource
from sandbox.ehr.profiles import MEDPLUM, PROFILES, Settings
from sandbox.ehr.records import has_record
from sandbox.ehr.rows import Change, Row, Rows, alive
from sandbox.ehr.rules import Hours, Rulebook
from sandbox.ehr.search import Params, bundle, parse_query, run, subset
from sandbox.ehr.stamps import next_number, stamp_of, stamped
from sandbox.ehr.statement import statement
from sandbox.ehr.validate import check

__all__ = ["PROFILES", "By", "Change", "FhirError", "FhirStore", "Hours", "Resource", "Settings", "Written"]


class By(Enum):
    """Who writes."""

    SYNC = "sync"
    STAFF = "staff"


@dataclass(frozen=True)
class Written:
    """What a write left behind. `status` 201: made by it; 200: was there. `changed`: it has a new version."""

    resource: Resource
    status: int
    changed: bool


def _nobody(_change: Change) -> None:
    """Nobody listens."""


class FhirStore:
    """One practice's resources. Not safe between threads."""

    def __init__(
        self, *, now: Callable[[], datetime], rng: random.Random, settings: Settings | None = None
    ) -> None:
        """`now` answers aware datetimes; `rng` makes ids and versions: the same seed, the same ids."""
        self.settings = settings or Settings()
        self.on_change: Callable[[Change], None] = _nobody
        self.locked: frozenset[str] = frozenset()
        self.hours: Mapping[str, Hours] = {}
        self._now = now
        self._rng = rng
        self._rows = Rows(self.now, self._tell)
        self._commits_at: datetime | None = None

    def now(self) -> datetime:
        """The store's clock: UTC, whole milliseconds."""
        moment = self._now().astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    # --- reading ----------------------------------------------------------------------------------------

    def read(
        self, resource_type: str, resource_id: str, *, elements: Sequence[str] = (), by: By = By.SYNC
    ) -> Resource:
        """Staff see what they wrote even while it is not visible to others. Raises FhirError 404, 410."""
        self.commit_due()
        row = self._rows.get(resource_type, resource_id)
        version = row.newest if by is By.STAFF else row.committed
        return subset(alive(version, resource_type, resource_id).parse(), elements)

    def search(
        self, resource_type: str, params: Params, *, strict: bool = False, base_url: str = urls.BASE
    ) -> Resource:
        """One page as a Bundle of type searchset; follow its `next` link by passing that link's parameters.

        `strict`: `Prefer: handling=strict`. `base_url` begins every link. Raises FhirError 400.
        """
        query = parse_query(resource_type, params, self.settings, strict=strict)
        found = run(query, self._rows.visible(resource_type))
        relative = self.settings.relative_next_links
        return bundle(resource_type, query, found, base_url=base_url, relative=relative)

    def resources(self, resource_type: str) -> list[Resource]:
        """The newest state of every row that is not deleted, visible to others or not, oldest row first."""
        newest = (row.newest for row in self._rows.of(resource_type))
        return [version.parse() for version in newest if version and version.text]

    def metadata(self) -> Resource:
        """The CapabilityStatement, as the settings make it. Raises FhirError 404."""
        return statement(self.settings)

    # --- writing ----------------------------------------------------------------------------------------

    def create(self, resource: Resource, *, if_none_exist: str | None = None, by: By = By.SYNC) -> Written:
        """A new row under an id of ours, whatever id came in.

        With `if_none_exist`: 201 the first time, 200 and the existing row (cancelled ones too) after that.
        Raises FhirError 400, 412, 422.
        """
        check(resource, self.settings)
        if if_none_exist is not None and self.settings.conditional_create:
            existing = self._matching(resource["resourceType"], if_none_exist)
            if existing:
                return Written(existing.parse(), 200, changed=False)
        row, resource_id = Row(resource["resourceType"]), self._new_id()
        written = self._write(row, {**resource, "id": resource_id}, by)
        self._rows.add(row, resource_id)
        return Written(written, 201, changed=True)

    def take_over(self, resource: Resource) -> Resource:
        """A row from another EHR, under the id that it has there. Raises FhirError 400, 409, 422."""
        check(resource, self.settings)
        resource_type, resource_id = resource["resourceType"], str(resource.get("id", ""))
        if not resource_id or self._rows.get(resource_type, resource_id).newest:
            raise FhirError(409, "duplicate", "taken-id", f"{resource_type}/{resource_id} is no new id")
        row = Row(resource_type)
        written = self._write(row, resource, By.STAFF)
        self._rows.add(row, resource_id)
        return written

    def update(self, resource: Resource, *, if_match: str | None = None, by: By = By.SYNC) -> Written:
        """Replaces the row that `resource["id"]` names; an equal resource keeps version and `lastUpdated`.

        Raises FhirError 400, 404, 409, 410, 412, 422, 423.
        """
        check(resource, self.settings)
        resource_type, resource_id = resource["resourceType"], str(resource.get("id", ""))
        if by is By.SYNC and self._rows.get(resource_type, resource_id).newest is None:
            status = self.settings.unknown_update_status
            raise FhirError(status, "not-found", "unknown-id", f"there is no {resource_type}/{resource_id}")
        row = self._held(resource_type, resource_id, by)
        self._check_version(row, if_match, by, honoured=self.settings.if_match_honoured)
        return self._replace(row, resource, by, keeps=self.settings.equal_put_keeps_version)

    def patch(
        self,
        resource_type: str,
        resource_id: str,
        change: Callable[[Resource], Resource],
        *,
        if_match: str | None = None,
        by: By = By.SYNC,
    ) -> Written:
        """Replaces the row by what `change` makes of it, under the same rules as an update.

        Raises FhirError 400, 404, 409, 410, 412, 422, 423, and what `change` raises.
        """
        row = self._held(resource_type, resource_id, by)
        self._check_version(row, if_match, by, honoured=self.settings.if_match_on_patch)
        before = row.live.parse()
        after = change(before)
        if any(after.get(name) != before[name] for name in ("resourceType", "id")):
            raise FhirError(400, "invalid", "id", "a patch leaves type and id as they are")
        check(after, self.settings)
        return self._replace(row, after, by, keeps=True)

    def delete(
        self, resource_type: str, resource_id: str, *, if_match: str | None = None, by: By = By.SYNC
    ) -> None:
        """Gone for good: 410 from now on. Deleting it again is no error.

        Raises FhirError 404, 409, 412, 422, 423.
        """
        try:
            row = self._held(resource_type, resource_id, by)
        except FhirError as error:
            if error.status == 410:
                return
            raise
        self._check_version(row, if_match, by, honoured=self.settings.if_match_honoured)
        current = row.live
        if by is By.SYNC:
            rules.check_removal(current.parse(), self._rulebook(resource_id))
        self._put(row, Version(resource_id, self._new_id(), self.now(), "", current.facts), by)

    @contextmanager
    def transaction(self, *, commit_seconds: float) -> Iterator[None]:
        """What staff write in it is stamped as it is written, and seen by everybody together at the end."""
        self._commits_at = self.now() + timedelta(seconds=commit_seconds)
        try:
            yield
        finally:
            self._commits_at = None

    def commit_due(self) -> None:
        """Lets everybody see what staff wrote long enough ago."""
        self._rows.commit_due()

    # --- inside -----------------------------------------------------------------------------------------

    def _tell(self, change: Change) -> None:
        self.on_change(change)

    def _held(self, resource_type: str, resource_id: str, by: By) -> Row:
        """The row under its lock: a write still in its transaction ends first."""
        row = self._rows.get(resource_type, resource_id)
        self._rows.commit(row)
        alive(row.committed, resource_type, resource_id)
        if by is By.SYNC and f"{resource_type}/{resource_id}" in self.locked:
            raise FhirError(423, "lock-error", "locked", "somebody has it open")
        return row

    def _check_version(self, row: Row, if_match: str | None, by: By, *, honoured: bool) -> None:
        if by is By.STAFF or not honoured:
            return
        if if_match is None and self.settings.if_match_required:
            raise FhirError(412, "required", "version-needed", "a write needs If-Match")
        if if_match is not None and if_match != row.live.version_id:
            status = self.settings.stale_status
            raise FhirError(status, "conflict", "stale-version", "the resource has another version by now")

    def _replace(self, row: Row, resource: Resource, by: By, *, keeps: bool) -> Written:
        """`keeps`: an equal resource makes no version."""
        current = row.live
        before = current.parse()
        after = stamped(resource, stamp_of(before))
        if after == before and (keeps or by is By.STAFF):
            return Written(before, 200, changed=False)
        if by is By.SYNC and resource["resourceType"] == "Appointment":
            others = (each.facts for each in self._rows.visible("Appointment") if each.id != current.id)
            rules.check_change(before, after, self._rulebook(current.id), others)
        return Written(self._write(row, resource, by), 200, changed=True)

    def _rulebook(self, resource_id: str) -> Rulebook:
        return Rulebook(self.settings, self.hours, lambda: has_record(self._rows, resource_id))

    def _matching(self, resource_type: str, if_none_exist: str) -> Version | None:
        query = parse_query(resource_type, parse_qsl(if_none_exist), MEDPLUM, strict=True)
        if not query.filters:
            raise FhirError(400, "value", "if-none-exist", "If-None-Exist names no search parameter")
        found = run(query, self._rows.visible(resource_type))
        if len(found) > 1:
            raise FhirError(412, "multiple-matches", "multiple-matches", "If-None-Exist matches several rows")
        return found[0] if found else None

    def _write(self, row: Row, resource: Resource, by: By) -> Resource:
        version_id, moment = self._new_version(row), self.now()
        stamp = {"versionId": version_id, "lastUpdated": format_instant(moment)}
        whole = stamped(resource, {} if self.settings.versions == "none" else stamp)
        try:
            text = json.dumps(whole, allow_nan=False)
        except ValueError as error:
            raise FhirError(400, "structure", "json", "a number is not finite") from error
        version = Version(resource["id"], version_id, moment, text, facts_of(resource))
        self._put(row, version, by)
        return version.parse()

    def _put(self, row: Row, version: Version, by: By) -> None:
        late = self.settings.late_visibility_seconds
        due = self._commits_at
        if due is None and late:
            due = version.last_updated + timedelta(seconds=late)
        self._rows.put(row, version, due if by is By.STAFF else None)

    def _new_version(self, row: Row) -> str:
        if self.settings.versions != "number":
            return self._new_id()
        return next_number(row.newest.version_id if row.newest else None)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))
