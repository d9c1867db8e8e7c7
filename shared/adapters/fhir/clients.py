"""Clients on a FHIR server: what their labels are made of, and whose appointments have to be labelled anew.

A new name does not change an appointment, so the patients have a feed of their own. Of it no name is read,
and the ids that its cursor holds are hidden by whoever stores it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from shared.adapters.fhir.bundles import Page
from shared.adapters.fhir.elements import instant_text, object_of
from shared.adapters.fhir.feed import newest_cursor, read_changes
from shared.adapters.fhir.people import ELEMENTS, client_from_json, replaced_by, replaces
from shared.adapters.fhir.reading import LISTED_MAX, REFUSED
from shared.adapters.fhir.server import IDS_AT_ONCE, Json, Server, in_chunks, path_of
from shared.core.errors import BlockedError
from shared.core.model import Appointment, Client
from shared.core.policy import LabelMode
from shared.ports import FeedCursor, FeedPage, GoneError

MERGES_MAX = 3
"""Followed from one patient to whoever replaced them; beyond it they count as missing."""
PATIENTS_ENOUGH = 100
"""New ones after which one reading ends: each may have appointments for a year."""

_PATIENT = "Patient"
_FEED = f"{_PATIENT}.changes"
_STANDS_FOR = "stands for"
"""Where a row of the feed keeps the ids behind the hidden one; no element is called so."""


class Clients(Server):
    @property
    def has_internal_ids(self) -> bool:
        return self._settings.internal_id_system is not None

    def clients(self, patient_ids: Iterable[str], mode: LabelMode) -> dict[str, Client]:
        """Of a patient who was merged into another: that one's."""
        found: dict[str, Json] = {}
        stands_for = merged = {each: each for each in patient_ids}
        for _ in range(MERGES_MAX + 1):
            stands_for = stands_for | merged
            found |= self._patients(set(merged.values()) - found.keys(), mode)
            into = {each: replaced_by(found.get(now, {})) for each, now in stands_for.items()}
            merged = {each: survivor for each, survivor in into.items() if survivor is not None}
            if not merged:
                break
        return {
            each: client_from_json(found[now], mode, self._settings)
            for each, now in stands_for.items()
            if now in found and each not in merged
        }

    def _patients(self, patient_ids: Iterable[str], mode: LabelMode) -> dict[str, Json]:
        found: dict[str, Json] = {}
        for chunk in in_chunks(sorted(patient_ids)):
            found |= {raw["id"]: raw for raw in self._patients_at_once(chunk, mode) if raw["id"] in chunk}
        return found

    def _patients_at_once(self, patient_ids: Sequence[str], mode: LabelMode) -> list[Json]:
        """One by one, and whole, where the server does not take the search; no more than LISTED_MAX rows of
        one that reads over `_id`.
        """
        ids, elements = ",".join(patient_ids), ELEMENTS[mode]
        params = (("_id", ids), ("_elements", elements), ("_count", str(IDS_AT_ONCE)))
        try:
            return list(islice(self._search(_PATIENT, params), LISTED_MAX))
        except BlockedError as error:
            if error.reason != REFUSED:
                raise
        return [raw for each in patient_ids if (raw := self._patient(each)) is not None]

    def _patient(self, patient_id: str) -> Json | None:
        try:
            answer = self._send(f"{_PATIENT}.read", "GET", path_of(_PATIENT, patient_id))
        except GoneError:
            return None
        return self._resource(answer, _PATIENT)

    # --- what changed of them ---------------------------------------------------------------------------

    def clients_now(self) -> FeedCursor:
        params = (("_sort", "-_lastUpdated"), ("_count", "1"), ("_elements", "id,meta"))
        return newest_cursor(self._page(_FEED, params))

    def clients_changed(self, cursor: FeedCursor, start: datetime, hide: Callable[[str], str]) -> FeedPage:
        """Raises BlockedError `ehr_cannot_list_changes` where the server cannot search patients by change."""
        read = read_changes(
            lambda params: _hidden(self._page(_FEED, (*params, ("_elements", "id,meta,link"))), hide),
            lambda url: _hidden(self._following(_FEED, url), hide),
            cursor,
            self._settings,
            enough=PATIENTS_ENOUGH,
        )
        patients = [patient for row in read.rows for patient in row[_STANDS_FOR]]
        return FeedPage(self._appointments_of(patients, start), read.cursor, read.complete)

    def _appointments_of(self, patient_ids: Iterable[str], start: datetime) -> tuple[Appointment, ...]:
        """What a server answers beyond what was asked is left out."""
        rows: dict[str, Appointment] = {}
        for chunk in in_chunks(patient_ids):
            params = (
                ("patient", ",".join(chunk)),
                ("date", f"ge{instant_text(start)}"),
                ("_count", str(self._settings.page_size)),
            )
            for row in map(self._appointment, self._search("Appointment", params)):
                begins = row.when.start if row.when else None
                asked = isinstance(begins, datetime) and begins >= start
                if asked and not set(chunk).isdisjoint(row.patient_ids):
                    rows[row.id] = row
        return tuple(rows.values())


def _hidden(page: Page, hide: Callable[[str], str]) -> Page:
    """The page as the feed may see it: whoever keeps its cursor keeps no patient's id."""
    return replace(page, resources=tuple(_hidden_row(raw, hide) for raw in page.resources))


def _hidden_row(raw: Json, hide: Callable[[str], str]) -> dict[str, Any]:
    """With those whom this patient has replaced: their appointments have the label of this one."""
    patient = raw["id"]
    return {"id": hide(patient), "meta": object_of(raw.get("meta")), _STANDS_FOR: [patient, *replaces(raw)]}
