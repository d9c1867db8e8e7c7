"""Whether something hangs on an appointment, asked of FHIR servers that answer as they please."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.adapters.fhir import Answer, NoAnswerError
from shared.core.errors import RetryableError, SyncError
from shared.ports import Capabilities, ProtectedBy
from tests.fakes.ehr import SETTINGS
from tests.fhir_script import PERSONAL, RAW, Json, bundle, ehr_of, outcome, read

ROW = read(RAW)
QUERY = Capabilities(protected_by=ProtectedBy.QUERY)
ENCOUNTER: Json = {
    "resourceType": "Encounter",
    "id": "e1",
    "appointment": [{"reference": "https://ehr.example/fhir/Appointment/a1"}],
}
OF_E1 = {"reference": "Encounter/e1"}
NOTE: Json = {"resourceType": "DocumentReference", "id": "n1", "context": {"encounter": [OF_E1]}}
HITS: list[Json] = [
    NOTE,
    {"resourceType": "Composition", "id": "n1", "encounter": OF_E1},
    {"resourceType": "ClinicalImpression", "id": "n1", "encounter": OF_E1},
    {"resourceType": "ChargeItem", "id": "n1", "context": OF_E1},
    {"resourceType": "Claim", "id": "n1", "item": [{"sequence": 1, "encounter": [OF_E1]}]},
]
TYPES = [hit["resourceType"] for hit in HITS]


def entry(resource_type: str, *hits: Json, status: str = "200 OK") -> Json:
    """The answer to one search in a batch."""
    if not status.startswith("2"):
        return {"response": {"status": status, "outcome": outcome("forbidden")}}
    matches = [{"resource": hit} for hit in hits if hit["resourceType"] == resource_type]
    found = {"resourceType": "Bundle", "type": "searchset", "entry": matches}
    return {"response": {"status": status}, "resource": found}


def batch(*hits: Json, **statuses: str) -> Answer:
    entries = [entry(of, *hits, status=statuses.get(of, "200 OK")) for of in TYPES]
    return Answer(200, {"resourceType": "Bundle", "type": "batch-response", "entry": entries})


@pytest.mark.parametrize("code", ["arrived", "checked-in", "fulfilled", "noshow"])
@pytest.mark.parametrize("protected_by", list(ProtectedBy))
def test_who_came_or_was_missed_is_protected_without_a_question(code: str, protected_by: ProtectedBy) -> None:
    ehr, script = ehr_of(can=Capabilities(protected_by=protected_by))
    assert ehr.protection(read({**RAW, "status": code})) is True
    assert script.asked == []


FLAGGED = {**RAW, "extension": [{"url": SETTINGS.protected_extension, "valueBoolean": True}]}


@pytest.mark.parametrize(
    ("protected_by", "plain", "flagged"),
    [
        (ProtectedBy.ROW, False, True),
        (ProtectedBy.ENFORCED, False, True),
        (ProtectedBy.NONE, None, True),
    ],
)
def test_what_can_be_told_without_asking(
    protected_by: ProtectedBy,
    plain: bool | None,  # noqa: FBT001 - an outcome
    flagged: bool,  # noqa: FBT001 - an outcome
) -> None:
    ehr, script = ehr_of(can=Capabilities(protected_by=protected_by))
    assert (ehr.protection(ROW), ehr.protection(read(FLAGGED))) == (plain, flagged)
    assert script.asked == []


def test_a_row_that_should_tell_but_has_no_word_for_it_does_not() -> None:
    without = replace(SETTINGS, protected_extension=None)
    ehr, _ = ehr_of(settings=without)
    assert ehr.protection(read(RAW, without)) is None


def test_without_an_encounter_nothing_can_hang_on_it() -> None:
    ehr, script = ehr_of(bundle(), can=QUERY)
    assert ehr.protection(ROW) is False
    [(method, url, params, headers, _)] = script.asked
    assert (method, url) == ("GET", "Encounter")
    assert params == {"appointment": "Appointment/a1", "_count": "20", "_elements": "appointment"}
    assert headers["Prefer"] == "handling=strict"


def test_what_has_no_client_is_not_asked_about() -> None:
    ehr, script = ehr_of(can=QUERY)
    assert ehr.protection(read(PERSONAL)) is False
    assert script.asked == []


@pytest.mark.parametrize("hit", HITS, ids=TYPES)
def test_each_kind_of_note_and_charge_protects(hit: Json) -> None:
    ehr, _ = ehr_of(bundle(ENCOUNTER), batch(hit), can=QUERY)
    assert ehr.protection(ROW) is True


def test_an_encounter_on_which_nothing_hangs_protects_nothing() -> None:
    ehr, _ = ehr_of(bundle(ENCOUNTER), batch(), can=QUERY)
    assert ehr.protection(ROW) is False


def test_all_kinds_are_asked_for_in_one_batch_and_only_whether_there_is_one() -> None:
    second = {**ENCOUNTER, "id": "e2"}
    ehr, script = ehr_of(bundle(ENCOUNTER, second), batch(), can=QUERY)
    ehr.protection(ROW)
    method, url, _, headers, body = script.asked[1]
    assert (method, url, headers["Prefer"]) == ("POST", "", "handling=strict")
    assert (body["resourceType"], body["type"]) == ("Bundle", "batch")
    urls = [urlsplit(each["request"]["url"]) for each in body["entry"]]
    assert [each.path for each in urls] == TYPES
    both = "Encounter/e1,Encounter/e2"
    assert [dict(parse_qsl(each.query)) for each in urls] == [
        {"encounter": both, "_count": "1", "_elements": "context"},
        {"encounter": both, "_count": "1", "_elements": "encounter"},
        {"encounter": both, "_count": "1", "_elements": "encounter"},
        {"context": both, "_count": "1", "_elements": "context"},
        {"encounter": both, "_count": "1", "_elements": "item"},
    ]


@pytest.mark.parametrize("status", ["401 Unauthorized", "403", "404 Not Found", "400", "405", "422"])
def test_one_refusal_inside_a_batch_leaves_it_untold(status: str) -> None:
    ehr, _ = ehr_of(bundle(ENCOUNTER), batch(Claim=status), can=QUERY)
    assert ehr.protection(ROW) is None
    ehr, _ = ehr_of(bundle(ENCOUNTER), batch(NOTE, Claim=status), can=QUERY)
    assert ehr.protection(ROW) is True


@pytest.mark.parametrize("status", [401, 403, 404, 400])
def test_encounters_that_cannot_be_asked_for_leave_it_untold(status: int) -> None:
    ehr, _ = ehr_of(Answer(status), can=QUERY)
    assert ehr.protection(ROW) is None


@pytest.mark.parametrize("status", [400, 403, 404, 405, 422, 501])
def test_a_server_without_batches_is_asked_one_by_one(status: int) -> None:
    singles = [bundle(NOTE), *(bundle() for _ in TYPES[1:])]
    ehr, script = ehr_of(bundle(ENCOUNTER), Answer(status), *singles, can=QUERY)
    assert ehr.protection(ROW) is True
    assert [url for _, url in script.requests[2:]] == TYPES
    assert script.asked[2][2] == {"encounter": "Encounter/e1", "_count": "1", "_elements": "context"}
    ehr, _ = ehr_of(bundle(ENCOUNTER), Answer(status), *singles[1:], Answer(403), can=QUERY)
    assert ehr.protection(ROW) is None


@pytest.mark.parametrize("trouble", [Answer(503), Answer(429), NoAnswerError()])
def test_a_server_that_is_away_is_asked_again_later(trouble: Answer | SyncError) -> None:
    single: list[Answer | SyncError] = [bundle(ENCOUNTER), Answer(405), trouble]
    for answers in ([trouble], [bundle(ENCOUNTER), trouble], single):
        ehr, _ = ehr_of(*answers, can=QUERY)
        with pytest.raises(RetryableError):
            ehr.protection(ROW)
    ehr, _ = ehr_of(bundle(ENCOUNTER), batch(Claim="503 Service Unavailable"), can=QUERY)
    with pytest.raises(RetryableError):
        ehr.protection(ROW)


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"resourceType": "Bundle", "entry": [entry("Claim")]},
        {"resourceType": "Bundle", "entry": [{} for _ in TYPES]},
        {"resourceType": "Bundle", "entry": [{"response": {"status": "fine"}} for _ in TYPES]},
        {"resourceType": "Bundle", "entry": [{"response": {"status": "200"}} for _ in TYPES]},
    ],
)
def test_a_batch_whose_answer_is_cut_is_asked_again_later(body: object) -> None:
    ehr, _ = ehr_of(bundle(ENCOUNTER), Answer(200, body), can=QUERY)
    with pytest.raises(RetryableError, match="ehr_answer_unreadable"):
        ehr.protection(ROW)


def test_a_server_that_answers_something_else_does_not_tell() -> None:
    stranger = {**ENCOUNTER, "appointment": [{"reference": "Appointment/other"}]}
    ehr, _ = ehr_of(bundle(ENCOUNTER, stranger), can=QUERY)
    assert ehr.protection(ROW) is None
    elsewhere = {**NOTE, "context": {"encounter": [{"reference": "Encounter/other"}]}}
    ehr, _ = ehr_of(bundle(ENCOUNTER), batch(elsewhere), can=QUERY)
    assert ehr.protection(ROW) is None


def test_more_encounters_than_one_page_holds_leave_it_untold() -> None:
    ehr, _ = ehr_of(bundle(ENCOUNTER, next_url="x?page=2"), can=QUERY)
    assert ehr.protection(ROW) is None
