"""Whether a note or an invoice hangs on an appointment, asked of a FHIR server.

The chain is Appointment ← Encounter ← note or charge. Each link is searched for by itself: servers refuse the
chained search. R4's Invoice is found neither by appointment nor by encounter; it lists ChargeItems, and one
of the encounter protects whether it was invoiced or not. Of what is found only the element that refers to the
encounter is asked for, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from shared.adapters.fhir.appointments import CAME
from shared.adapters.fhir.bundles import Page, page_from_json, unreadable
from shared.adapters.fhir.elements import object_of, objects, text_of
from shared.adapters.fhir.errors import translate
from shared.adapters.fhir.feed import Params
from shared.adapters.fhir.participants import reference_of
from shared.adapters.fhir.server import STRICTLY, Server
from shared.core.errors import RetryableError, SyncError
from shared.core.model import Appointment, Kind
from shared.ports import ProtectedBy

Json = Mapping[str, Any]

ENCOUNTERS_MAX = 20
"""Of one appointment; of more it is not told. They are named in one address."""

HANGS_ON = (
    ("DocumentReference", "encounter", "context"),
    ("Composition", "encounter", "encounter"),
    ("ClinicalImpression", "encounter", "encounter"),
    ("ChargeItem", "context", "context"),
    ("Claim", "encounter", "item"),
)
"""Type, the parameter that finds it by its encounters, the element that refers to them."""


def search_params(by: str, names: Sequence[str], element: str = "", count: int = ENCOUNTERS_MAX) -> Params:
    """Of what refers to one of these by the parameter `by`: that element and no more."""
    return ((by, ",".join(names)), ("_count", str(count)), ("_elements", element or by))


class Protection(Server):
    def protection(self, row: Appointment) -> bool | None:
        """As the row says it, else as the capabilities say how it is told. Raises RetryableError."""
        if row.protected or row.code in CAME:
            return True
        match self._can.protected_by:
            case ProtectedBy.ROW:
                return row.protected
            case ProtectedBy.ENFORCED:
                return False
            case ProtectedBy.QUERY:
                return self._asked(row.id) if row.kind is Kind.CLIENT else False
            case ProtectedBy.NONE:
                return None

    def _asked(self, appointment_id: str) -> bool | None:
        """A row that a search answers beside what was asked for shows that it does not know the parameter."""
        encounters = self._found("Encounter", search_params("appointment", [f"Appointment/{appointment_id}"]))
        if encounters is None or encounters.next_url is not None:
            return None
        if not all(_refers(each, {f"Appointment/{appointment_id}"}) for each in encounters.resources):
            return None
        names = [f"Encounter/{each['id']}" for each in encounters.resources]
        return self._hangs_on(names) if names else False

    def _hangs_on(self, encounters: Sequence[str]) -> bool | None:
        searches = [(of, search_params(by, encounters, element, count=1)) for of, by, element in HANGS_ON]
        pages = self._batch(searches) or [self._found(*search) for search in searches]
        hits = [hit for page in pages if page for hit in page.resources]
        if any(_refers(hit, set(encounters)) for hit in hits):
            return True
        return None if None in pages or hits else False

    def _found(self, resource_type: str, params: Params) -> Page | None:
        """None where it is refused: the right to it is missing, or the server does not know the search."""
        try:
            return self._page(f"{resource_type}.search", params)
        except RetryableError:
            raise
        except SyncError:
            return None

    def _batch(self, searches: Sequence[tuple[str, Params]]) -> list[Page | None] | None:
        """All in one request; None where the server takes no batches."""
        urls = [f"{of}?{urlencode(params, safe='/,')}" for of, params in searches]
        entries = [{"request": {"method": "GET", "url": url}} for url in urls]
        bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
        try:
            answer = self._send("Bundle.create", "POST", "", headers=STRICTLY, body=bundle)
        except RetryableError:
            raise
        except SyncError:
            return None
        answers = objects(object_of(answer.body).get("entry"))
        if len(answers) != len(searches):
            raise unreadable()
        return [_page_of(entry, of) for entry, (of, _) in zip(answers, searches, strict=True)]


def _page_of(entry: Json, resource_type: str) -> Page | None:
    """One answer of a batch, as `_found` gives it."""
    response = object_of(entry.get("response"))
    code = text_of(response.get("status"))[:3]
    if not (code.isascii() and code.isdigit()):
        raise unreadable()
    if code.startswith("2"):
        return page_from_json(entry.get("resource"), resource_type)
    error = translate(int(code), response.get("outcome"), f"{resource_type}.search", {})
    if isinstance(error, RetryableError):
        raise error
    return None


def _refers(resource: object, names: set[str]) -> bool:
    """Whether it refers, wherever in it, to one of these."""
    return not names.isdisjoint(_references(resource))


def _references(value: object) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield "/".join(reference_of(value))
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
