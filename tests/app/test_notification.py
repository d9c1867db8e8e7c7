"""What notifications are about, in every shape that senders give them; and that nothing else is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.app.notification import IDS_MAX, Means, Told, told_by

EHR = "https://ehr.example/fhir"
LOOK, GREETING, NOTHING = Told(Means.LOOK), Told(Means.GREETING), Told(Means.NOTHING)


def one(*ids: str) -> Told:
    return Told(Means.LOOK, ids)


def told(content: object, deleted: str = "") -> Told:
    return told_by(json.dumps(content).encode(), deleted)


def bundle(*entries: object) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "history", "entry": list(entries)}


def r4(kind: str = "event-notification", *foci: str) -> dict[str, Any]:
    events = [
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": "2"},
                {"name": "focus", "valueReference": {"reference": focus}},
            ],
        }
        for focus in foci
    ]
    named = [
        {"name": "subscription", "valueReference": {"reference": f"{EHR}/Subscription/9"}},
        {"name": "type", "valueCode": kind},
    ]
    return {"resourceType": "Parameters", "id": "status-1", "parameter": named + events}


def r4b(kind: str = "event-notification", *foci: str, typed: bool = True) -> dict[str, Any]:
    events = [{"eventNumber": "2", "focus": {"reference": focus}} for focus in foci]
    status = {"type": kind, "notificationEvent": events, "subscription": {"reference": "Subscription/9"}}
    return {"resourceType": "SubscriptionStatus", **status} if typed else status


def status(resource: object) -> dict[str, object]:
    return {
        "fullUrl": "urn:uuid:0",
        "resource": resource,
        "request": {"method": "GET", "url": "Subscription/9"},
    }


APPOINTMENT = f"{EHR}/Appointment/a-1"
SHAPES: dict[str, tuple[object, Told]] = {
    "the row": ({"resourceType": "Appointment", "id": "a-1", "status": "booked"}, one("a-1")),
    "its type and id": ({"resourceType": "Appointment", "id": "a-1"}, one("a-1")),
    "braces": ({}, LOOK),
    "R4, empty": (bundle(status(r4())), LOOK),
    "R4, focus": (bundle(status(r4("event-notification", APPOINTMENT))), one("a-1")),
    "R4B, empty": (bundle(status(r4b())), LOOK),
    "R4B, focus": (bundle(status(r4b("event-notification", APPOINTMENT))), one("a-1")),
    "untyped, focus": (bundle(status(r4b("event-notification", APPOINTMENT, typed=False))), one("a-1")),
    "the status alone": (r4b("event-notification", "Appointment/a-1"), one("a-1")),
    "the untyped status alone": (r4b("event-notification", "Appointment/a-1", typed=False), one("a-1")),
    "fullUrl": (bundle(status(r4()), {"fullUrl": APPOINTMENT}), one("a-1")),
    "request": (bundle({"request": {"method": "DELETE", "url": "Appointment/a-1"}}), one("a-1")),
    "request without an id": (bundle({"request": {"method": "POST", "url": "Appointment"}}), LOOK),
    "full resource": (bundle({"resource": {"resourceType": "Appointment", "id": "a-1"}}), one("a-1")),
    "a version": (bundle({"fullUrl": f"{APPOINTMENT}/_history/3"}), one("a-1")),
    "said thrice": (
        bundle(
            status(r4b("event-notification", APPOINTMENT)),
            {"fullUrl": APPOINTMENT, "resource": {"resourceType": "Appointment", "id": "a-1"}},
        ),
        one("a-1"),
    ),
    "two of them": (bundle(status(r4("event-notification", APPOINTMENT, "Appointment/b"))), one("a-1", "b")),
    "one and its patient": (bundle({"fullUrl": APPOINTMENT}, {"fullUrl": f"{EHR}/Patient/p"}), one("a-1")),
    "a slot": ({"resourceType": "Slot", "id": "s"}, NOTHING),
    "only others": (bundle(status(r4("event-notification", "Slot/s", "Patient/p"))), NOTHING),
    "R4 handshake": (bundle(status(r4("handshake"))), GREETING),
    "R4B handshake": (bundle(status(r4b("handshake"))), GREETING),
    "R4 heartbeat": (bundle(status(r4("heartbeat"))), GREETING),
    "untyped heartbeat": (bundle(status(r4b("heartbeat", typed=False))), GREETING),
}


@pytest.mark.parametrize(("content", "expected"), SHAPES.values(), ids=SHAPES)
def test_every_shape_is_understood(content: object, expected: Told) -> None:
    assert told(content) == expected


@pytest.mark.parametrize(
    "appointment_id",
    [
        "",
        "a/b",
        "a b",
        "ä",
        "x" * 65,
        "a\n",
        "../Patient/1",
        "1?_id=2",
        "1,2",
        "a_b",
        None,
        7,
        ["1"],
        {"a": "b"},
    ],
)
def test_what_is_no_id_by_fhirs_pattern_is_none(appointment_id: object) -> None:
    assert told({"resourceType": "Appointment", "id": appointment_id}) == LOOK


@pytest.mark.parametrize("appointment_id", ["1", "A.b-9", "x" * 64])
def test_what_is_an_id_is_one(appointment_id: str) -> None:
    assert told({"resourceType": "Appointment", "id": appointment_id}) == one(appointment_id)


def test_one_that_is_not_usable_has_all_changes_read() -> None:
    assert told(bundle({"fullUrl": APPOINTMENT}, {"fullUrl": f"{EHR}/Appointment/a_b"})) == LOOK


@pytest.mark.parametrize(("count", "named"), [(IDS_MAX, IDS_MAX), (IDS_MAX + 1, 0)])
def test_beyond_the_bound_all_changes_are_read(count: int, named: int) -> None:
    entries = [{"fullUrl": f"{EHR}/Appointment/{number}"} for number in range(count)]
    assert len(told(bundle(*entries)).ids) == named


@pytest.mark.parametrize(
    ("deleted", "expected"),
    [
        ("Appointment/a-1", one("a-1")),
        ("Patient/p", NOTHING),
        ("Appointment/", LOOK),
        ("Appointment/a b", LOOK),
        ("nonsense", LOOK),
        ("", LOOK),
    ],
)
def test_a_deletion_is_named_by_its_header(deleted: str, expected: Told) -> None:
    assert told({}, deleted) == expected
    assert told_by(b"", deleted) == expected


def test_a_header_does_not_outweigh_a_body() -> None:
    assert told({"resourceType": "Appointment", "id": "a-1"}, "Appointment/b") == one("a-1")


@pytest.mark.parametrize("body", [b"", b"not json", b"\xff", b"[]", b"7", b'"x"', b"null", b"[" * 100_000])
def test_what_cannot_be_read_still_says_look(body: bytes) -> None:
    assert told_by(body) == LOOK


WORDS = "resourceType id entry resource fullUrl request url parameter name part valueCode valueReference"
NAMES = [*WORDS.split(), "reference", "type", "notificationEvent", "focus"]
VALUES = ["Bundle", "Appointment", "Parameters", "heartbeat", "type", "notification-event", ""]
leaves = st.none() | st.booleans() | st.integers() | st.sampled_from(VALUES)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=20,
)


@given(anything)
def test_no_content_whatever_breaks_it(content: object) -> None:
    assert told(content).means in Means
