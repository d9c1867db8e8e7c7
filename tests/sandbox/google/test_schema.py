"""The checker of Google's schemas finds what is wrong, so that what it passes is right."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.google.discovery import methods
from tests.sandbox.google.schema import answer_problems, read_only, request_problems

TIME = {"dateTime": "2026-03-10T10:00:00+01:00"}
EVENT = {"kind": "calendar#event", "etag": '"1"', "id": "aaaaa", "start": TIME, "end": TIME}


def test_what_is_right_passes() -> None:
    whole = {**EVENT, "sequence": 0, "reminders": {"useDefault": True}, "status": "tentative"}
    assert answer_problems("Event", whole) == []
    assert answer_problems("Events", {"kind": "calendar#events", "items": [whole]}) == []
    assert answer_problems("Event", {"extendedProperties": {"private": {"any": "text"}}}) == []
    assert answer_problems("Error", {"reason": "one Google adds later"}) == []
    assert request_problems("events.insert", {"sendUpdates": "none"}, {"start": TIME, "end": TIME}) == []
    assert request_problems("events.patch", {}, {"summary": None}) == []
    assert request_problems("events.quickAdd", {"text": "Tea"}, None) == []


@pytest.mark.parametrize(
    ("schema", "value", "problem"),
    [
        ("Event", [], "Event: list where object is due"),
        ("Event", {"colour": "1"}, "Event.colour: unknown"),
        ("Event", {"kind": "calendar#events"}, "Event.kind: calendar#events"),
        ("Event", {"summary": 5}, "Event.summary: int where string is due"),
        ("Event", {"summary": None}, "Event.summary: NoneType where string is due"),
        ("Event", {"sequence": True}, "Event.sequence: bool where integer is due"),
        ("Event", {"sequence": 2**31}, "Event.sequence: beyond 32 bits"),
        ("Event", {"locked": "true"}, "Event.locked: str where boolean is due"),
        ("Event", {"status": "maybe"}, "Event.status: none of confirmed, tentative, cancelled"),
        ("Event", {"updated": "2026-03-10"}, "Event.updated: no date-time"),
        ("Event", {"start": {"dateTime": "2026-03-10T10:00:00"}}, "Event.start.dateTime: no date-time"),
        ("Event", {"start": {"date": "10 March"}}, "Event.start.date: no date"),
        ("Event", {"extendedProperties": {"private": {"k": 1}}}, "Event.extendedProperties.private.k: int"),
        ("Event", {"reminders": {"overrides": [{"method": "sms"}]}}, "Event.reminders.overrides[0].method"),
        ("Channel", {"expiration": 1}, "Channel.expiration: int where string is due"),
        ("Channel", {"expiration": "soon"}, "Channel.expiration: no int64"),
        ("FreeBusyResponse", {"calendars": {"x": {"busy": {}}}}, "FreeBusyResponse.calendars.x.busy: dict"),
    ],
)
def test_what_is_wrong_in_an_answer_is_named(schema: str, value: Any, problem: str) -> None:
    (found,) = answer_problems(schema, value)
    assert found.startswith(problem)


@pytest.mark.parametrize(
    ("method", "query", "body", "problem"),
    [
        ("events.insert", {}, {"start": TIME}, "Event.end: missing"),
        ("events.import", {}, {"start": TIME, "end": TIME}, "Event.iCalUID: missing"),
        ("calendars.insert", {}, {}, "Calendar.summary: missing"),
        ("acl.insert", {}, {"role": "reader", "scope": {}}, "AclRule.scope.type: missing"),
        ("events.insert", {}, None, "no object for a body"),
        ("events.quickAdd", {"text": "Tea"}, {}, "a body where there is none"),
        ("events.quickAdd", {}, None, "?text: missing"),
        ("events.list", {"color": "1"}, None, "?color: unknown"),
        ("events.list", {"eventId": "1"}, None, "?eventId: unknown"),
        ("events.list", {"maxResults": "0"}, None, "?maxResults: no number from 1"),
        ("events.list", {"showDeleted": "True"}, None, "?showDeleted: no boolean"),
        ("events.list", {"orderBy": "name"}, None, "?orderBy: none of startTime, updated"),
        ("events.list", {"timeMin": "2026-03-10"}, None, "?timeMin: no date-time"),
        ("events.list", {"q": ["a", "b"]}, None, "?q: given more than once"),
    ],
)
def test_what_is_wrong_in_a_request_is_named(method: str, query: Any, body: Any, problem: str) -> None:
    assert method in methods()
    (found,) = request_problems(method, query, body)
    assert found.startswith(problem)


def test_properties_nobody_can_write_are_named() -> None:
    assert read_only("events.insert", {"summary": "x", "htmlLink": "x", "organizer": {}}) == [
        "htmlLink",
        "organizer",
    ]
    assert read_only("events.import", {"organizer": {}}) == []
