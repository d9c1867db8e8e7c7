"""Writes to FHIR servers of all kinds, over scripted exchanges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.adapters.fhir import Answer, NoAnswerError, patched
from shared.core.errors import RejectedError, RetryableError, StaleError, SyncError
from shared.core.model import Status
from shared.ports import Capabilities, GoneError, ProtectedError, Writes
from tests.fakes.ehr import SETTINGS
from tests.fhir_script import PATIENT, RAW, Json, at, ehr_of, outcome, read

ROW = read(RAW)
MOVED = (at(18), at(19))
PROTECTED = outcome("business-rule", "appointment-protected")
UNCHECKED = Capabilities(checks_versions=False)
PATCH = Capabilities(writes=Writes.JSON_PATCH)
MERGE = Capabilities(writes=Writes.MERGE_PATCH)
LATER: Json = {**patched(RAW, SETTINGS, span=MOVED), "meta": {"versionId": "8"}}


def test_a_write_is_over_the_version_that_was_read() -> None:
    ehr, script = ehr_of(Answer(200, LATER))
    assert ehr.update(ROW, span=MOVED).version == "8"
    [(method, url, _, headers, body)] = script.asked
    assert (method, url, headers["If-Match"]) == ("PUT", "Appointment/a1", 'W/"7"')
    assert headers["Prefer"] == "return=representation"
    assert body == patched(RAW, SETTINGS, span=MOVED)


@pytest.mark.parametrize("nothing", [Answer(200), Answer(204), Answer(200, outcome("informational"))])
def test_a_write_answered_without_the_row_is_read(nothing: Answer) -> None:
    ehr, script = ehr_of(nothing, Answer(200, LATER))
    assert ehr.update(ROW, span=MOVED).version == "8"
    assert [method for method, *_ in script.asked] == ["PUT", "GET"]


def test_a_lost_answer_whose_goal_is_there_is_success() -> None:
    ehr, _ = ehr_of(NoAnswerError(), Answer(200, LATER))
    assert ehr.update(ROW, span=MOVED).version == "8"


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (Answer(200, RAW), RetryableError),
        (Answer(200, {**LATER, "status": "cancelled"}), RetryableError),
        (Answer(410), GoneError),
        (Answer(500), RetryableError),
        (NoAnswerError(), RetryableError),
    ],
)
def test_a_lost_answer_whose_goal_is_not_there_is_none(
    found: Answer | SyncError, kind: type[SyncError]
) -> None:
    ehr, _ = ehr_of(NoAnswerError(), found)
    with pytest.raises(kind):
        ehr.update(ROW, span=MOVED)


@pytest.mark.parametrize(
    ("raw", "kind", "reason"),
    [
        ({**RAW, "modifierExtension": [{"url": "x"}]}, RejectedError, "ehr_unknown_modifier"),
        (
            {**RAW, "participant": [{**PATIENT, "modifierExtension": [{"url": "x"}]}]},
            RejectedError,
            "ehr_unknown_modifier",
        ),
        ({**RAW, "slot": [{"reference": "Slot/1"}]}, RejectedError, "ehr_slot_bound"),
    ],
)
def test_what_must_not_be_written_is_not_sent(raw: Json, kind: type[SyncError], reason: str) -> None:
    ehr, script = ehr_of()
    with pytest.raises(kind, match=reason):
        ehr.update(read(raw), span=MOVED)
    assert script.asked == []


@pytest.mark.parametrize("code", ["booked", "pending", "proposed", "waitlist"])
def test_what_has_not_taken_place_is_cancelled(code: str) -> None:
    ehr, script = ehr_of(Answer(200, {**RAW, "status": "cancelled"}))
    assert ehr.cancel(read({**RAW, "status": code})).status is Status.OVER
    assert script.asked[0][4]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("arrived", ProtectedError),
        ("checked-in", ProtectedError),
        ("fulfilled", ProtectedError),
        ("rescheduled-by-owl", RejectedError),
    ],
)
def test_what_has_taken_place_is_never_cancelled(code: str, kind: type[SyncError]) -> None:
    ehr, script = ehr_of()
    with pytest.raises(kind):
        ehr.cancel(read({**RAW, "status": code}))
    assert script.asked == []


def test_what_is_over_is_not_cancelled_again() -> None:
    ehr, script = ehr_of()
    row = read({**RAW, "status": "noshow"})
    assert ehr.cancel(row) is row
    assert script.asked == []


@pytest.mark.parametrize("code", ["booked", "pending"])
def test_a_cancellation_is_undone_to_the_status_it_had(code: str) -> None:
    cancelled = patched({**RAW, "status": code}, SETTINGS, status="cancelled")
    ehr, script = ehr_of(Answer(200, {**RAW, "status": code, "meta": {"versionId": "9"}}))
    assert ehr.rebook(read(cancelled), status=read({**RAW, "status": code}).code).code == code
    body = script.asked[0][4]
    assert (body["status"], "cancelationReason" in body) == (code, False)


@pytest.mark.parametrize(
    ("now", "status"),
    [("booked", "pending"), ("noshow", "booked"), ("cancelled", "fulfilled"), ("cancelled", "cancelled")],
)
def test_only_a_cancellation_is_undone_and_only_to_what_can_be_cancelled(now: str, status: str) -> None:
    ehr, script = ehr_of()
    with pytest.raises(RejectedError, match="ehr_status_unknown"):
        ehr.rebook(read({**RAW, "status": now}), status=status)
    assert script.asked == []


@pytest.mark.parametrize("release", [4, 5])
def test_a_reason_has_the_name_of_the_servers_release(release: int) -> None:
    settings = replace(SETTINGS, release=release)
    ehr, script = ehr_of(Answer(200, {**RAW, "status": "cancelled"}), settings=settings)
    ehr.cancel(ROW)
    spelling = {4: "cancelationReason", 5: "cancellationReason"}[release]
    body = script.asked[0][4]
    assert {name for name in body if "Reason" in name} == {spelling}
    assert patched({**body, "cancellationDate": "2026-03-01"}, settings, status="booked") == RAW


def test_a_reason_that_is_refused_is_left_out() -> None:
    over = {**RAW, "status": "cancelled", "meta": {"versionId": "8"}}
    ehr, script = ehr_of(Answer(422, outcome("code-invalid", "reason")), Answer(200, over))
    assert ehr.cancel(ROW).status is Status.OVER
    assert script.asked[1][4] == {**RAW, "status": "cancelled"}


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [(Answer(422, PROTECTED), ProtectedError), (Answer(412), StaleError), (Answer(405), RejectedError)],
)
def test_no_other_refusal_of_a_cancellation_is_asked_again(refusal: Answer, kind: type[SyncError]) -> None:
    ehr, script = ehr_of(refusal)
    with pytest.raises(kind):
        ehr.cancel(ROW)
    assert len(script.asked) == 1


def test_what_is_so_already_is_not_sent() -> None:
    ehr, script = ehr_of()
    assert ehr.update(ROW, span=(at(16), at(17))) is ROW
    assert script.asked == []


def test_an_answer_that_shows_nothing_of_what_was_asked_is_a_refusal() -> None:
    ehr, _ = ehr_of(Answer(200, {**RAW, "meta": {"versionId": "8"}}))
    with pytest.raises(RejectedError, match="ehr_not_taken"):
        ehr.update(ROW, span=MOVED)
    ehr, _ = ehr_of(Answer(200, {**RAW, "cancelationReason": {"text": "x"}}))
    with pytest.raises(RejectedError, match="ehr_not_taken"):
        ehr.cancel(ROW)


def test_what_a_server_rounds_is_what_it_holds() -> None:
    rounded = {**LATER, "end": "2026-03-02T19:05:00Z"}
    ehr, _ = ehr_of(Answer(200, rounded))
    assert ehr.update(ROW, span=MOVED) == read(rounded)


# --- servers that do not compare versions, and rows without one -----------------------------------------


def test_where_the_server_compares_nothing_the_row_is_read_before_and_after() -> None:
    ehr, script = ehr_of(Answer(200, RAW), Answer(200, LATER), Answer(200, LATER), can=UNCHECKED)
    assert ehr.update(ROW, span=MOVED) == read(LATER)
    assert [method for method, _ in script.requests] == ["GET", "PUT", "GET"]
    assert script.asked[1][3]["If-Match"] == 'W/"7"'


CHANGED: list[Json] = [
    {**RAW, "meta": {"versionId": "8"}},
    {**RAW, "status": "arrived", "meta": {"versionId": "8"}},
]


@pytest.mark.parametrize("now", CHANGED)
def test_what_changed_since_it_was_read_is_not_written_over(now: Json) -> None:
    for can in (UNCHECKED, MERGE):
        ehr, script = ehr_of(Answer(200, now), can=can)
        with pytest.raises(StaleError, match="ehr_stale"):
            ehr.update(ROW, span=MOVED)
        assert len(script.asked) == 1


def test_what_is_gone_before_or_after_is_gone() -> None:
    for answers in ([Answer(404)], [Answer(200, RAW), Answer(200, LATER), Answer(410)]):
        ehr, _ = ehr_of(*answers, can=UNCHECKED)
        with pytest.raises(GoneError):
            ehr.update(ROW, span=MOVED)


def test_a_write_that_somebody_wrote_over_is_stale() -> None:
    other = {**LATER, "start": "2026-03-02T17:00:00Z", "meta": {"versionId": "9"}}
    ehr, _ = ehr_of(Answer(200, RAW), Answer(200, LATER), Answer(200, other), can=UNCHECKED)
    with pytest.raises(StaleError, match="ehr_stale"):
        ehr.update(ROW, span=MOVED)


def test_a_later_version_that_still_holds_what_was_written_is_the_answer() -> None:
    after = {**LATER, "comment": "by staff", "meta": {"versionId": "9"}}
    ehr, _ = ehr_of(Answer(200, RAW), Answer(200, LATER), Answer(200, after), can=UNCHECKED)
    assert ehr.update(ROW, span=MOVED).version == "9"


def test_without_a_body_what_is_read_afterwards_must_be_what_was_meant() -> None:
    ehr, _ = ehr_of(Answer(200, RAW), Answer(204), Answer(200, LATER), can=UNCHECKED)
    assert ehr.update(ROW, span=MOVED) == read(LATER)
    ehr, _ = ehr_of(Answer(200, RAW), Answer(204), Answer(200, RAW), can=UNCHECKED)
    with pytest.raises(RetryableError):
        ehr.update(ROW, span=MOVED)


def without_meta(raw: Json) -> Json:
    return {name: value for name, value in raw.items() if name != "meta"}


def test_a_row_without_a_version_is_compared_by_what_it_holds() -> None:
    bare, later = without_meta(RAW), without_meta(LATER)
    ehr, script = ehr_of(Answer(200, bare), Answer(200, later), Answer(200, later))
    assert ehr.update(read(bare), span=MOVED) == read(later)
    assert "If-Match" not in script.asked[1][3]
    ehr, _ = ehr_of(Answer(200, {**bare, "status": "pending"}))
    with pytest.raises(StaleError):
        ehr.update(read(bare), span=MOVED)


def test_a_version_that_only_a_reading_by_id_tells_is_named() -> None:
    bare, later = without_meta(RAW), without_meta(LATER)
    tagged = {"etag": "3"}
    ehr, script = ehr_of(Answer(200, bare, tagged), Answer(200, later), Answer(200, later))
    ehr.update(read(bare), span=MOVED)
    assert script.asked[1][3]["If-Match"] == 'W/"3"'
    ehr, _ = ehr_of(Answer(200, {**bare, "end": "2026-03-02T17:30:00Z"}, tagged))
    with pytest.raises(StaleError):
        ehr.update(read(bare), span=MOVED)


# --- servers that take patches --------------------------------------------------------------------------


def test_a_json_patch_tests_the_old_times_over_the_version_that_was_read() -> None:
    ehr, script = ehr_of(Answer(200, LATER), can=PATCH)
    assert ehr.update(ROW, span=MOVED) == read(LATER)
    [(method, url, _, headers, body)] = script.asked
    assert (method, url, headers["If-Match"]) == ("PATCH", "Appointment/a1", 'W/"7"')
    assert headers["Content-Type"] == "application/json-patch+json"
    assert [each["op"] for each in body] == ["test", "test", "test", "replace", "replace"]


@pytest.mark.parametrize("status", [400, 422])
def test_a_test_that_fails_is_somebody_elses_change(status: int) -> None:
    ehr, _ = ehr_of(Answer(status), Answer(200, {**RAW, "status": "arrived"}), can=PATCH)
    with pytest.raises(StaleError, match="ehr_stale"):
        ehr.update(ROW, span=MOVED)
    ehr, _ = ehr_of(Answer(status), Answer(200, RAW), can=PATCH)
    with pytest.raises(RejectedError, match="ehr_refused"):
        ehr.update(ROW, span=MOVED)


def test_a_protected_row_is_protected_from_a_patch_too() -> None:
    for can, before in ((PATCH, []), (MERGE, [Answer(200, RAW)])):
        ehr, _ = ehr_of(*before, Answer(422, PROTECTED), can=can)
        with pytest.raises(ProtectedError):
            ehr.update(ROW, span=MOVED)


def test_a_merge_patch_is_looked_at_before_and_after() -> None:
    ehr, script = ehr_of(Answer(200, RAW), Answer(200, LATER), Answer(200, LATER), can=MERGE)
    assert ehr.update(ROW, span=MOVED) == read(LATER)
    method, _, _, headers, body = script.asked[1]
    assert (method, headers["Content-Type"]) == ("PATCH", "application/merge-patch+json")
    assert headers["If-Match"] == 'W/"7"'
    assert body == {"start": "2026-03-02T18:00:00Z", "end": "2026-03-02T19:00:00Z"}


def test_a_lost_patch_is_looked_for() -> None:
    for can, before in ((PATCH, []), (MERGE, [Answer(200, RAW)])):
        ehr, _ = ehr_of(*before, NoAnswerError(), Answer(200, LATER), can=can)
        assert ehr.update(ROW, span=MOVED) == read(LATER)
        ehr, _ = ehr_of(*before, NoAnswerError(), Answer(200, RAW), can=can)
        with pytest.raises(RetryableError):
            ehr.update(ROW, span=MOVED)
