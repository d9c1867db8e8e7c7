"""Pages of a search (hl7.org/fhir/R4/http.html#paging)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.adapters.fhir.elements import object_of, objects, text_of
from shared.core.errors import RetryableError


@dataclass(frozen=True)
class Page:
    """The matches of one page. Links as the server gave them, next one opaque; "" and None where missing."""

    resources: tuple[Mapping[str, Any], ...]
    self_url: str
    next_url: str | None


def page_from_json(body: object, resource_type: str) -> Page:
    """Raises RetryableError for what is no searchset, or has a match without an id."""
    bundle = object_of(body)
    if bundle.get("resourceType") != "Bundle":
        raise unreadable()
    entries = [object_of(entry.get("resource")) for entry in objects(bundle.get("entry"))]
    matches = tuple(resource for resource in entries if resource.get("resourceType") == resource_type)
    if not all(isinstance(resource.get("id"), str) for resource in matches):
        raise unreadable()
    links = {link.get("relation"): link.get("url") for link in objects(bundle.get("link"))}
    return Page(matches, text_of(links.get("self")), text_of(links.get("next")) or None)


def resource_from_json(body: object, resource_type: str) -> Mapping[str, Any]:
    """One resource. Raises RetryableError for anything else."""
    resource = object_of(body)
    if resource.get("resourceType") != resource_type or not isinstance(resource.get("id"), str):
        raise unreadable()
    return resource


def unreadable() -> RetryableError:
    return RetryableError("ehr_answer_unreadable")
