"""What a server can do, found out from servers that say one thing and do another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.adapters.fhir import Answer, FhirEhr, FhirSettings
from shared.adapters.fhir.settings import Stated
from shared.adapters.fhir.statement import Statement
from shared.core.errors import BlockedError, RetryableError
from shared.ports import BlockAs, Capabilities, Listing, ProtectedBy, Writes
from tests.adapters.odd_fhir import OddServer

Json = dict[str, Any]

SETTINGS = FhirSettings(system="https://calsync.example")
BY_ROW = replace(SETTINGS, protected_extension="https://ehr.example/protected")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAREFUL = Capabilities(Listing.WINDOW, Writes.WHOLE, checks_versions=False, creates_once=False)


def appointment(number: int, who: str) -> Json:
    return {
        "resourceType": "Appointment",
        "id": f"a{number}",
        "meta": {"versionId": "1", "lastUpdated": (NOON + timedelta(seconds=number)).isoformat()},
        "status": "booked",
        "participant": [{"actor": {"reference": who}}],
    }


def practice(who: str = "Practitioner/d2") -> list[Json]:
    """Two practitioners and a role; appointments of one of them, newest first: in no order of a search."""
    return [
        {"resourceType": "Practitioner", "id": "d1"},
        {"resourceType": "Practitioner", "id": "d2"},
        {"resourceType": "PractitionerRole", "id": "r1"},
        *(appointment(number, who) for number in range(5, 0, -1)),
    ]


def statement(resources: Json, **more: Any) -> Json:
    listed = [{"type": name, **each} for name, each in resources.items()]
    return {
        "resourceType": "CapabilityStatement",
        "fhirVersion": "4.0.1",
        "rest": [{"mode": "client"}, {"mode": "server", "resource": listed}],
        **more,
    }


def interactions(*codes: str) -> Json:
    return {"interaction": [{"code": code} for code in codes]}


WHOLE = statement(
    {
        "Appointment": {
            **interactions("read", "search-type", "create", "update", "patch"),
            "versioning": "versioned-update",
            "conditionalCreate": True,
        }
    }
)


# --- how it tells what changed --------------------------------------------------------------------------

LISTINGS: dict[str, tuple[dict[str, Any], Listing]] = {
    "by change": ({}, Listing.PRACTICE),
    "by change, whose rows are all it has": ({"page": 1}, Listing.PRACTICE),
    "an actor has to be named": ({"needs": frozenset({"actor"})}, Listing.PRACTITIONER),
    "the parameter is read over": ({"ignores": frozenset({"_lastUpdated"})}, Listing.WINDOW),
    "the parameter finds nothing": ({"blind": frozenset({"_lastUpdated"})}, Listing.WINDOW),
    "the parameter is refused": ({"refuses": frozenset({"_lastUpdated"})}, Listing.WINDOW),
    "no order": ({"unsorted": True}, Listing.WINDOW),
    "order is refused": ({"refuses": frozenset({"_sort"})}, Listing.WINDOW),
    "dates are needed": ({"needs": frozenset({"actor", "date"})}, Listing.WINDOW),
    "neither actors nor changes": ({"refuses": frozenset({"actor", "_lastUpdated"})}, Listing.WINDOW),
    "an actor has to be named, and changes find nothing": (
        {"needs": frozenset({"actor"}), "blind": frozenset({"_lastUpdated"})},
        Listing.WINDOW,
    ),
}


@pytest.mark.parametrize(("odd", "listing"), LISTINGS.values(), ids=LISTINGS.keys())
@pytest.mark.parametrize("who", ["Practitioner/d2", "PractitionerRole/r1"])
def test_how_changes_are_told_is_found_by_trying(odd: dict[str, Any], listing: Listing, who: str) -> None:
    server = OddServer(practice(who), statement=WHOLE, **odd)
    assert FhirEhr(server, SETTINGS).capabilities().listing is listing
    assert len(server.asked) <= 25


class KnowsNoFuture(OddServer):
    def _fits(self, row: Json, name: str, value: str) -> bool:
        return name == "_lastUpdated" or super()._fits(row, name, value)


class KnowsNoPast(OddServer):
    """Compares with a day only: what is newer than its own instant it has not."""

    def _fits(self, row: Json, name: str, value: str) -> bool:
        before = name == "_lastUpdated" and value.startswith("ge2026")
        return not before and super()._fits(row, name, value)


@pytest.mark.parametrize("server", [KnowsNoFuture, KnowsNoPast])
def test_a_self_link_is_no_proof(server: type[OddServer]) -> None:
    assert FhirEhr(server(practice()), SETTINGS).capabilities().listing is Listing.WINDOW


def test_of_a_practice_without_appointments_the_servers_word_is_taken() -> None:
    people = [row for row in practice() if row["resourceType"] != "Appointment"]
    assert FhirEhr(OddServer(people), SETTINGS).capabilities().listing is Listing.PRACTICE
    deaf = OddServer(people, ignores=frozenset({"_lastUpdated"}))
    assert FhirEhr(deaf, SETTINGS).capabilities().listing is Listing.WINDOW
    one = OddServer([], needs=frozenset({"actor"}))
    assert FhirEhr(one, SETTINGS).capabilities().listing is Listing.PRACTITIONER


# --- what it says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("codes", "formats", "writes"),
    [
        (("update", "patch"), ["application/merge-patch+json"], Writes.WHOLE),
        (("update",), None, Writes.WHOLE),
        (("patch",), ["application/json-patch+json"], Writes.JSON_PATCH),
        (("patch",), ["application/merge-patch+json", "application/json-patch+json"], Writes.JSON_PATCH),
        (("patch",), ["application/merge-patch+json"], Writes.MERGE_PATCH),
        (("patch",), None, Writes.JSON_PATCH),
        (("patch",), "odd", Writes.JSON_PATCH),
        (("read",), None, Writes.WHOLE),
        ((), None, Writes.WHOLE),
    ],
)
def test_a_row_is_written_whole_unless_only_patches_are_offered(
    codes: tuple[str, ...], formats: object, writes: Writes
) -> None:
    said = statement({"Appointment": interactions(*codes)}, patchFormat=formats)
    assert Statement(said).writes is writes


@pytest.mark.parametrize(
    ("versioning", "codes", "checks"),
    [
        ("versioned-update", ("update",), True),
        ("versioned-update", ("patch",), False),
        ("versioned", ("update",), False),
        ("no-version", ("update",), False),
        (None, ("update",), False),
    ],
)
def test_versions_are_compared_by_us_unless_it_says_that_it_does(
    versioning: str | None,
    codes: tuple[str, ...],
    checks: bool,  # noqa: FBT001 - an outcome
) -> None:
    said = Statement(statement({"Appointment": {**interactions(*codes), "versioning": versioning}}))
    assert said.checks_versions is checks


@pytest.mark.parametrize(("said", "once"), [(True, True), (False, False), (None, False), ("yes", False)])
def test_a_row_is_looked_for_first_unless_creates_are_conditional(said: object, once: bool) -> None:  # noqa: FBT001 - an outcome
    assert Statement(statement({"Appointment": {"conditionalCreate": said}})).creates_once is once


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"resourceType": "Bundle", "rest": WHOLE["rest"]},
        {**WHOLE, "rest": "odd"},
        statement({}),
    ],
)
def test_what_is_not_said_is_not_there(body: object) -> None:
    said = Statement(body)
    assert (said.writes, said.checks_versions, said.creates_once) == (Writes.WHOLE, False, False)
    assert not said.offers("Appointment", "read")


def test_all_that_was_found_stands_together() -> None:
    found = FhirEhr(OddServer(practice(), statement=WHOLE), BY_ROW).capabilities()
    assert found == Capabilities(Listing.PRACTICE, Writes.WHOLE, True, True, ProtectedBy.ROW)


# --- what cannot be asked -------------------------------------------------------------------------------


class Refusing(OddServer):
    """Answers `status` to a type."""

    refused: dict[str, Answer]

    def __call__(self, method: str, url: str, **more: Any) -> Answer:
        answer = super().__call__(method, url, **more)
        return self.refused.get(self.asked[-1][0], answer)


def refusing(rows: list[Json], **answers: Answer) -> Refusing:
    server = Refusing(rows, statement=WHOLE)
    server.refused = answers
    return server


SAYS_NOTHING = [*(Answer(status) for status in (301, 400, 401, 403, 404, 405, 501)), Answer(200, [])]


@pytest.mark.parametrize("answer", SAYS_NOTHING)
def test_a_server_that_says_nothing_is_known_by_its_searches(answer: Answer) -> None:
    found = FhirEhr(refusing(practice(), metadata=answer), BY_ROW).capabilities()
    assert found == replace(CAREFUL, listing=Listing.PRACTICE)


@pytest.mark.parametrize("refused", ["metadata", "Appointment", "Encounter"])
@pytest.mark.parametrize("status", [429, 500, 503])
def test_half_a_finding_is_none(refused: str, status: int) -> None:
    with pytest.raises(RetryableError):
        FhirEhr(refusing(practice(), **{refused: Answer(status)}), SETTINGS).capabilities()


@pytest.mark.parametrize("refused", ["Appointment", "Encounter"])
def test_a_credential_that_is_refused_is_told(refused: str) -> None:
    with pytest.raises(BlockedError, match="ehr_unauthorized"):
        FhirEhr(refusing(practice(), **{refused: Answer(401)}), SETTINGS).capabilities()


@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_a_search_of_appointments_that_is_refused_every_way_is_no_listing(status: int) -> None:
    server = refusing(practice(), Appointment=Answer(status), Practitioner=Answer(403))
    assert FhirEhr(server, BY_ROW).capabilities().listing is Listing.WINDOW


# --- protection, blocks ---------------------------------------------------------------------------------

HANGING = ("Encounter", "DocumentReference", "Composition", "ClinicalImpression", "ChargeItem", "Claim")


def test_what_hangs_on_a_row_can_be_searched_for_where_every_search_is_understood() -> None:
    assert FhirEhr(OddServer(practice()), SETTINGS).capabilities().protected_by is ProtectedBy.QUERY
    assert FhirEhr(OddServer(practice()), BY_ROW).capabilities().protected_by is ProtectedBy.ROW


@pytest.mark.parametrize("refused", HANGING)
@pytest.mark.parametrize("status", [400, 403, 404, 501])
def test_one_search_refused_is_enough_for_nobody_to_know(refused: str, status: int) -> None:
    server = refusing(practice(), **{refused: Answer(status)})
    assert FhirEhr(server, SETTINGS).capabilities().protected_by is ProtectedBy.NONE


@pytest.mark.parametrize("ignored", ["appointment", "encounter", "context"])
def test_a_search_that_reads_over_its_parameter_knows_nothing(ignored: str) -> None:
    server = OddServer(practice(), ignores=frozenset({ignored}))
    assert FhirEhr(server, SETTINGS).capabilities().protected_by is ProtectedBy.NONE


def test_whoever_finds_something_of_nobody_finds_anything() -> None:
    claim = {"resourceType": "Claim", "id": "c1", "encounter": {"reference": "Encounter/e1"}}

    class Finds(OddServer):
        def _fits(self, row: Json, name: str, value: str) -> bool:
            return row is claim or super()._fits(row, name, value)

    server = Finds([*practice(), claim])
    assert FhirEhr(server, SETTINGS).capabilities().protected_by is ProtectedBy.NONE


SLOTS = {"Slot": interactions("create", "update"), "Schedule": interactions("search-type")}
SCHEDULE = {"resourceType": "Schedule", "id": "w1", "actor": []}


@pytest.mark.parametrize(
    ("said", "rows", "block_as"),
    [
        (SLOTS, [SCHEDULE], BlockAs.SLOT),
        (SLOTS, [], BlockAs.APPOINTMENT),
        ({**SLOTS, "Slot": interactions("read", "update")}, [SCHEDULE], BlockAs.APPOINTMENT),
        ({**SLOTS, "Slot": interactions("create")}, [SCHEDULE], BlockAs.APPOINTMENT),
        ({"Slot": SLOTS["Slot"]}, [SCHEDULE], BlockAs.APPOINTMENT),
        ({}, [SCHEDULE], BlockAs.APPOINTMENT),
    ],
)
def test_blocks_are_slots_where_they_may_be_made_in_a_schedule(
    said: Json, rows: list[Json], block_as: BlockAs
) -> None:
    server = OddServer([*practice(), *rows], statement=statement(said))
    assert FhirEhr(server, SETTINGS).capabilities().block_as is block_as


# --- what the operator states ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stated",
    [
        Stated(listing=Listing.WINDOW),
        Stated(writes=Writes.MERGE_PATCH),
        Stated(checks_versions=False),
        Stated(creates_once=False),
        Stated(protected_by=ProtectedBy.ENFORCED),
        Stated(block_as=BlockAs.SLOT),
    ],
)
def test_what_is_stated_is_believed_and_the_rest_found_out(stated: Stated) -> None:
    found = FhirEhr(OddServer(practice(), statement=WHOLE), replace(BY_ROW, stated=stated)).capabilities()
    said = {name: value for name, value in vars(stated).items() if value is not None}
    plain = FhirEhr(OddServer(practice(), statement=WHOLE), BY_ROW).capabilities()
    assert found == replace(plain, **said) != plain


def test_where_all_is_stated_little_is_asked() -> None:
    stated = Stated(**vars(CAREFUL))
    server = OddServer([])
    assert FhirEhr(server, replace(SETTINGS, stated=stated)).capabilities() == CAREFUL
    assert [resource_type for resource_type, _ in server.asked] == ["metadata"]
