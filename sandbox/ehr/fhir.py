"""The EHR's store: FHIR R4 resources with versions, search and this EHR's rules. No HTTP, no wall clock.

    store = FhirStore(now=clock.now, rng=random.Random(7))

    store.read(resource_type, resource_id, *, elements=(), by=By.SYNC) -> Resource
    store.create(resource, *, if_none_exist=None, by=By.SYNC) -> Written
    store.update(resource, *, if_match=None, by=By.SYNC) -> Written
    store.delete(resource_type, resource_id, *, if_match=None, by=By.SYNC) -> None
    store.search(resource_type, params, *, strict=False, base_url=urls.BASE) -> Resource   (a Bundle)
    store.metadata() -> Resource                                                 (a CapabilityStatement)
    store.resources(resource_type) -> list[Resource]    the truth: newest state of every row not deleted
    store.settings = Settings(...)                      may be replaced at any time
    store.on_change = listener                          told of every version once everybody sees it
    store.commit_due()                                  lets everybody see what is late, without reading

`Resource` is plain FHIR JSON (`dict[str, Any]`); it is copied in and out. `params` are (name, value) pairs as
they stand in a query string, decoded. `if_match` is a bare `meta.versionId`; `if_none_exist` is the query
string of that header. Every refusal is a FhirError (status, code, details; `.outcome()` renders it):

    400 a parameter or a body nobody can read        404 never existed        410 deleted
    409 `occupied`        412 stale `if_match`, or several rows match `if_none_exist`
    422 an invariant or value set is broken, or `appointment-protected`

Writes by `By.SYNC` obey rules.py; writes by `By.STAFF` do not, and only theirs become visible late.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from urllib.parse import parse_qsl

from sandbox.ehr import rules, urls
from sandbox.ehr.facts import Version, facts_of
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import FhirError, Resource
from sandbox.ehr.search import Params, bundle, parameters, parse_query, run, subset
from sandbox.ehr.validate import check

__all__ = ["By", "Change", "FhirError", "FhirStore", "Resource", "Settings", "Written"]

SERVED = ("Appointment", "Location", "Patient", "Practitioner", "PractitionerRole")
"""The types the CapabilityStatement names; any other type is stored and found by id and identifier."""


class By(Enum):
    """Who writes."""

    SYNC = "sync"
    STAFF = "staff"


@dataclass(frozen=True)
class Settings:
    """Where EHRs differ."""

    if_match_honoured: bool = True
    """False: `if_match` is read over, the last writer wins."""
    conditional_create: bool = True
    """False: `if_none_exist` is read over, a repeated create makes a second row."""
    last_updated_search: bool = True
    """False: `_lastUpdated` is an unknown parameter and sort key."""
    relative_next_links: bool = False
    occupied_rule: bool = False
    """True: the sync may not move an appointment onto a client appointment of the same practitioner."""
    late_visibility_seconds: float = 0.0
    """What staff write is stamped now and seen so much later, as after a long transaction: rows written
    meanwhile, with a later `lastUpdated`, have been read by then."""


@dataclass(frozen=True)
class Written:
    """What a write left behind. `status` 201: made by it; 200: was there. `changed`: it has a new version."""

    resource: Resource
    status: int
    changed: bool


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


def _nobody(_change: Change) -> None:
    """Nobody listens."""


@dataclass(slots=True)
class _Row:
    """The version everybody sees, and the one still inside its transaction."""

    resource_type: str
    committed: Version | None = None
    pending: Version | None = None
    due: datetime | None = None


class FhirStore:
    """One practice's resources. Not safe between threads."""

    def __init__(
        self, *, now: Callable[[], datetime], rng: random.Random, settings: Settings | None = None
    ) -> None:
        """`now` answers aware datetimes; `rng` makes ids and versions: the same seed, the same ids."""
        self.settings = settings or Settings()
        self.on_change: Callable[[Change], None] = _nobody
        self._now = now
        self._rng = rng
        self._rows: dict[str, dict[str, _Row]] = {}
        self._pending: list[_Row] = []

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
        row = self._rows.get(resource_type, {}).get(resource_id, _Row(resource_type))
        newest = row.pending if by is By.STAFF and row.pending else row.committed
        return subset(_alive(newest, resource_type, resource_id).parse(), elements)

    def search(
        self, resource_type: str, params: Params, *, strict: bool = False, base_url: str = urls.BASE
    ) -> Resource:
        """One page as a Bundle of type searchset; follow its `next` link by passing that link's parameters.

        `strict`: `Prefer: handling=strict`. `base_url` begins every link. Raises FhirError 400.
        """
        settings = self.settings
        query = parse_query(resource_type, params, last_updated=settings.last_updated_search, strict=strict)
        found = run(query, self._visible(resource_type))
        relative = settings.relative_next_links
        return bundle(resource_type, query, found, base_url=base_url, relative=relative)

    def resources(self, resource_type: str) -> list[Resource]:
        """The newest state of every row that is not deleted, visible to others or not, oldest row first."""
        newest = (row.pending or row.committed for row in self._rows.get(resource_type, {}).values())
        return [version.parse() for version in newest if version and version.text]

    def metadata(self) -> Resource:
        """The CapabilityStatement, as the settings make it."""
        return {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": "2026-11-01",
            "kind": "instance",
            "implementation": {"description": "Sandbox EHR", "url": urls.BASE},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json"],
            "rest": [{"mode": "server", "resource": [self._capability(name) for name in SERVED]}],
        }

    # --- writing ----------------------------------------------------------------------------------------

    def create(self, resource: Resource, *, if_none_exist: str | None = None, by: By = By.SYNC) -> Written:
        """A new row under an id of ours, whatever id came in.

        With `if_none_exist`: 201 the first time, 200 and the existing row (cancelled ones too) after that.
        Raises FhirError 400, 412, 422.
        """
        check(resource)
        if if_none_exist is not None and self.settings.conditional_create:
            existing = self._matching(resource["resourceType"], if_none_exist)
            if existing:
                return Written(existing.parse(), 200, changed=False)
        row, resource_id = _Row(resource["resourceType"]), self._new_id()
        written = self._write(row, {**resource, "id": resource_id}, by)
        self._rows.setdefault(resource["resourceType"], {})[resource_id] = row
        return Written(written, 201, changed=True)

    def update(self, resource: Resource, *, if_match: str | None = None, by: By = By.SYNC) -> Written:
        """Replaces the row that `resource["id"]` names; an equal resource keeps version and `lastUpdated`.

        Raises FhirError 400, 404, 409, 410, 412, 422.
        """
        check(resource)
        row, current = self._held(resource["resourceType"], str(resource.get("id", "")), if_match)
        before = current.parse()
        after = {**resource, "meta": {**resource.get("meta", {}), **_stamp(current)}}
        if after == before:
            return Written(before, 200, changed=False)
        if by is By.SYNC and resource["resourceType"] == "Appointment":
            self._check_rules(before, after)
        return Written(self._write(row, resource, by), 200, changed=True)

    def delete(
        self, resource_type: str, resource_id: str, *, if_match: str | None = None, by: By = By.SYNC
    ) -> None:
        """Gone for good: 410 from now on. Deleting it again is no error. Raises FhirError 404, 412, 422."""
        try:
            row, current = self._held(resource_type, resource_id, if_match)
        except FhirError as error:
            if error.status == 410:
                return
            raise
        if by is By.SYNC:
            rules.check_removal(current.parse())
        self._put(row, Version(resource_id, self._new_id(), self.now(), "", current.facts), by)

    def commit_due(self) -> None:
        """Lets everybody see what staff wrote long enough ago."""
        if not self._pending:
            return
        moment = self.now()
        for row in [row for row in self._pending if row.due and row.due <= moment]:
            self._commit(row)

    # --- inside -----------------------------------------------------------------------------------------

    def _held(self, resource_type: str, resource_id: str, if_match: str | None) -> tuple[_Row, Version]:
        """The row under its lock (a write still in its transaction ends first) and its live version."""
        row = self._rows.get(resource_type, {}).get(resource_id, _Row(resource_type))
        self._commit(row)
        current = _alive(row.committed, resource_type, resource_id)
        if if_match is not None and self.settings.if_match_honoured and if_match != current.version_id:
            raise FhirError(412, "conflict", "stale-version", "the resource has another version by now")
        return row, current

    def _check_rules(self, before: Resource, after: Resource) -> None:
        rules.check_change(before, after)
        if self.settings.occupied_rule and rules.is_moved(before, after):
            others = (each.facts for each in self._visible("Appointment") if each.id != after["id"])
            rules.check_free(after, others)

    def _matching(self, resource_type: str, if_none_exist: str) -> Version | None:
        query = parse_query(resource_type, parse_qsl(if_none_exist), last_updated=True, strict=True)
        if not query.filters:
            raise FhirError(400, "value", "if-none-exist", "If-None-Exist names no search parameter")
        found = run(query, self._visible(resource_type))
        if len(found) > 1:
            raise FhirError(412, "multiple-matches", "multiple-matches", "If-None-Exist matches several rows")
        return found[0] if found else None

    def _write(self, row: _Row, resource: Resource, by: By) -> Resource:
        stamp = {"versionId": self._new_id(), "lastUpdated": format_instant(moment := self.now())}
        stamped = {**resource, "meta": {**resource.get("meta", {}), **stamp}}
        try:
            text = json.dumps(stamped, allow_nan=False)
        except ValueError as error:
            raise FhirError(400, "structure", "json", "a number is not finite") from error
        version = Version(resource["id"], stamp["versionId"], moment, text, facts_of(resource))
        self._put(row, version, by)
        return version.parse()

    def _put(self, row: _Row, version: Version, by: By) -> None:
        if by is By.SYNC or not self.settings.late_visibility_seconds:
            self._show(row, version)
            return
        row.pending = version
        row.due = version.last_updated + timedelta(seconds=self.settings.late_visibility_seconds)
        self._pending.append(row)

    def _commit(self, row: _Row) -> None:
        if row.pending:
            version, row.pending, row.due = row.pending, None, None
            self._pending = [each for each in self._pending if each is not row]
            self._show(row, version)

    def _show(self, row: _Row, version: Version) -> None:
        change = Change(row.resource_type, version, made=row.committed is None)
        row.committed = version
        self.on_change(change)

    def _visible(self, resource_type: str) -> Iterator[Version]:
        self.commit_due()
        for row in self._rows.get(resource_type, {}).values():
            if row.committed and row.committed.text:
                yield row.committed

    def _capability(self, resource_type: str) -> Resource:
        known = parameters(resource_type)
        if not self.settings.last_updated_search:
            del known["_lastUpdated"]
        return {
            "type": resource_type,
            "interaction": [{"code": code} for code in ("read", "search-type", "create", "update", "delete")],
            "versioning": "versioned-update" if self.settings.if_match_honoured else "versioned",
            "conditionalCreate": self.settings.conditional_create,
            "searchParam": [{"name": name, "type": kind.value} for name, kind in known.items()],
        }

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._rng.getrandbits(128), version=4))


def _alive(version: Version | None, resource_type: str, resource_id: str) -> Version:
    if version is None:
        raise FhirError(404, "not-found", "unknown-id", f"there is no {resource_type}/{resource_id}")
    if not version.text:
        raise FhirError(410, "deleted", "deleted", f"{resource_type}/{resource_id} was deleted")
    return version


def _stamp(version: Version) -> Resource:
    return {"versionId": version.version_id, "lastUpdated": format_instant(version.last_updated)}
