"""What a notification of an EHR is about: which appointments, at most. Nothing else in it is read.

Senders differ in all of it: no body at all, `{}`, the row, its type and id, a Bundle or the bare status of
the Subscriptions R5 Backport guide (hl7.org/fhir/uv/subscriptions-backport: Parameters in R4,
SubscriptionStatus in R4B, which one vendor sends without its `resourceType`), and for a deleted row
Medplum's header `X-Medplum-Deleted-Resource: Appointment/1`. What cannot be read still says "look now".

Whatever comes is text of a stranger: an id is one by FHIR's own pattern, or there is none. Numbers of events
are not looked at, and no heartbeat is missed: that would take state. Each notification is a look by itself,
and what was told in one that is lost is found by the clock.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

IDS_MAX = 20
"""Appointments of one notification that are read by their ids; where it names more, all changes are read."""

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")
_GREETINGS = ("handshake", "heartbeat")
_STATUSES = ("Parameters", "SubscriptionStatus")

_Json = Mapping[str, object]
_Name = tuple[str, str | None]
"""The type of a resource, and what stands for its id."""


class Means(Enum):
    LOOK = "look"
    """Something changed."""
    GREETING = "greeting"
    """A handshake or a heartbeat: nothing changed."""
    NOTHING = "nothing"
    """It is about resources that are not ours to sync, as Slots: free ones change with every booking."""


@dataclass(frozen=True)
class Told:
    means: Means
    ids: tuple[str, ...] = ()
    """Appointments, each once; none: it does not say which."""


def told_by(body: bytes, deleted: str = "") -> Told:
    """`deleted`: reference in a header, which counts where the body names nothing. Bounded by the body."""
    try:
        content = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        content = None
    notification = content if isinstance(content, dict) else {}
    if any(_code(status) in _GREETINGS for status in _statuses(notification)):
        return Told(Means.GREETING)
    names = list(_names(notification)) or list(_referred(deleted))
    if not names:
        return Told(Means.LOOK)
    ids = dict.fromkeys(each for kind, each in names if kind == "Appointment")
    if not ids:
        return Told(Means.NOTHING)
    usable = tuple(each for each in ids if each and _ID.fullmatch(each))
    return Told(Means.LOOK, usable if len(usable) == len(ids) <= IDS_MAX else ())


# --- what it names --------------------------------------------------------------------------------------


def _names(notification: _Json) -> Iterator[_Name]:
    """What changed."""
    for status in _statuses(notification):
        for focus in _foci(status):
            yield from _referred(focus.get("reference"))
    if notification.get("resourceType") == "Bundle":
        for entry in _objects(notification.get("entry")):
            if not _is_status(_object(entry.get("resource"))):
                yield from _named_by(entry)
    elif not _is_status(notification):
        yield from _identified(notification)


def _named_by(entry: _Json) -> Iterator[_Name]:
    """One entry may say it three times, or once."""
    yield from _identified(_object(entry.get("resource")))
    yield from _referred(entry.get("fullUrl"))
    yield from _referred(_object(entry.get("request")).get("url"))


def _identified(resource: _Json) -> Iterator[_Name]:
    kind = resource.get("resourceType")
    if isinstance(kind, str):
        given = resource.get("id")
        yield kind, given if isinstance(given, str) else None


def _referred(reference: object) -> Iterator[_Name]:
    """`Appointment/1`, at whatever server, of whatever version; nothing where it is no such reference."""
    parts = reference.partition("/_history/")[0].split("/")[-2:] if isinstance(reference, str) else []
    if len(parts) == 2 and _TYPE.fullmatch(parts[0]):
        yield parts[0], parts[1]


# --- the status of a subscription -----------------------------------------------------------------------


def _statuses(notification: _Json) -> Iterator[_Json]:
    """One, in front of the others in a Bundle or by itself."""
    if notification.get("resourceType") == "Bundle":
        entries = (_object(entry.get("resource")) for entry in _objects(notification.get("entry")))
        yield from (resource for resource in entries if _is_status(resource))
    elif _is_status(notification):
        yield notification


def _is_status(resource: _Json) -> bool:
    if "resourceType" in resource:
        return resource["resourceType"] in _STATUSES
    return "notificationEvent" in resource or resource.get("type") in _GREETINGS


def _code(status: _Json) -> object:
    """What kind of notification it is."""
    named = [
        each.get("valueCode") for each in _objects(status.get("parameter")) if each.get("name") == "type"
    ]
    return next(iter(named), status.get("type"))


def _foci(status: _Json) -> Iterator[_Json]:
    """References to what changed: R4B's and R4's."""
    for event in _objects(status.get("notificationEvent")):
        yield _object(event.get("focus"))
    for parameter in _objects(status.get("parameter")):
        if parameter.get("name") == "notification-event":
            parts = _objects(parameter.get("part"))
            yield from (_object(part.get("valueReference")) for part in parts if part.get("name") == "focus")


def _object(value: object) -> _Json:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> Iterator[_Json]:
    yield from (each for each in value if isinstance(each, dict)) if isinstance(value, list) else ()
