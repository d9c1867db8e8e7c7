"""A preview writes nothing, and its counts are what then happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.app.connections import load, start
from shared.app.preview import (
    Preview,
    preview_removal,
    preview_settings,
    preview_start,
    preview_start_over,
)
from shared.app.records import Status, connection_data, connection_path
from shared.app.rehearsal import Planned
from shared.app.start_over import start_over
from shared.core.errors import GrantDeadError, RejectedError
from shared.core.policy import ConnectionSettings, Edits, LabelMode, Mode
from shared.ports import Put
from tests.app.consents import REVOKE, ConsentingStage
from tests.app.externals import External, external
from tests.app.stage import Practitioner, Stage
from tests.app.test_removal import remove

Settings = dict[str, Any]


@pytest.fixture
def stage() -> ConsentingStage:
    return ConsentingStage()


def seen(stage: Stage, preview: Callable[[], Preview]) -> Preview:
    """Nothing was written by it."""
    stage.ledger.clear()
    found = preview()
    assert stage.ledger.side_writes == []
    assert stage.ledger.commits == []
    assert found.complete
    stage.ledger.clear()
    return found


def happened(stage: Stage) -> tuple[Planned, int]:
    """In Google, and how many writes in the EHR."""
    count = stage.ledger.google.count
    google = Planned(count("events.insert"), count("events.patch"), count("events.delete"))
    return google, len(stage.ledger.ehr_writes)


def all_of(planned: Planned) -> int:
    return planned.created + planned.updated + planned.deleted


def full(stage: Stage, whose: Practitioner) -> External:
    """Something of every kind, in sync; then a change of each that is not yet."""
    rows = [stage.book(whose, hours=48 + hours) for hours in range(4)]
    stage.own_time(whose, hours=60)
    stage.hand_made(whose, hours=62)
    stage.settle()
    family = external(stage, whose)
    for hours in (70, 72):
        family.add(hours=hours)
    family.sync()
    stage.staff.cancel(appointment=rows[0])
    stage.reschedule(rows[1], hours=90)
    stage.book(whose, hours=96)
    stage.hand_made(whose, hours=98)
    family.add(hours=74)
    return family


def of_settings(stage: Stage, whose: Practitioner, **changed: Any) -> ConnectionSettings:
    return replace(stage.connection(whose).settings, **changed)


def test_of_a_start(stage: ConsentingStage) -> None:
    ada = stage.add()
    connection = replace(stage.connection(ada), status=Status.CONNECTED)
    stage.documents.commit([Put(connection_path(connection.key), connection_data(connection))])
    for hours in (48, 50):
        stage.book(ada, hours=hours)
    stage.own_time(ada, hours=52)
    found = seen(stage, lambda: preview_start(stage.world, connection, connection.settings))
    assert (found.google, found.ehr) == (Planned(created=3), Planned())
    start(stage.world, connection.key)
    stage.sync(ada)
    assert happened(stage) == (found.google, 0)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_label": LabelMode.FULL_NAME},
        {"mode": Mode.ONE_WAY},
        {"google_edits": Edits.ACCEPT},
        {"mode": Mode.TWO_WAY},
    ],
)
def test_of_other_settings(stage: ConsentingStage, ada: Practitioner, changed: Settings) -> None:
    family = full(stage, ada)
    settings = of_settings(stage, ada, **changed)
    found = seen(stage, lambda: preview_settings(stage.world, stage.connection(ada), settings))
    assert all_of(found.google) > 0
    stage.change_settings(ada, **changed)
    family.sync(everything=True)
    stage.sync(ada, everything=True)
    google, ehr = happened(stage)
    assert (google, ehr) == (found.google, all_of(found.ehr))


def test_of_one_way_every_block_goes(stage: ConsentingStage, ada: Practitioner) -> None:
    full(stage, ada)
    settings = of_settings(stage, ada, mode=Mode.ONE_WAY)
    found = seen(stage, lambda: preview_settings(stage.world, stage.connection(ada), settings))
    assert found.ehr == Planned(deleted=2)


def test_of_off_there_is_nothing(stage: ConsentingStage, ada: Practitioner) -> None:
    full(stage, ada)
    settings = of_settings(stage, ada, mode=Mode.OFF)
    found = seen(stage, lambda: preview_settings(stage.world, stage.connection(ada), settings))
    assert all_of(found.google) + all_of(found.ehr) == 0


def test_of_an_earlier_day(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.book(ada, hours=-24 * 12)
    stage.settle()
    day = stage.connection(ada).settings.start_from - timedelta(days=20)
    settings = of_settings(stage, ada, start_from=day)
    found = seen(stage, lambda: preview_settings(stage.world, stage.connection(ada), settings))
    assert found.google == Planned(created=1)
    stage.change_settings(ada, start_from=day)
    stage.sync(ada)
    assert happened(stage) == (found.google, 0)


def test_of_starting_over(stage: ConsentingStage, ada: Practitioner) -> None:
    family = full(stage, ada)
    stage.delete(ada, stage.events(ada)[0]["id"])
    stage.edit(ada, stage.events(ada)[1]["id"], summary="Something else")
    day = stage.connection(ada).settings.start_from
    connection = stage.connection(ada)
    found = seen(stage, lambda: preview_start_over(stage.world, connection, day))
    assert found.google.created > 0
    assert found.google.updated > 0
    start_over(stage.world, connection.key, day)
    family.sync(everything=True)
    stage.sync(ada, everything=True)
    google, ehr = happened(stage)
    assert (all_of(google), ehr) == (all_of(found.google), all_of(found.ehr))


def test_of_a_removal_it_is_the_receipt(stage: ConsentingStage, ada: Practitioner) -> None:
    full(stage, ada)
    found = seen(stage, lambda: preview_removal(stage.world, stage.connection(ada)))
    remove(stage, ada)
    given = stage.connection(ada).receipt
    assert given is not None
    assert found.receipt is not None
    assert replace(found.receipt, at=given.at) == given
    assert found.google == Planned(deleted=given.events.removed)
    assert found.ehr == Planned(deleted=given.blocks.removed)


def test_of_a_removal_after_which_the_calendar_is_empty(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.book(ada)
    stage.settle()
    found = seen(stage, lambda: preview_removal(stage.world, stage.connection(ada)))
    assert found.receipt is not None
    assert found.receipt.calendar_deleted
    assert stage.token(ada.connection) is not None
    assert REVOKE not in stage.ledger.google


def test_a_calendar_that_a_job_holds_is_previewed_all_the_same(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    stage.book(ada)
    stage.bulk(ada, everything=True)
    connection = stage.connection(ada)
    settings = of_settings(stage, ada, client_label=LabelMode.FULL_NAME)
    found = seen(stage, lambda: preview_settings(stage.world, connection, settings))
    assert found.google == Planned(updated=1)


def test_of_what_was_not_started_or_has_no_grant_there_is_none(
    stage: ConsentingStage, ada: Practitioner
) -> None:
    connection = load(stage.world, ada.connection.key)
    settings = connection.settings
    stage.disconnect(ada)
    with pytest.raises(RejectedError, match="not_started"):
        preview_settings(stage.world, stage.connection(ada), settings)
    with pytest.raises(RejectedError, match="not_started"):
        preview_start_over(stage.world, stage.connection(ada), settings.start_from)


def test_a_grant_that_is_dead_is_told_and_not_noted(stage: ConsentingStage, ada: Practitioner) -> None:
    stage.withdraw(ada)
    connection = stage.connection(ada)
    stage.ledger.clear()
    with pytest.raises(GrantDeadError):
        preview_settings(stage.world, connection, connection.settings)
    assert stage.connection(ada).status is Status.ACTIVE
    assert stage.ledger.commits == []
