"""A Bundle of type batch: several GETs in one request (hl7.org/fhir/R4/http.html, section batch)."""

from __future__ import annotations

from collections.abc import Callable
from http.client import responses
from urllib.parse import parse_qsl, urlsplit

from sandbox.ehr.outcome import FhirError, Resource, dicts
from sandbox.ehr.profiles import Settings
from sandbox.ehr.rest import Answer, Call, check_caller, json_object, refusal

ENTRIES_MAX = 100


def batch(settings: Settings, call: Call, perform: Callable[[Call], Answer]) -> Answer:
    """A Bundle of GETs, each done by `perform` and answered in its place; lost as a whole if one is lost."""
    try:
        check_caller(settings, call)
        entries = _batch_entries(settings, call)
    except FhirError as error:
        return refusal(error)
    answers = [_batched(call, entry, perform) for entry in entries]
    resource = {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [_batch_answer(each) for each in answers],
    }
    return Answer(200, resource, lost=any(each.lost for each in answers))


def _batch_entries(settings: Settings, call: Call) -> list[Resource]:
    if not settings.batch:
        raise FhirError(405, "not-supported", "interaction", "nothing is posted to the base here")
    bundle = json_object(call.body)
    entries = dicts(bundle.get("entry"))
    if (bundle.get("resourceType"), bundle.get("type")) != ("Bundle", "batch"):
        raise FhirError(400, "not-supported", "batch", "only a Bundle of type batch is taken here")
    if len(entries) > ENTRIES_MAX:
        raise FhirError(400, "too-costly", "batch", f"a batch has at most {ENTRIES_MAX} entries")
    return entries


def _batched(call: Call, entry: Resource, perform: Callable[[Call], Answer]) -> Answer:
    request = entry.get("request")
    request = request if isinstance(request, dict) else {}
    if request.get("method") != "GET":
        return refusal(FhirError(405, "not-supported", "batch", "a batch may only GET here"))
    url = urlsplit(str(request.get("url", "")))
    path = tuple(filter(None, url.path.split("/")))
    return perform(Call("GET", path, parse_qsl(url.query), call.headers, base_url=call.base_url))


def _batch_answer(each: Answer) -> Resource:
    response: Resource = {"status": f"{each.status} {responses.get(each.status, '')}"}
    if "ETag" in each.headers:
        response["etag"] = each.headers["ETag"]
    if each.status >= 400:
        return {"response": {**response, "outcome": each.resource}}
    return {"response": response, "resource": each.resource}
