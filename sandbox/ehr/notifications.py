"""What a change notification says and how it is signed. No sending, no wall clock.

Bodies: nothing at all, `{}`, the row, its type and id, or a Bundle as the Subscriptions R5 Backport guide has
it (hl7.org/fhir/uv/subscriptions-backport). Senders differ in all of it; to a receiver each means "look now".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sandbox.ehr import urls
from sandbox.ehr.fhir import Change
from sandbox.ehr.instants import format_instant
from sandbox.ehr.outcome import Resource

MEDIA_TYPE = "application/fhir+json"
TOPIC = f"{urls.BASE}/SubscriptionTopic/appointments"
_STATUS_PROFILE = (
    "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-status-r4"
)
_METHODS = {"create": ("POST", "201"), "update": ("PUT", "200"), "delete": ("DELETE", "204")}


class Form(Enum):
    """How a notification is signed."""

    CALSYNC = "calsync"
    """`X-Calsync-Signature: t=<unix>,v1=<hex HMAC-SHA256 over time, a dot and the body>`."""
    MEDPLUM = "medplum"
    """`X-Signature: <hex HMAC-SHA256 over the body>`."""
    STATIC = "static"
    """`Authorization: Bearer <secret>`."""


class Body(Enum):
    EMPTY = "empty"
    BRACES = "braces"
    RESOURCE = "resource"
    ID = "id"
    BACKPORT = "backport"


class Content(Enum):
    """How much of the row a Bundle has."""

    EMPTY = "empty"
    ID_ONLY = "id-only"
    FULL_RESOURCE = "full-resource"


class Status(Enum):
    """What the first entry of a Bundle is."""

    PARAMETERS = "Parameters"
    """R4."""
    SUBSCRIPTION_STATUS = "SubscriptionStatus"
    """R4B."""
    UNTYPED = "untyped"
    """A SubscriptionStatus without its `resourceType`, as one vendor sends it."""


class Kind(Enum):
    """Of a notification, by the codes of the guide."""

    EVENT = "event-notification"
    HANDSHAKE = "handshake"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True)
class Receiver:
    """Who is told of changes, and how."""

    id: str
    url: str
    secret: str
    form: Form
    body: Body
    content: Content
    status: Status


@dataclass(frozen=True)
class Notification:
    """One thing to be told. `event_number` counts the events of its receiver, this one included."""

    kind: Kind
    event_number: int
    moment: datetime
    change: Change | None = None
    """Of an event."""


def body_of(notification: Notification, to: Receiver) -> bytes:
    """What is posted; a deleted row has no content to show: `{}`, and its name in a header."""
    if to.body is Body.BACKPORT:
        return json.dumps(_bundle(notification, to)).encode()
    change = notification.change
    assert change, "only Bundles tell anything but events"
    if to.body is Body.EMPTY:
        return b""
    if to.body is Body.ID:
        return json.dumps({"resourceType": change.resource_type, "id": change.version.id}).encode()
    if to.body is Body.RESOURCE and change.version.text:
        return change.version.text.encode()
    return b"{}"


def headers_of(notification: Notification, to: Receiver, body: bytes, now: datetime) -> dict[str, str]:
    """Those of one attempt: the timed signature is made anew for each."""
    headers = {"Content-Type": MEDIA_TYPE} if body else {}
    change = notification.change
    if body == b"{}" and change is not None and change.interaction == "delete":
        headers["X-Medplum-Deleted-Resource"] = change.reference
    return {**headers, **_signature(to, body, now)}


def _signature(to: Receiver, body: bytes, now: datetime) -> Mapping[str, str]:
    if to.form is Form.STATIC:
        return {"Authorization": f"Bearer {to.secret}"}
    if to.form is Form.MEDPLUM:
        return {"X-Signature": _mac(to.secret, body)}
    sent = str(int(now.timestamp()))
    return {"X-Calsync-Signature": f"t={sent},v1={_mac(to.secret, sent.encode() + b'.' + body)}"}


def _mac(secret: str, message: bytes) -> str:
    return hmac.digest(secret.encode(), message, hashlib.sha256).hex()


# --- Bundles --------------------------------------------------------------------------------------------


def _bundle(notification: Notification, to: Receiver) -> Resource:
    subscription = f"{urls.BASE}/Subscription/{to.id}"
    name = f"{subscription}/{notification.kind.value}/{notification.event_number}"
    status = {
        "fullUrl": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
        "resource": _status(notification, to, subscription),
        "request": {"method": "GET", "url": f"{subscription}/$status"},
        "response": {"status": "200"},
    }
    focus = (
        []
        if notification.change is None or to.content is Content.EMPTY
        else [_focus(notification.change, to.content)]
    )
    return {
        "resourceType": "Bundle",
        "type": "history",
        "timestamp": format_instant(notification.moment),
        "entry": [status, *focus],
    }


def _status(notification: Notification, to: Receiver, subscription: str) -> Resource:
    state = "requested" if notification.kind is Kind.HANDSHAKE else "active"
    count = str(notification.event_number)
    event = _event(notification, to)
    if to.status is not Status.PARAMETERS:
        typed = {"resourceType": "SubscriptionStatus"} if to.status is Status.SUBSCRIPTION_STATUS else {}
        return {
            **typed,
            "status": state,
            "type": notification.kind.value,
            "eventsSinceSubscriptionStart": count,
            **({"notificationEvent": [event]} if event else {}),
            "subscription": {"reference": subscription},
            "topic": TOPIC,
        }
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": subscription}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": state},
        {"name": "type", "valueCode": notification.kind.value},
        {"name": "events-since-subscription-start", "valueString": count},
    ]
    if event:
        parameters.append({"name": "notification-event", "part": _parts(event)})
    return {
        "resourceType": "Parameters",
        "meta": {"profile": [_STATUS_PROFILE]},
        "parameter": parameters,
    }


def _event(notification: Notification, to: Receiver) -> Resource:
    """As R4B has it; nothing of a handshake or a heartbeat."""
    change = notification.change
    if change is None:
        return {}
    event: Resource = {
        "eventNumber": str(notification.event_number),
        "timestamp": format_instant(notification.moment),
    }
    if to.content is not Content.EMPTY:
        event["focus"] = {"reference": f"{urls.BASE}/{change.reference}"}
    return event


def _parts(event: Resource) -> list[Resource]:
    """The same event as R4 has it."""
    parts: list[Resource] = [
        {"name": "event-number", "valueString": event["eventNumber"]},
        {"name": "timestamp", "valueInstant": event["timestamp"]},
    ]
    return [*parts, *([{"name": "focus", "valueReference": event["focus"]}] if "focus" in event else [])]


def _focus(change: Change, content: Content) -> Resource:
    method, status = _METHODS[change.interaction]
    url = change.resource_type if method == "POST" else change.reference
    shown = content is Content.FULL_RESOURCE and change.version.text
    return {
        "fullUrl": f"{urls.BASE}/{change.reference}",
        **({"resource": change.version.parse()} if shown else {}),
        "request": {"method": method, "url": url},
        "response": {"status": status},
    }
