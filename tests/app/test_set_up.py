"""What a start finds out first: the zone, and a name that tells calendars apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from sandbox.ehr import urls
from sandbox.ehr.fhir import By
from shared.app.connect import ZONE_UNKNOWN
from shared.app.records import Connection, Status, connection_data, connection_path
from shared.app.set_up import NAME_MAX, set_up, zone_named
from shared.ports import GoneError, Put
from tests.app.stage import NEW_YORK, PRACTICE, Practitioner, Stage

UTC = ZoneInfo(ZONE_UNKNOWN)


def of_unknown_zone(stage: Stage, whose: Practitioner) -> Connection:
    """As one is connected whose zone the EHR did not know."""
    today = stage.clock.now().date()
    settings = replace(whose.connection.settings, zone=UTC, start_from=today)
    return replace(whose.connection, settings=settings, status=Status.CONNECTED)


def tell_ehr(stage: Stage, whose: Practitioner, zone: str) -> None:
    row = stage.store.read("Practitioner", whose.id)
    extension = [{"url": urls.TIME_ZONE, "valueCode": zone}]
    stage.store.update({**row, "extension": extension}, by=By.STAFF)


def share_account(stage: Stage, whose: Practitioner, status: Status) -> None:
    """Somebody else is connected with the same account."""
    key = stage.world.keys.connection(PRACTICE, "somebody-else")
    other = replace(whose.connection, key=key, practitioner="somebody-else", status=status)
    stage.documents.commit([Put(connection_path(key), connection_data(other))])


# --- the zone -------------------------------------------------------------------------------------------


def test_a_zone_that_is_known_is_kept_and_no_calendar_is_asked(stage: Stage) -> None:
    ada = stage.add(NEW_YORK)
    found = set_up(stage.world, ada.connection)
    assert found.settings == ada.connection.settings
    assert stage.ledger.google == []


def test_where_the_ehr_knows_none_it_is_that_of_the_primary_calendar(stage: Stage) -> None:
    ada = stage.add("Asia/Tokyo")
    found = set_up(stage.world, of_unknown_zone(stage, ada))
    assert found.settings.zone.key == "Asia/Tokyo"


def test_what_the_ehr_has_learnt_meanwhile_comes_first(stage: Stage) -> None:
    ada = stage.add("Asia/Tokyo")
    tell_ehr(stage, ada, "America/Denver")
    found = set_up(stage.world, of_unknown_zone(stage, ada))
    assert found.settings.zone.key == "America/Denver"
    assert stage.ledger.google == []


def test_the_day_to_start_from_is_not_after_today_there(stage: Stage) -> None:
    ada = stage.add("America/Los_Angeles")
    stage.clock.advance((27 - stage.clock.now().hour) * 3600)  # 3 o'clock in UTC: the day before over there
    connection = of_unknown_zone(stage, ada)
    found = set_up(stage.world, connection)
    assert found.settings.start_from == connection.settings.start_from - timedelta(days=1)


def test_an_earlier_day_to_start_from_is_kept(stage: Stage) -> None:
    ada = stage.add("Asia/Tokyo")
    connection = of_unknown_zone(stage, ada)
    early = connection.settings.start_from - timedelta(days=90)
    connection = replace(connection, settings=replace(connection.settings, start_from=early))
    assert set_up(stage.world, connection).settings.start_from == early


def test_without_any_zone_it_stays_as_it_is(stage: Stage) -> None:
    ada = stage.add("Asia/Tokyo")
    stage.google.calendars.patch(ada.sub, "primary", {"timeZone": "UTC"})
    connection = of_unknown_zone(stage, ada)
    assert set_up(stage.world, connection).settings == connection.settings


@pytest.mark.parametrize("name", ["", "Nowhere/City", "America", "../UTC", "/etc/passwd"])
def test_what_is_no_zones_name(name: str) -> None:
    assert zone_named(name) is None


# --- the name -------------------------------------------------------------------------------------------


def test_a_name_stands_as_it_was_asked_for(stage: Stage) -> None:
    ada = stage.add()
    assert set_up(stage.world, ada.connection).calendar_name == ada.connection.calendar_name
    assert set_up(stage.world, ada.connection, "My practice").calendar_name == "My practice"


@pytest.mark.parametrize("status", [Status.ACTIVE, Status.PAUSED, Status.DISCONNECTED])
def test_the_second_in_an_account_has_their_own_name_in_their_calendars(stage: Stage, status: Status) -> None:
    ada = stage.add()
    share_account(stage, ada, status)
    found = set_up(stage.world, ada.connection, "Appointments")
    assert found.calendar_name == "Appointments (Practitioner 1)"


def test_whoever_has_not_started_has_no_calendar_to_be_told_from(stage: Stage) -> None:
    ada = stage.add()
    share_account(stage, ada, Status.CONNECTED)
    assert set_up(stage.world, ada.connection, "Appointments").calendar_name == "Appointments"


def test_a_name_that_has_it_already_stays(stage: Stage) -> None:
    ada = stage.add()
    share_account(stage, ada, Status.ACTIVE)
    assert set_up(stage.world, ada.connection, "Practitioner 1, work").calendar_name == "Practitioner 1, work"


def test_a_long_name_is_cut_where_another_is_added(stage: Stage) -> None:
    ada = stage.add()
    share_account(stage, ada, Status.ACTIVE)
    name = set_up(stage.world, ada.connection, "x" * NAME_MAX).calendar_name
    assert (len(name), name[-18:]) == (NAME_MAX, "x (Practitioner 1)")


def test_a_practitioner_without_a_name_adds_none(stage: Stage) -> None:
    ada = stage.add()
    share_account(stage, ada, Status.ACTIVE)
    row = stage.store.read("Practitioner", ada.id)
    stage.store.update({name: value for name, value in row.items() if name != "name"}, by=By.STAFF)
    assert set_up(stage.world, ada.connection, "Appointments").calendar_name == "Appointments"


# --- both -----------------------------------------------------------------------------------------------


def test_nothing_is_written(stage: Stage) -> None:
    ada = stage.add()
    stage.ledger.clear()
    set_up(stage.world, of_unknown_zone(stage, ada))
    assert (stage.ledger.commits, stage.ledger.side_writes) == ([], [])


def test_a_practitioner_the_ehr_does_not_know_is_gone(stage: Stage) -> None:
    ada = stage.add()
    stage.store.delete("Practitioner", ada.id, by=By.STAFF)
    with pytest.raises(GoneError):
        set_up(stage.world, ada.connection)
