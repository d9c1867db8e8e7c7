"""Refusals, and how FHIR renders them."""

from __future__ import annotations

from typing import Any

from sandbox.ehr import urls

Resource = dict[str, Any]
"""One FHIR resource, or a part of one, as plain JSON."""


class FhirError(Exception):
    """A refusal: HTTP status, FHIR issue type (`not-found`, `invariant`, …), our detail code, a sentence."""

    def __init__(self, status: int, code: str, details: str, text: str) -> None:
        super().__init__(f"{status} {details}: {text}")
        self.status = status
        self.code = code
        self.details = details
        self.text = text

    def outcome(self) -> Resource:
        """The OperationOutcome that a client reads."""
        details = {"coding": [{"system": urls.PROBLEM, "code": self.details}], "text": self.text}
        issue = {"severity": "error", "code": self.code, "details": details}
        return {"resourceType": "OperationOutcome", "issue": [issue]}


def dicts(value: object) -> list[Resource]:
    """The objects of a JSON list; nothing where the shape is another."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
