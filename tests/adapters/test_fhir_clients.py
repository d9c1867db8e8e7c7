"""Clients on servers that search in their own ways."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from shared.adapters.fhir import FhirEhr, FhirSettings
from shared.adapters.fhir.reading import LISTED_MAX
from shared.core.errors import BlockedError
from shared.core.model import Client
from shared.core.policy import LabelMode
from tests.adapters.odd_fhir import Json, OddServer

SYSTEM = "https://practice.example/number"
SETTINGS = FhirSettings(system="https://calsync.example", internal_id_system=SYSTEM)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def patient(number: int) -> Json:
    return {
        "resourceType": "Patient",
        "id": f"p{number:03}",
        "meta": {"versionId": "1", "lastUpdated": "2026-03-02T12:00:00Z"},
        "name": [{"family": "Mustermann", "given": ["Erika"]}],
        "identifier": [{"system": SYSTEM, "value": f"C-{number}"}],
    }


def test_a_server_that_does_not_take_the_search_is_read_one_by_one_and_no_more_is_kept() -> None:
    server = OddServer([patient(1), patient(2)], refuses=frozenset({"_elements"}))
    found = FhirEhr(server, SETTINGS).clients(["p001", "p002", "nobody"], LabelMode.INTERNAL_ID)
    assert found == {"p001": Client(internal_id="C-1"), "p002": Client(internal_id="C-2")}


def test_a_server_that_reads_over_ids_is_not_read_to_its_end() -> None:
    server = OddServer([patient(number) for number in range(3 * LISTED_MAX)], ignores=frozenset({"_id"}))
    found = FhirEhr(server, SETTINGS).clients(["p001"], LabelMode.INTERNAL_ID)
    assert found == {"p001": Client(internal_id="C-1")}
    assert len(server.asked) <= LISTED_MAX / server.page


@pytest.mark.parametrize("odd", ["refuses", "ignores"])
def test_a_server_that_cannot_tell_which_patients_changed_says_so(odd: str) -> None:
    parameters = frozenset({"_lastUpdated", "_sort"})
    server = OddServer([patient(2), patient(1)], unsorted=True, **{odd: parameters})  # type: ignore[arg-type]
    ehr = FhirEhr(server, SETTINGS)
    with pytest.raises(BlockedError, match="ehr_cannot_list_changes"):
        ehr.clients_changed(ehr.clients_now(), NOON, str)
