"""Search: how parameters are read, which rows match, and the Bundle that answers.

Semantics are those of R4 search (hl7.org/fhir/R4/search.html): repeated parameters are AND, commas are OR,
dates compare at the precision given, a modifier nobody knows is refused.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlencode

from sandbox.ehr.facts import Version
from sandbox.ehr.instants import parse_range
from sandbox.ehr.outcome import FhirError, Resource
from sandbox.ehr.profiles import Settings
from sandbox.ehr.search_parameters import Kind, check_combination, parameters

Params = Sequence[tuple[str, str]]

_MANDATORY = {"Appointment": ("status", "participant"), "Slot": ("schedule", "status", "start", "end")}
"""Elements an answer keeps under `_elements`, as R4 recommends: without them it is no valid resource."""


# --- reading parameters ---------------------------------------------------------------------------------

Filter = Callable[[Version], bool]
_SORT_KEYS: dict[str, Callable[[Version], datetime | str | None]] = {
    "_lastUpdated": lambda version: version.last_updated,
    "_id": lambda version: version.id,
    "date": lambda version: version.facts.start,
    "start": lambda version: version.facts.start,
}


@dataclass(frozen=True)
class Query:
    """One search, understood."""

    filters: tuple[Filter, ...]
    understood: tuple[tuple[str, str], ...]
    """The parameters that had an effect, as the `self` link repeats them."""
    count: int
    sort: tuple[str, ...] = ()
    total: bool = False
    elements: tuple[str, ...] = ()
    offset: int = 0


def parse_query(resource_type: str, params: Params, settings: Settings, *, strict: bool) -> Query:
    """Raises FhirError 400: a value nobody can read, a modifier nobody knows, a search wider than this server
    allows, and, when `strict`, a parameter nobody knows (else it has no effect and is not in `understood`).
    """
    page = dict(params).get("_page")
    if page is not None:
        understood, offset = _read_page(page)
        return replace(parse_query(resource_type, understood, settings, strict=False), offset=offset)
    known = parameters(resource_type, settings)
    query = Query((), (), settings.page_rows)
    for name, value in params:
        following = _with(query, name, value, known, settings)
        query = following or _unknown(query, name, value, settings, strict=strict)
    check_combination(resource_type, query.understood, settings)
    return query


def _with(query: Query, name: str, value: str, known: Mapping[str, Kind], settings: Settings) -> Query | None:
    """The query with one more parameter; None where nobody knows that one."""
    bare, _, modifier = name.partition(":")
    understood = (*query.understood, (name, value))
    if bare in known:
        added = _filter(bare, modifier, value, known[bare])
        return replace(query, filters=(*query.filters, added), understood=understood)
    if name == "_count":
        count = min(_number(value), settings.page_rows_max)
        return replace(query, count=count, understood=(*query.understood, (name, str(count))))
    if name == "_total" and value in ("none", "estimate", "accurate"):
        return replace(query, total=value != "none", understood=understood)
    if name == "_elements" and settings.elements:
        return replace(query, elements=tuple(value.split(",")), understood=understood)
    if name == "_sort" and all(_sortable(key, known, settings) for key in value.split(",")):
        return replace(query, sort=tuple(value.split(",")), understood=understood)
    return None


def _unknown(query: Query, name: str, value: str, settings: Settings, *, strict: bool) -> Query:
    if settings.unknown_parameters == "nothing found" and name != "_sort":
        return replace(query, filters=(*query.filters, lambda _: False))
    if strict and settings.unknown_parameters == "refused":
        raise FhirError(400, "not-supported", "unknown-parameter", f"{name}={value} is not supported")
    return query


def _sortable(key: str, known: Mapping[str, Kind], settings: Settings) -> bool:
    return key.removeprefix("-") in settings.sort_keys and key.removeprefix("-") in known


def _number(value: str) -> int:
    if not value.isascii() or not value.isdigit():
        raise _unreadable("_count", value, "not a number")
    return int(value[:9])


def _filter(name: str, modifier: str, value: str, kind: Kind) -> Filter:
    if modifier == "not" and kind is Kind.TOKEN:
        unwanted = frozenset(value.split(","))
        return lambda version: unwanted.isdisjoint(version.facts.tokens[name])
    if modifier:
        raise FhirError(400, "not-supported", "unknown-modifier", f"{name}:{modifier} is not supported")
    if kind is Kind.DATE:
        return _date_filter(name, value)
    if kind is Kind.STRING:
        starts = tuple(part.casefold() for part in value.split(","))
        return lambda version: any(word.startswith(starts) for word in version.facts.words)
    wanted = frozenset(_spelling(part, kind) for part in value.split(","))
    return lambda version: not wanted.isdisjoint(version.facts.tokens[name])


def _spelling(part: str, kind: Kind) -> str:
    """A reference may be given as an absolute URL; its last two segments name the resource."""
    return "/".join(part.split("/")[-2:]) if kind is Kind.REFERENCE and "://" in part else part


_COMPARE: dict[str, Callable[[datetime, datetime, datetime], bool]] = {
    "eq": lambda moment, low, high: low <= moment < high,
    "ge": lambda moment, low, _high: moment >= low,
    "gt": lambda moment, _low, high: moment >= high,
    "le": lambda moment, _low, high: moment < high,
    "lt": lambda moment, low, _high: moment < low,
}


def _date_filter(name: str, value: str) -> Filter:
    prefix, rest = (value[:2], value[2:]) if value[:2].isalpha() else ("eq", value)
    if prefix not in _COMPARE:
        raise _unreadable(name, value, "prefixes are eq, ge, gt, le, lt")
    try:
        low, high = parse_range(rest)
    except ValueError as error:
        raise _unreadable(name, value, str(error)) from error
    compare, moment_of = _COMPARE[prefix], _SORT_KEYS[name]

    def matches(version: Version) -> bool:
        moment = moment_of(version)
        return isinstance(moment, datetime) and compare(moment, low, high)

    return matches


def _unreadable(name: str, value: str, why: str) -> FhirError:
    return FhirError(400, "value", "parameter", f"{name}={value}: {why}")


# --- answering ------------------------------------------------------------------------------------------


def run(query: Query, versions: Iterable[Version]) -> list[Version]:
    """Every match, in the order asked for; rows without the sorted element come last. Ties go by id."""
    found = list(versions)
    for matches in query.filters:
        found = [version for version in found if matches(version)]
    if query.sort:
        found.sort(key=lambda version: version.id)
    for key in reversed(query.sort):
        value_of = _SORT_KEYS[key.removeprefix("-")]
        keyed = [(value, version) for version in found if (value := value_of(version)) is not None]
        without = [version for version in found if value_of(version) is None]
        keyed.sort(key=lambda pair: pair[0], reverse=key.startswith("-"))
        found = [version for _, version in keyed] + without
    return found


def bundle(
    resource_type: str, query: Query, found: Sequence[Version], *, base_url: str, relative: bool
) -> Resource:
    """One page as a searchset. `relative`: the next link is relative to the base, as some servers have it.

    Next links count rows of the live result (no snapshot): rows that move meanwhile can be skipped or seen
    twice, as on most servers.
    """
    page = found[query.offset : query.offset + query.count]
    links = [{"relation": "self", "url": f"{base_url}/{_url(resource_type, query.understood)}"}]
    reached = query.offset + len(page)
    if page and reached < len(found):
        following = _url(resource_type, [("_page", _write_page(query.understood, reached))])
        links.append({"relation": "next", "url": following if relative else f"{base_url}/{following}"})
    answer: Resource = {"resourceType": "Bundle", "type": "searchset", "link": links}
    if query.total or not query.count:
        answer["total"] = len(found)
    if page:
        answer["entry"] = [_entry(version, query.elements, base_url) for version in page]
    return answer


def _entry(version: Version, elements: Sequence[str], base_url: str) -> Resource:
    resource = subset(version.parse(), elements)
    url = f"{base_url}/{resource['resourceType']}/{version.id}"
    return {"fullUrl": url, "resource": resource, "search": {"mode": "match"}}


def subset(resource: Resource, elements: Sequence[str]) -> Resource:
    """The resource with the elements named (plus the mandatory ones), tagged SUBSETTED; all without names."""
    if not elements:
        return resource
    kept = {"resourceType", "id", "meta", *_MANDATORY.get(resource["resourceType"], ()), *elements}
    tag = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
    part = {name: value for name, value in resource.items() if name.removeprefix("_") in kept}
    meta = resource.get("meta", {})
    return {**part, "meta": {**meta, "tag": [*meta.get("tag", []), tag]}}


def _url(resource_type: str, params: Params) -> str:
    return f"{resource_type}?{urlencode(params)}" if params else resource_type


def _write_page(understood: Params, offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([offset, *understood]).encode()).decode()


def _read_page(page: str) -> tuple[list[tuple[str, str]], int]:
    try:
        offset, *params = json.loads(base64.urlsafe_b64decode(page))
        understood = [(str(name), str(value)) for name, value in params if name != "_page"]
        return understood, max(0, int(offset))
    except (ValueError, TypeError, binascii.Error) as error:
        raise _unreadable("_page", page, "not a link of this server") from error
