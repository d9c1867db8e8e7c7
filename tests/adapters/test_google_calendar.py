from __future__ import annotations

import contextlib
import json
import re
import socketserver
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httplib2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import RefreshError

from shared.adapters.google_calendar import (
    GoogleCalendarService,
    GoogleCalls,
    event_from_json,
    event_to_json,
    google_credentials,
    new_event_to_json,
    translate,
    translate_refresh,
)
from shared.adapters.google_calendar.service import LIST_PAGES_MAX
from shared.core.errors import (
    BlockedError,
    GrantDeadError,
    OverLimitError,
    RejectedError,
    RetryableError,
    StaleError,
    SyncError,
)
from shared.core.model import Event, Kind, Marker, What, When
from shared.ports import (
    Channel,
    CursorLostError,
    EventWrite,
    GoneError,
    NewChannel,
    RefusedError,
    TakenError,
)

DENVER = ZoneInfo("America/Denver")
SUMMARY = "Patient Erika Mustermann"


def at(hour: int, minute: int = 0, day: int = 2) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def read(raw: dict[str, Any], zone: str | None = None) -> Event:
    return event_from_json({"id": "e1", "etag": '"1"', "status": "confirmed", **raw}, zone, DENVER)


# --- reading an event: when -----------------------------------------------------------------------------

NINE = {"dateTime": "2026-03-02T09:00:00Z"}


@pytest.mark.parametrize(
    ("start", "end", "when"),
    [
        pytest.param(NINE, {"dateTime": "2026-03-02T10:00:00Z"}, When(at(9), at(10)), id="UTC"),
        pytest.param(
            {"dateTime": "2026-03-02T09:00:00-07:00", "timeZone": "Europe/Berlin"},
            {"dateTime": "2026-03-02T18:00:00+01:00"},
            When(at(16), at(17)),
            id="the offset counts, not the zone beside it",
        ),
        pytest.param(
            {"dateTime": "2026-03-02T09:00:00", "timeZone": "Europe/Berlin"},
            {"dateTime": "2026-03-02T10:00:00", "timeZone": "Europe/Berlin"},
            When(at(8), at(9)),
            id="without offset: its own zone",
        ),
        pytest.param(
            {"dateTime": "2026-03-02T09:00:00", "timeZone": "Europe/Nowhere"},
            {"dateTime": "2026-03-02T10:00:00", "timeZone": "America"},
            When(at(0), at(1)),
            id="a zone nobody knows: the calendar's",
        ),
        pytest.param(
            {"dateTime": "2026-03-02T09:00:00-07:00", "timeZone": "Europe/Nowhere"},
            {"dateTime": "2026-03-02T10:00:00-07:00", "timeZone": "Europe/Nowhere"},
            When(at(16), at(17)),
            id="a zone nobody knows beside an offset: the offset",
        ),
        pytest.param(
            {"dateTime": "2026-03-02T09:00:00.999Z"},
            {"dateTime": "2026-03-02T10:00:00.001Z"},
            When(at(9), at(10)),
            id="fractions are cut",
        ),
        pytest.param(NINE, {"dateTime": "2026-03-02T08:00:00Z"}, When(at(9), at(9)), id="backwards: a point"),
        pytest.param(NINE, NINE, When(at(9), at(9)), id="zero minutes: a point"),
        pytest.param(NINE, None, When(at(9), at(10)), id="no end: one hour"),
        pytest.param(NINE, {"dateTime": "soon"}, When(at(9), at(10)), id="an end nobody can read: one hour"),
        pytest.param(
            NINE, {"date": "2026-03-03"}, When(at(9), at(10)), id="an end of the other form: one hour"
        ),
        pytest.param(
            {"date": "2026-03-02"},
            {"date": "2026-03-05"},
            When(date(2026, 3, 2), date(2026, 3, 5)),
            id="all day, end exclusive",
        ),
        pytest.param(
            {"date": "2026-03-02"},
            {"date": "2026-03-02"},
            When(date(2026, 3, 2), date(2026, 3, 3)),
            id="all day, no longer than nothing: one day",
        ),
        pytest.param(
            {"date": "2026-03-02"},
            {"date": "2026-02-02"},
            When(date(2026, 3, 2), date(2026, 3, 3)),
            id="all day, backwards: one day",
        ),
        pytest.param(
            {"date": "2026-03-02"},
            None,
            When(date(2026, 3, 2), date(2026, 3, 3)),
            id="all day, no end: one day",
        ),
        pytest.param(
            {"date": "2026-03-02"}, NINE, When(date(2026, 3, 2), date(2026, 3, 3)), id="all day, a timed end"
        ),
        pytest.param(None, NINE, None, id="no start"),
        pytest.param({}, NINE, None, id="an empty start"),
        pytest.param({"timeZone": "UTC"}, NINE, None, id="a start of a zone alone"),
        pytest.param({"dateTime": "0000-01-01T00:00:00Z"}, NINE, None, id="year zero"),
        pytest.param({"date": "0000-01-01"}, None, None, id="year zero, all day"),
        pytest.param({"date": "9999-12-31"}, None, None, id="the last day there is has no day after"),
        pytest.param({"dateTime": "9999-12-31T23:59:59-07:00"}, None, None, id="past the last instant"),
        pytest.param({"dateTime": 5}, NINE, None, id="a number for a start"),
        pytest.param("tomorrow", "later", None, id="texts for objects"),
    ],
)
def test_when_an_event_is(start: object, end: object, when: When | None) -> None:
    assert read({"start": start, "end": end}, "Asia/Tokyo").when == when


def test_a_time_without_offset_or_any_zone_is_the_practitioners() -> None:
    event = read({"start": {"dateTime": "2026-03-02T09:00:00"}, "end": {"dateTime": "2026-03-02T10:00:00"}})
    assert event.when == When(at(16), at(17))


def test_a_calendar_zone_nobody_knows_is_passed_over() -> None:
    event = read({"start": {"dateTime": "2026-03-02T09:00:00"}}, "../etc/passwd")
    assert event.when == When(at(16), at(17))


# --- reading an event: the rest -------------------------------------------------------------------------


def test_a_bare_tombstone_is_read() -> None:
    event = event_from_json({"id": "_60q30c1g", "status": "cancelled"}, None, DENVER)
    assert (event.id, event.version, event.cancelled, event.when) == ("_60q30c1g", "", True, None)


def test_what_is_left_out_has_googles_defaults() -> None:
    event = read({"start": NINE})
    assert event.what == What("", "", "", busy=True, private=False, recurring=False)
    assert (event.cancelled, event.marker, event.series) == (False, None, False)


def test_texts_are_in_canonical_form() -> None:
    event = read({"summary": " Cafe\u0301 ", "description": "a\r\nb\rc\n", "location": "\tRoom 1"})
    assert event.what == What("Caf\u00e9", "a\nb\nc", "Room 1", private=False)


@pytest.mark.parametrize(
    ("raw", "busy_and_private"),
    [
        ({"transparency": "opaque", "visibility": "default"}, (True, False)),
        ({"transparency": "transparent", "visibility": "public"}, (False, False)),
        ({"transparency": "transparent", "visibility": "private"}, (False, True)),
        ({"visibility": "confidential"}, (True, True)),
    ],
)
def test_busy_and_private(raw: dict[str, Any], busy_and_private: tuple[bool, bool]) -> None:
    what = read(raw).what
    assert (what.busy, what.private) == busy_and_private


@pytest.mark.parametrize(
    ("raw", "recurring_and_series"),
    [
        ({"recurrence": ["RRULE:FREQ=DAILY"]}, (True, True)),
        ({"recurringEventId": "master"}, (False, True)),
        ({"recurrence": []}, (False, False)),
    ],
)
def test_a_master_recurs_and_an_instance_is_of_a_series(
    raw: dict[str, Any], recurring_and_series: tuple[bool, bool]
) -> None:
    event = read(raw)
    assert (event.what.recurring, event.series) == recurring_and_series


@pytest.mark.parametrize(
    ("properties", "marker"),
    [
        ({"k": "cal.key", "g": "3"}, Marker("cal", "key", 3)),
        ({"k": "cal.key.start", "g": "0"}, Marker("cal", "key.start", 0)),
        ({"k": "cal.key"}, None),
        ({"g": "3"}, None),
        ({"k": "cal.key", "g": "-1"}, None),
        ({"k": "calkey", "g": "1"}, None),
        (None, None),
        (["k"], None),
    ],
)
def test_the_marker_is_both_private_properties(properties: object, marker: Marker | None) -> None:
    assert (
        read({"extendedProperties": {"private": properties, "shared": {"k": "x.y", "g": "9"}}}).marker
        == marker
    )


def test_parts_of_another_shape_read_as_missing() -> None:
    event = read({"summary": 5, "description": None, "extendedProperties": "none", "etag": 7})
    assert (event.what.summary, event.what.description, event.marker, event.version) == ("", "", None, "")


# --- writing an event -----------------------------------------------------------------------------------

WRITE = EventWrite(When(at(9), at(10)), What("Client"), Kind.CLIENT, Marker("cal", "key", 2))


def test_a_timed_write_clears_the_date() -> None:
    assert event_to_json(EventWrite(WRITE.when)) == {
        "start": {"dateTime": "2026-03-02T09:00:00Z", "date": None},
        "end": {"dateTime": "2026-03-02T10:00:00Z", "date": None},
    }


def test_an_all_day_write_clears_time_and_zone() -> None:
    assert event_to_json(EventWrite(When(date(2026, 3, 2), date(2026, 3, 4)))) == {
        "start": {"date": "2026-03-02", "dateTime": None, "timeZone": None},
        "end": {"date": "2026-03-04", "dateTime": None, "timeZone": None},
    }


def test_all_that_is_ours_of_a_client_event_is_written() -> None:
    assert event_to_json(EventWrite(what=What("C-1", "notes", "", busy=False))) == {
        "summary": "C-1",
        "description": "notes",
        "location": None,
        "transparency": "transparent",
        "visibility": "private",
        "recurrence": None,
    }


def test_of_a_personal_event_only_summary_and_busy_are_written() -> None:
    write = EventWrite(what=What("", "mine", "here", private=False), kind=Kind.PERSONAL)
    assert event_to_json(write) == {"summary": None, "transparency": "opaque"}


def test_a_write_of_nothing_is_empty() -> None:
    assert event_to_json(EventWrite()) == {}


def test_a_new_event_is_private_reminds_nobody_and_has_no_null() -> None:
    assert new_event_to_json("abc", WRITE) == {
        "id": "abc",
        "start": {"dateTime": "2026-03-02T09:00:00Z"},
        "end": {"dateTime": "2026-03-02T10:00:00Z"},
        "summary": "Client",
        "transparency": "opaque",
        "visibility": "private",
        "reminders": {"useDefault": False, "overrides": []},
        "extendedProperties": {"private": {"k": "cal.key", "g": "2"}},
    }


def test_a_new_personal_event_is_private_too() -> None:
    write = EventWrite(When(date(2026, 3, 2), date(2026, 3, 3)), What(""), Kind.PERSONAL)
    body = new_event_to_json("abc", write)
    assert (body["visibility"], body["start"], "summary" in body) == (
        "private",
        {"date": "2026-03-02"},
        False,
    )


@pytest.mark.parametrize("when", [When(at(9), at(10)), When(date(2026, 3, 2), date(2026, 3, 4))])
def test_what_is_written_reads_back_the_same(when: When) -> None:
    write = EventWrite(when, What("a", "b", "c"), Kind.CLIENT, Marker("cal", "key", 2))
    event = read(new_event_to_json("abc", write))
    assert (event.when, event.what, event.marker) == (when, write.what, write.marker)


# --- errors ---------------------------------------------------------------------------------------------

OPERATIONS = (
    "calendarList.list",
    "calendarList.get",
    "calendars.insert",
    "events.list",
    "events.get",
    "events.insert",
    "events.patch",
    "events.delete",
    "events.watch",
    "channels.stop",
)
READS = ("calendarList.list", "calendarList.get", "events.list", "events.get")
WRITES = (
    "calendars.insert",
    "events.insert",
    "events.patch",
    "events.delete",
    "events.watch",
    "channels.stop",
)
ONE_EVENT = ("events.get", "events.insert", "events.patch", "events.delete")
OF_A_LIST = ("calendarList.list", "calendarList.get", "calendars.insert", "events.list", "events.watch")


def envelope(reason: str, message: str = SUMMARY) -> bytes:
    detail = {"domain": "global", "reason": reason, "message": message}
    return json.dumps({"error": {"errors": [detail], "code": 0, "message": message}}).encode()


def front_end_envelope(info: str) -> bytes:
    detail = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": info, "domain": "googleapis.com"}
    error = {"code": 403, "message": SUMMARY, "status": "PERMISSION_DENIED", "details": [detail]}
    return json.dumps({"error": error}).encode()


HTML = b"<!DOCTYPE html><title>Error 403 (Forbidden)!!1</title>"

TABLE = [
    (
        400,
        envelope("invalid", "Invalid sync token value."),
        ("events.list",),
        CursorLostError,
        "google_cursor_lost",
    ),
    (
        400,
        envelope("invalid", "Invalid page token value."),
        ("events.list",),
        CursorLostError,
        "google_cursor_lost",
    ),
    (
        400,
        envelope("invalid", "Invalid sync token value."),
        ("events.patch",),
        RejectedError,
        "google_invalid",
    ),
    (400, envelope("invalid"), (*WRITES, "events.get"), RejectedError, "google_invalid"),
    (400, envelope("required"), WRITES, RejectedError, "google_invalid"),
    (400, envelope("timeRangeEmpty"), ("events.list", "calendarList.list"), BlockedError, "google_invalid"),
    (400, HTML, ("events.list",), BlockedError, "google_invalid"),
    (400, envelope("channelIdNotUnique"), ("events.watch",), TakenError, "google_id_taken"),
    (
        400,
        envelope("pushNotSupportedForRequestedResource"),
        ("events.watch",),
        RejectedError,
        "google_not_watchable",
    ),
    (400, envelope("push.webhookUrlNotHttps"), ("events.watch",), BlockedError, "google_push_address"),
    (401, envelope("push.webhookUrlUnauthorized"), ("events.watch",), BlockedError, "google_push_address"),
    (401, envelope("authError"), OPERATIONS, BlockedError, "google_unauthorized"),
    (403, envelope("rateLimitExceeded"), OPERATIONS, OverLimitError, "google_rate_limit"),
    (403, envelope("userRateLimitExceeded"), OPERATIONS, OverLimitError, "google_rate_limit"),
    (403, front_end_envelope("RATE_LIMIT_EXCEEDED"), OPERATIONS, OverLimitError, "google_rate_limit"),
    (403, envelope("quotaExceeded"), OPERATIONS, OverLimitError, "google_use_limit"),
    (403, envelope("dailyLimitExceeded"), OPERATIONS, RetryableError, "google_daily_limit"),
    (403, envelope("accessNotConfigured"), OPERATIONS, BlockedError, "google_api_disabled"),
    (403, front_end_envelope("SERVICE_DISABLED"), OPERATIONS, BlockedError, "google_api_disabled"),
    (403, envelope("insufficientPermissions"), OPERATIONS, BlockedError, "google_scope_missing"),
    (
        403,
        front_end_envelope("ACCESS_TOKEN_SCOPE_INSUFFICIENT"),
        OPERATIONS,
        BlockedError,
        "google_scope_missing",
    ),
    (403, envelope("notACalendarUser"), OPERATIONS, BlockedError, "google_calendar_not_enabled"),
    (403, envelope("forbidden"), ONE_EVENT, RejectedError, "google_forbidden"),
    (403, envelope("forbiddenForNonOrganizer"), ONE_EVENT, RejectedError, "google_forbidden"),
    (403, envelope("requiredAccessLevel"), ONE_EVENT, RejectedError, "google_forbidden"),
    (403, envelope("somethingNew"), ONE_EVENT, RejectedError, "google_forbidden"),
    (403, envelope("forbidden"), OF_A_LIST, BlockedError, "google_calendar_forbidden"),
    (403, envelope("forbidden"), ("channels.stop",), GoneError, "google_channel_gone"),
    (403, HTML, OPERATIONS, RetryableError, "google_forbidden_without_reason"),
    (403, b"", OPERATIONS, RetryableError, "google_forbidden_without_reason"),
    (403, None, OPERATIONS, RetryableError, "google_forbidden_without_reason"),
    (403, b'{"error": {"errors": [{"rea', OPERATIONS, RetryableError, "google_forbidden_without_reason"),
    (
        404,
        envelope("notFound"),
        ("events.get", "events.patch", "events.delete"),
        GoneError,
        "google_event_gone",
    ),
    (
        404,
        HTML,
        ("events.list", "events.insert", "events.watch", "calendarList.get"),
        GoneError,
        "google_calendar_gone",
    ),
    (404, envelope("notFound"), ("channels.stop",), GoneError, "google_channel_gone"),
    (410, b"", ("channels.stop",), GoneError, "google_channel_gone"),
    (404, envelope("notFound"), ("calendarList.list", "calendars.insert"), RetryableError, "google_refused"),
    (409, envelope("duplicate"), ("events.insert",), TakenError, "google_id_taken"),
    (409, HTML, ("events.insert",), TakenError, "google_id_taken"),
    (409, envelope("conflict"), ("events.patch", "events.delete"), StaleError, "google_conflict"),
    (410, envelope("fullSyncRequired"), ("events.list",), CursorLostError, "google_cursor_lost"),
    (410, envelope("updatedMinTooLongAgo"), ("events.list",), CursorLostError, "google_cursor_lost"),
    (410, b"", ("events.list",), CursorLostError, "google_cursor_lost"),
    (410, envelope("deleted"), ("events.list",), GoneError, "google_calendar_gone"),
    (
        410,
        envelope("deleted"),
        ("events.get", "events.patch", "events.delete"),
        GoneError,
        "google_event_gone",
    ),
    (412, envelope("conditionNotMet"), ("events.patch", "events.delete"), StaleError, "google_stale"),
    (412, envelope("conditionNotMet"), ("events.insert", *READS), RetryableError, "google_precondition"),
    (429, envelope("rateLimitExceeded"), OPERATIONS, OverLimitError, "google_rate_limit"),
    (429, HTML, OPERATIONS, OverLimitError, "google_rate_limit"),
    (408, None, OPERATIONS, RetryableError, "google_unavailable"),
    (500, envelope("backendError"), OPERATIONS, RetryableError, "google_unavailable"),
    (502, HTML, OPERATIONS, RetryableError, "google_unavailable"),
    (503, None, OPERATIONS, RetryableError, "google_unavailable"),
    (504, b"", OPERATIONS, RetryableError, "google_unavailable"),
    (418, None, READS, RetryableError, "google_refused"),
    (418, None, WRITES, RejectedError, "google_refused"),
    (302, HTML, READS, RetryableError, "google_refused"),
]


def rows() -> Iterator[tuple[int, bytes | None, str, type[SyncError], str]]:
    for status, body, operations, kind, reason in TABLE:
        for operation in operations:
            yield status, body, operation, kind, reason


@pytest.mark.parametrize(("status", "body", "operation", "kind", "reason"), list(rows()))
def test_a_refusal_is_named_by_its_remedy(
    status: int, body: bytes | None, operation: str, kind: type[SyncError], reason: str
) -> None:
    error = translate(status, body, operation, {})
    assert (type(error), error.reason) == (kind, reason)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_status_has_a_remedy_and_tells_nothing_of_its_body(operation: str) -> None:
    bodies = {
        None,
        HTML,
        b"\xff\xfe",
        b"[]",
        b"5",
        b'{"error": "invalid_grant"}',
        b'{"error": {"errors": 5, "details": [7, {"reason": []}], "message": null}}',
        *(body for _, body, *_ in TABLE),
    }
    for status in range(300, 600):
        for body in bodies:
            error = translate(status, body, operation, {})
            assert isinstance(error, SyncError)
            assert re.fullmatch(r"[a-z]+(_[a-z]+)*", error.reason)
            assert str(error) == error.reason


@pytest.mark.parametrize(
    ("status", "body", "headers", "seconds"),
    [
        (429, None, {"retry-after": "17"}, 17.0),
        (503, None, {"retry-after": "17"}, 17.0),
        (403, envelope("rateLimitExceeded"), {"retry-after": "17"}, 17.0),
        (403, envelope("quotaExceeded"), {"retry-after": "17"}, 3600.0),
        (429, None, {}, None),
        (429, None, {"retry-after": "soon"}, None),
        (429, None, {"retry-after": "9" * 40}, 86400.0),
        (
            429,
            None,
            {"retry-after": "Mon, 02 Mar 2026 09:01:30 GMT", "date": "Mon, 02 Mar 2026 09:00:00 GMT"},
            90.0,
        ),
        (
            429,
            None,
            {"retry-after": "Mon, 02 Mar 2026 08:00:00 GMT", "date": "Mon, 02 Mar 2026 09:00:00 GMT"},
            0.0,
        ),
        (429, None, {"retry-after": "Mon, 02 Mar 2026 09:01:30 GMT"}, None),
    ],
)
def test_how_long_to_wait(
    status: int, body: bytes | None, headers: dict[str, str], seconds: float | None
) -> None:
    error = translate(status, body, "events.patch", httplib2.Response(headers))
    assert isinstance(error, RetryableError)
    assert error.after_seconds == seconds


@dataclass
class TokenEndpoint:
    """google-auth's `Request`, with one answer to everything."""

    status: int
    data: bytes

    def __call__(self, *_args: object, **_kwargs: object) -> TokenEndpoint:
        return self


def refreshed(status: int, data: bytes, refresh_token: Any = "r") -> SyncError:
    """What google-auth's own way from that answer to its error is translated to."""
    grant: Any = google_credentials(refresh_token, client_id="c", client_secret="s")
    with pytest.raises(RefreshError) as raised:
        grant.refresh(TokenEndpoint(status, data))
    return translate_refresh(raised.value)


@pytest.mark.parametrize(
    ("status", "data", "kind", "reason"),
    [
        (400, b'{"error": "invalid_grant"}', GrantDeadError, "reconnect_needed"),
        (
            400,
            b'{"error": "invalid_grant", "error_subtype": "invalid_rapt"}',
            GrantDeadError,
            "reconnect_needed",
        ),
        (401, b'{"error": "invalid_client"}', BlockedError, "google_client_configuration"),
        (400, b'{"error": "unauthorized_client"}', BlockedError, "google_client_configuration"),
        (400, b'{"error": "invalid_scope"}', BlockedError, "google_client_configuration"),
        (404, b"<html>not here</html>", RetryableError, "google_token"),
        (200, b"{}", RetryableError, "google_token"),
    ],
)
def test_only_invalid_grant_ends_a_connection(
    status: int, data: bytes, kind: type[SyncError], reason: str
) -> None:
    error = refreshed(status, data)
    assert (type(error), error.reason) == (kind, reason)


def test_credentials_without_a_grant_are_a_fault_of_the_configuration() -> None:
    error = refreshed(200, b"{}", refresh_token=None)
    assert (type(error), error.reason) == (BlockedError, "google_client_configuration")


def test_a_token_endpoint_that_is_down_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)  # google-auth itself tries three times
    for status, data in ((503, b'{"error": "temporarily_unavailable"}'), (502, HTML), (429, b"{}")):
        error = refreshed(status, data)
        assert (type(error), error.reason) == (RetryableError, "google_token")


# --- the service over scripted calls --------------------------------------------------------------------


class Script:
    """`Calls` that answer what they were given, in order, and remember what was asked."""

    def __init__(self, *answers: dict[str, Any] | SyncError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str | None, dict[str, Any]]] = []

    def __call__(self, operation: str, *, if_match: str | None = None, **parameters: Any) -> dict[str, Any]:
        self.asked.append((operation, if_match, parameters))
        answer = self.answers.pop(0)
        if isinstance(answer, SyncError):
            raise answer
        return answer


RAW = {"id": "e1", "etag": '"2"', "status": "confirmed", "start": NINE, "end": NINE}
CHANNEL = NewChannel("c1", "https://app.example.org/google", "a secret token", 60)
EVENT = Event("e1", '"1"', cancelled=False, when=None, what=What(""))


def service(script: Script) -> GoogleCalendarService:
    return GoogleCalendarService(script, zone=DENVER)


def test_every_write_of_an_event_is_silent_and_names_no_guest() -> None:
    script = Script(RAW, RAW, RAW, RAW, {})
    calendar = service(script)
    calendar.create("c", "e1", WRITE)
    calendar.update("c", EVENT, WRITE)
    calendar.restore("c", EVENT, WRITE)
    calendar.unmark("c", EVENT)
    calendar.delete("c", EVENT)
    assert [operation for operation, *_ in script.asked] == [
        "events.insert",
        *["events.patch"] * 3,
        "events.delete",
    ]
    for _, _, parameters in script.asked:
        assert parameters["sendUpdates"] == "none"
        assert "attendees" not in parameters.get("body", {})


def test_every_change_is_over_the_version_that_was_read() -> None:
    script = Script(RAW, RAW, RAW, {})
    calendar = service(script)
    calendar.update("c", EVENT, WRITE)
    calendar.restore("c", EVENT, WRITE)
    calendar.unmark("c", EVENT)
    calendar.delete("c", EVENT)
    assert [version for _, version, _ in script.asked] == ['"1"'] * 4


def test_no_guest_or_attachment_is_ever_asked_for() -> None:
    script = Script({"items": []}, RAW, {"items": []}, {"id": "c"})
    calendar = service(script)
    calendar.events("c", cursor=None, page=None)
    calendar.event("c", "e1")
    list(calendar.entries())
    calendar.calendar("c")
    for _, _, parameters in script.asked:
        asked = parameters["fields"].replace("attendees(self,responseStatus)", "")  # their own answer only
        assert not re.search("attend|organizer|creator|conference|hangout|htmlLink|email", asked)


def test_a_page_goes_with_its_cursor_and_the_same_parameters() -> None:
    script = Script({"nextPageToken": "p"}, {"nextSyncToken": "s"})
    calendar = service(script)
    first = calendar.events("c", cursor="t", page=None)
    second = calendar.events("c", cursor="t", page=first.next_page)
    assert (first.cursor, second.next_page, second.cursor) == (None, None, "s")
    (_, _, one), (_, _, two) = script.asked
    assert {**one, "pageToken": "p"} == two
    assert one["syncToken"] == "t"
    assert (one["singleEvents"], one["showDeleted"], one["maxResults"]) == (False, True, 2500)


def test_the_zone_of_a_listing_is_its_calendars() -> None:
    raw = {**RAW, "start": {"dateTime": "2026-03-02T09:00:00"}, "end": {"dateTime": "2026-03-02T10:00:00"}}
    page = service(Script({"timeZone": "Asia/Tokyo", "items": [raw]})).events("c", cursor=None, page=None)
    assert page.events[0].when == When(at(0), at(1))


def test_a_calendar_list_that_does_not_end_is_an_error_not_a_short_list() -> None:
    pages = [{"nextPageToken": "again", "items": [{"id": "c"}]} for _ in range(LIST_PAGES_MAX)]
    with pytest.raises(BlockedError, match="google_calendar_list_endless"):
        list(service(Script(*pages)).entries())


def test_an_error_on_a_later_page_of_the_calendar_list_is_not_its_end() -> None:
    script = Script({"nextPageToken": "more", "items": []}, RetryableError("google_unavailable"))
    with pytest.raises(RetryableError):
        list(service(script).entries())


@pytest.mark.parametrize(
    "refusal",
    [
        RejectedError("google_forbidden"),
        RejectedError("google_invalid"),
        GoneError("google_event_gone"),
        StaleError("google_conflict"),
    ],
)
def test_any_refusal_to_restore_is_the_same_refusal(refusal: SyncError) -> None:
    with pytest.raises(RefusedError, match="google_not_restored"):
        service(Script(refusal)).restore("c", EVENT, WRITE)


def test_an_event_that_stays_cancelled_was_not_restored() -> None:
    with pytest.raises(RefusedError):
        service(Script({**RAW, "status": "cancelled"})).restore("c", EVENT, WRITE)


@pytest.mark.parametrize(
    "error",
    [StaleError("google_stale"), RetryableError("google_rate_limit"), BlockedError("google_scope_missing")],
)
def test_what_does_not_refuse_a_restoration_stays_what_it_is(error: SyncError) -> None:
    with pytest.raises(type(error), match=error.reason):
        service(Script(error)).restore("c", EVENT, WRITE)


@pytest.mark.parametrize("answer", [{}, {"id": 5}, {"status": "confirmed"}])
def test_an_event_without_an_id_is_an_unreadable_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(RetryableError, match="google_answer_unreadable"):
        service(Script(answer)).event("c", "e1")


@pytest.mark.parametrize("expiration", [1_772_445_600_000, "1772445600000"])
def test_a_channel_says_when_it_ends_as_a_number_or_as_text(expiration: object) -> None:
    script = Script({"id": "c1", "resourceId": "r", "expiration": expiration})
    made = service(script).watch("c", CHANNEL)
    assert made == Channel("c1", "r", at(10))
    ((_, _, asked),) = script.asked
    assert (asked["body"]["type"], asked["body"]["params"]) == ("web_hook", {"ttl": "60"})


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"id": "c1", "resourceId": "r"},
        {"id": "c1", "expiration": "1"},
        {"id": 5, "resourceId": "r", "expiration": "1"},
        {"id": "c1", "resourceId": "r", "expiration": "soon"},
        {"id": "c1", "resourceId": "r", "expiration": "9" * 30},
    ],
)
def test_a_channel_without_its_parts_is_an_unreadable_answer(answer: dict[str, Any]) -> None:
    with pytest.raises(RetryableError, match="google_answer_unreadable"):
        service(Script(answer)).watch("c", CHANNEL)


def test_a_channel_to_be_made_does_not_show_its_token() -> None:
    assert CHANNEL.token not in repr(CHANNEL)


# --- sent once ------------------------------------------------------------------------------------------


def write_certificate(path: Path) -> None:
    """A key and a certificate of its own for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "calsync test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(pem, form, serialization.NoEncryption())
    path.write_bytes(private + certificate.public_bytes(pem))


@contextlib.contextmanager
def hanging_up(certificate: Path | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads each request and hangs up: its address, and the first lines it read."""
    seen: list[bytes] = []
    tls = None if certificate is None else ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if tls is not None:
        tls.load_cert_chain(str(certificate))

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            seen.append(self.rfile.readline())
            lengths = [
                line for line in iter(self.rfile.readline, b"\r\n") if line.startswith(b"content-length")
            ]
            self.rfile.read(int(lengths[0].split(b":")[1]) if lengths else 0)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        if tls is not None:
            listening.socket = tls.wrap_socket(listening.socket, server_side=True)
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}).start()
        kind, port = "http" if tls is None else "https", listening.server_address[1]
        try:
            yield f"{kind}://127.0.0.1:{port}/calendar/v3/", seen
        finally:
            listening.shutdown()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_calendar_is_asked_for_once_though_the_server_hangs_up(
    scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tmp_path / "certificate.pem"
    write_certificate(certificate)
    monkeypatch.setattr("httplib2.CA_CERTS", str(certificate))
    with hanging_up(certificate if scheme == "https" else None) as (address, seen):
        anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]
        calls = GoogleCalls(anonymous, api_endpoint=address, timeout_seconds=5)
        with pytest.raises(RetryableError, match="google_unreachable"):
            GoogleCalendarService(calls, zone=DENVER).add_calendar("Appointments", "mark", "UTC")
        calls.close()
    assert [line.split(b"?")[0] for line in seen] == [b"POST /calendar/v3/calendars"]


# --- sent again -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def closing_after_each_answer() -> Iterator[tuple[str, list[bytes], threading.Semaphore]]:
    """A server that answers with an event, promises to keep the connection, and closes it."""
    seen: list[bytes] = []
    closed = threading.Semaphore(0)
    answer = json.dumps({"id": "e", "etag": "1", "status": "confirmed"}).encode()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            seen.append(self.rfile.readline())
            headers = list(iter(self.rfile.readline, b"\r\n"))
            [length] = [line.split(b":")[1] for line in headers if line.lower().startswith(b"content-length")]
            self.rfile.read(int(length))
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
            self.wfile.write(head + b"content-length: %d\r\n\r\n" % len(answer) + answer)

        def finish(self) -> None:
            super().finish()
            self.request.close()
            closed.release()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}).start()
        try:
            yield f"http://127.0.0.1:{listening.server_address[1]}/calendar/v3/", seen, closed
        finally:
            listening.shutdown()


def test_a_connection_that_was_closed_while_it_idled_fails_no_write() -> None:
    with closing_after_each_answer() as (address, seen, closed):
        calls = GoogleCalls(AnonymousCredentials(), api_endpoint=address, timeout_seconds=5)  # type: ignore[no-untyped-call]
        google = GoogleCalendarService(calls, zone=DENVER)
        before = Event("e", "1", cancelled=False, when=None, what=What("A"))
        for _ in range(3):
            google.update("c", before, EventWrite(when=None, what=What("x" * 10_000), kind=Kind.PERSONAL))
            closed.acquire(timeout=5)
        calls.close()
    assert len(seen) == 3


def test_who_hangs_up_on_every_request_is_asked_twice_and_then_later() -> None:
    with hanging_up(None) as (address, seen):
        calls = GoogleCalls(AnonymousCredentials(), api_endpoint=address, timeout_seconds=5)  # type: ignore[no-untyped-call]
        with pytest.raises(RetryableError, match="google_unreachable"):
            GoogleCalendarService(calls, zone=DENVER).event("c", "e")
        calls.close()
    assert len(seen) == 2
