"""One row of a FHIR server changed or taken away, over the version that was read, as this server takes it.

Most servers compare the version themselves (`If-Match`), so nothing of somebody else's is written over. Where
one does not, or a row has no version to compare, the row is read before and after: what somebody writes
between the first look and our write, some milliseconds, is lost; what they write after ours is met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from shared.adapters.fhir.appointments import etag_of
from shared.adapters.fhir.bodies import IN_ERROR, has_unknown_modifiers, without_reason
from shared.adapters.fhir.elements import object_of
from shared.adapters.fhir.errors import NoAnswerError
from shared.adapters.fhir.exchange import MEDIA_TYPE, Answer
from shared.adapters.fhir.patches import JSON_PATCH, MERGE_PATCH, changed, json_patch, merge_patch
from shared.adapters.fhir.reading import Reading, place_of
from shared.adapters.fhir.server import path_of
from shared.adapters.fhir.slots import TYPE as SLOT
from shared.adapters.fhir.slots import slot_from_json
from shared.core.errors import BlockedError, RejectedError, StaleError
from shared.core.model import Appointment, Status
from shared.ports import GoneError, ProtectedError, Writes

Json = Mapping[str, Any]

RETURN_ROW = {"Prefer": "return=representation"}


class Changing(Reading):
    def _change(self, row: Appointment, resource: Json) -> Appointment:
        """`resource` in the place of `row`: what the EHR holds afterwards; nothing is sent where all is so.

        A lost answer is looked for: the goal there is success. Raises StaleError, GoneError, ProtectedError,
        RejectedError.
        """
        if has_unknown_modifiers(row.raw, self._settings):
            raise RejectedError("ehr_unknown_modifier")
        if not changed(row.raw, resource):
            return row
        goal = self._like(row, resource)
        looks = self._must_look(row)
        answered = self._sent(self._unchanged(row) if looks else row, resource)
        if answered is None or looks:
            now = self._there(row)
            if answered is None and not _same(now, goal):
                raise NoAnswerError
            if answered is not None and not _same(now, answered):
                raise StaleError("ehr_stale")
            answered = now
        if _state(row) == _state(answered) != _state(goal):
            raise RejectedError("ehr_not_taken")
        return answered

    def _remove(self, row: Appointment) -> Appointment:
        """Take away a row that we made: deleted, or entered in error where the server deletes nothing.

        Gone already is success. Raises StaleError, ProtectedError, RejectedError.
        """
        resource_type, path = _address(row)
        try:
            tag = etag_of((self._unchanged(row) if self._must_look(row) else row).raw)
            headers = {"If-Match": tag} if tag else {}
            self._send(f"{resource_type}.delete", "DELETE", path, headers=headers)
        except GoneError:
            pass
        except NoAnswerError:
            if self._read_one(row.id) is not None:
                raise
        except (BlockedError, RejectedError) as error:
            if isinstance(error, ProtectedError) or error.reason == "ehr_unauthorized":
                raise
            return self._change(row, without_reason({**row.raw, "status": IN_ERROR}))
        return replace(row, status=Status.OVER)

    def _must_look(self, row: Appointment) -> bool:
        """Whether the server would write over any version of this row."""
        heeded = self._can.checks_versions and self._can.writes is not Writes.MERGE_PATCH
        return not heeded or etag_of(row.raw) is None

    def _unchanged(self, row: Appointment) -> Appointment:
        """The row as it is now. Raises StaleError where it is another than the one that was read."""
        now = self._there(row)
        if now != row and (etag_of(row.raw) is not None or replace(now, version=row.version) != row):
            raise StaleError("ehr_stale")
        return now

    def _there(self, row: Appointment) -> Appointment:
        now = self._read_one(row.id)
        if now is None:
            raise GoneError("ehr_gone")
        return now

    def _sent(self, row: Appointment, resource: Json) -> Appointment | None:
        """The row as it was answered; None where the answer is lost or says nothing of the row."""
        method, kind, body = self._request(row.raw, resource)
        tag = etag_of(row.raw)
        headers = {**RETURN_ROW, "Content-Type": kind, **({"If-Match": tag} if tag else {})}
        resource_type, path = _address(row)
        try:
            answer = self._send(f"{resource_type}.update", method, path, headers=headers, body=body)
        except NoAnswerError:
            return None
        except ProtectedError:
            raise
        except RejectedError:
            if self._can.writes is Writes.JSON_PATCH:  # a test that fails is refused like a mistake
                self._unchanged(row)
            raise
        raw = self._answered(answer, resource_type)
        return None if raw is None else self._like(row, raw)

    def _answered(self, answer: Answer, resource_type: str) -> Json | None:
        """None where a server answers a write with nothing, or with an OperationOutcome."""
        said = object_of(answer.body).get("resourceType") == resource_type
        return self._resource(answer, resource_type) if said else None

    def _like(self, row: Appointment, raw: Json) -> Appointment:
        """Another state of the row. A slot is still of those whose schedule it is in."""
        if raw.get("resourceType") == SLOT:
            return slot_from_json(raw, self._settings, *row.practitioner_ids)
        return self._appointment(raw)

    def _request(self, before: Json, after: Json) -> tuple[str, str, Any]:
        """Method, media type and body."""
        if self._can.writes is Writes.JSON_PATCH:
            return "PATCH", JSON_PATCH, json_patch(before, after)
        if self._can.writes is Writes.MERGE_PATCH:
            return "PATCH", MERGE_PATCH, merge_patch(before, after)
        return "PUT", MEDIA_TYPE, after


def _address(row: Appointment) -> tuple[str, str]:
    """Type and path."""
    resource_type, resource_id = place_of(row.id)
    return resource_type, path_of(resource_type, resource_id)


def _state(row: Appointment) -> tuple[object, ...]:
    """Whether and when it is: an answer that shows neither as was asked for is a refusal."""
    return row.status, row.when


def _same(one: Appointment, other: Appointment) -> bool:
    """Whether all that a write may change is the same."""
    ours, theirs = (
        (each.status, each.code, each.when, each.title, each.busy, each.identifier) for each in (one, other)
    )
    return ours == theirs
