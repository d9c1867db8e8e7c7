"""The link to a practitioner's appointments, as they make it and as calendar programs read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest

from shared.api.feeds import READS_MAX
from shared.app.feeds import feed_path
from tests.functions.deployed import Account, Deployment, Front, connection_key, grows_old
from tests.functions.practice_calls import openly

pytest_plugins = ["tests.functions.deployment"]


def staff(deployment: Deployment, action: str, **details: Any) -> Any:
    return deployment.control(deployment.ehr, "POST", "staff", action=action, **details)


def book(front: Front, *, hours: int = 48, family: str = "Musterklient") -> str:
    """A client's appointment; its id."""
    patient = staff(front.deployment, "register_patient", family=family, given=["Ada"], internal_id="ID-7")
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=front.deployment.ahead)
    start = now + timedelta(hours=hours)
    made = staff(
        front.deployment,
        "book",
        patients=[patient["id"]],
        practitioners=[front.practitioner],
        start=start.isoformat(),
        end=(start + timedelta(minutes=50)).isoformat(),
        zone="America/Denver",
    )
    return str(made["id"])


@pytest.fixture
def connected(front: Front, google_account: Account) -> Front:
    front.connect(google_account)
    return front


def link(front: Front, **body: object) -> str:
    return str(front.post("/feed", body)["path"])


def events(answer: Any) -> list[Any]:
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return list(icalendar.Calendar.from_ical(answer.get_data()).walk("VEVENT"))


def test_before_it_is_asked_for_there_is_none(connected: Front) -> None:
    none = {"active": False, "labels": False, "made_at": None, "expires_at": None}
    assert connected.get("/feed") == none
    path = link(connected)
    told = connected.get("/feed")
    assert (told["active"], told["labels"]) == (True, False)
    assert path.removeprefix("/feeds/").removesuffix(".ics") not in str(told)


def test_without_a_connection_there_is_nothing_to_be_shown(front: Front) -> None:
    assert front.refused("POST", "/feed", {}) == (404, "not_connected")


def test_it_has_the_appointments_as_busy(connected: Front) -> None:
    book(connected)
    answer = openly(connected, link(connected))
    [event] = events(answer)
    assert (str(event["SUMMARY"]), str(event["CLASS"])) == ("Busy", "PRIVATE")
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    assert event.decoded("DTEND") - event.decoded("DTSTART") == timedelta(minutes=50)


def test_with_labels_it_says_what_the_events_say_and_no_more(connected: Front) -> None:
    book(connected)
    path = link(connected, labels=True)
    answer = openly(connected, path)
    [event] = events(answer)
    assert str(event["SUMMARY"]) == "ID-7"
    assert "Musterklient" not in answer.get_data(as_text=True)
    connected.call("PATCH", "/settings", {"client_label": "initials"})
    assert [str(each["SUMMARY"]) for each in events(openly(connected, path))] == ["AM"]


def test_what_was_cancelled_is_left_out_and_what_moved_is_the_same_event(connected: Front) -> None:
    gone, moved = book(connected, hours=24), book(connected, hours=48)
    path = link(connected)
    before = {str(each["UID"]): each for each in events(openly(connected, path))}
    connected.deployment.pass_time(5)
    staff(connected.deployment, "cancel", appointment=gone, reason="pat")
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3, seconds=connected.deployment.ahead)
    end = start + timedelta(minutes=50)
    staff(connected.deployment, "reschedule", appointment=moved, start=start.isoformat(), end=end.isoformat())
    [after] = events(openly(connected, path))
    same = before[str(after["UID"])]
    assert after["DTSTART"].dt == start
    assert after["SEQUENCE"] > same["SEQUENCE"]


def test_who_has_it_already_is_told_so(connected: Front) -> None:
    book(connected)
    path = link(connected)
    etag = openly(connected, path).headers["ETag"]
    again = openly(connected, path, If_None_Match=etag)
    assert (again.status_code, again.get_data(), again.headers["ETag"]) == (304, b"", etag)
    head = openly(connected, path, "HEAD")
    assert (head.status_code, head.get_data(), head.headers["ETag"]) == (200, b"", etag)
    book(connected, hours=72)
    assert openly(connected, path, If_None_Match=f'"x", W/{etag}').status_code == 200


def test_a_link_that_is_no_good_is_answered_like_one_that_never_was(connected: Front) -> None:
    first = link(connected)
    second = link(connected)
    never = f"{second[:-6]}xx.ics"
    told = openly(connected, never)
    assert (told.status_code, told.get_json()["code"]) == (404, "not_found")
    refused = [first]
    assert connected.call("DELETE", "/feed").status_code == 200
    refused.append(second)
    refused.append(link(connected))
    grows_old(feed_path(connection_key(connected)), 366)
    refused += ["/feeds/x.ics", "/feeds/.ics", "/feeds/"]
    answers = [openly(connected, path) for path in refused]
    assert {(each.status_code, each.get_data()) for each in answers} == {(404, told.get_data())}
    assert connected.get("/feed")["active"] is False


def test_it_ends_with_the_connection_for_good(connected: Front, google_account: Account) -> None:
    path = link(connected)
    connected.post("/disconnect")
    assert openly(connected, path).status_code == 404
    assert connected.get("/feed")["active"] is False
    assert connected.refused("POST", "/feed", {}) == (404, "not_connected")
    connected.connect(google_account)
    assert openly(connected, path).status_code == 404
    assert openly(connected, link(connected)).status_code == 200


def test_only_so_many_reads_an_hour_are_answered(connected: Front) -> None:
    path = link(connected)
    statuses = [openly(connected, path).status_code for _ in range(READS_MAX + 1)]
    assert statuses == [200] * READS_MAX + [429]
    answer = openly(connected, path)
    assert 0 < int(answer.headers["Retry-After"]) <= 3600


def test_it_is_only_read(connected: Front) -> None:
    answer = openly(connected, link(connected), "POST")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_a_log_does_not_have_the_token(connected: Front, capsys: pytest.CaptureFixture[str]) -> None:
    path = link(connected)
    openly(connected, path)
    logged = capsys.readouterr().out
    assert '"/feeds/{token}.ics"' in logged
    assert path[7:40] not in logged
