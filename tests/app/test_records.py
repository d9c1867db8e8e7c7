"""What is stored comes back as it was, says when it is due and when it may go, and holds no text."""

# ruff: noqa: E501 - a record is a line

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.app.activity import Entry
from shared.app.records import (
    CURSOR_FORMAT,
    KEPT_WHEN_OVER,
    Calendar,
    ChannelRow,
    Connection,
    Lease,
    Practice,
    Progress,
    Receipt,
    Removal,
    Role,
    Tally,
    calendar_data,
    calendar_of,
    calendar_path,
    connection_data,
    connection_of,
    connection_path,
    item_data,
    item_of,
    items_path,
    occurrences_data,
    occurrences_of,
    practice_data,
    practice_of,
    practice_path,
    series_path,
)
from shared.core.activity import Done, Happened
from shared.core.blocking import BlockRules
from shared.core.item import Item, Seen
from shared.core.model import Base, Facts, Kind, Reading, Side, When, all_day, timed
from shared.core.policy import (
    HORIZON_DAYS_MAX,
    CancelledEvents,
    ConnectionSettings,
    Edits,
    ExternalTitles,
    FreeEvents,
    LabelMode,
    Mode,
    PersonalText,
    Verdict,
)
from shared.ports import Document, FeedCursor, Put
from tests.app.stage import FAMILY, TITLE, Practitioner, Stage
from tests.fakes.documents import MemoryDocuments

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
CALENDAR = Calendar("calendar-key", "connection-key", "account-key", calendar_id="made@calendar.example")

# --- whatever may be stored -----------------------------------------------------------------------------

names = st.text("abcxyz234567", min_size=1, max_size=8)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
seconds = moments.map(lambda moment: moment.replace(microsecond=0))
days = st.dates(date(2020, 1, 1), date(2035, 1, 1))
timed_spans = st.builds(
    lambda start, minutes: timed(start, start + timedelta(minutes=minutes)), seconds, st.integers(0, 3_000)
)
day_spans = st.builds(
    lambda start, length: all_day(start, start + timedelta(days=length)), days, st.integers(1, 30)
)
whens: st.SearchStrategy[When] = timed_spans | day_spans
facts = st.builds(Facts, whens, names, st.text(max_size=8))
readings = st.none() | st.builds(Reading, st.none() | facts)
leases = st.none() | st.builds(Lease, names, moments)
items = st.builds(
    Item,
    k=names,
    kind=st.sampled_from(Kind),
    origin=st.sampled_from(Side),
    generation=st.integers(0, 100),
    appointment_id=st.none() | names,
    event_id=st.none() | names,
    base=st.builds(Base, st.none() | facts, st.none() | facts),
    seen=st.builds(Seen, readings, readings),
    retry_at=st.none() | moments,
    tries=st.integers(0, 5),
    aside=st.none() | names,
    cancelled_version=st.none() | names,
    verify=st.booleans(),
    put_back_at=st.lists(moments, max_size=3).map(tuple),
)
calendars = st.builds(
    Calendar,
    key=names,
    connection=names,
    calendar_id=st.none() | names,
    creating_at=st.none() | moments,
    cursor=st.none() | names,
    cursor_format=st.integers(0, 3),
    pass_at=st.none() | moments,
    passed_at=st.none() | moments,
    checked_at=st.none() | moments,
    retry_at=st.none() | moments,
    lease=leases,
    progress=st.none() | st.builds(Progress, st.integers(0, 9), st.integers(0, 9)),
    missing=st.booleans(),
)
connections = st.builds(
    Connection,
    key=names,
    practice=names,
    practitioner=names,
    sub=names,
    calendar_key=names,
    calendar_name=st.text(max_size=20),
    settings=st.builds(
        ConnectionSettings,
        start_from=days,
        zone=st.sampled_from(["UTC", "America/New_York", "Asia/Kathmandu"]).map(ZoneInfo),
        mode=st.sampled_from(Mode),
        client_label=st.sampled_from(LabelMode),
        google_edits=st.sampled_from(Edits),
        personal_text=st.sampled_from(PersonalText),
        horizon_days=st.integers(1, HORIZON_DAYS_MAX),
        telehealth_link=st.booleans(),
        service_line=st.booleans(),
    ),
)
practices = st.builds(
    Practice,
    key=names,
    cursor=st.none() | st.builds(FeedCursor, moments, st.dictionaries(names, names, max_size=3)),
    lease=leases,
    hooked_at=st.none() | moments,
)


def through_the_store(path: str, data: dict[str, object]) -> Document:
    documents = MemoryDocuments()
    documents.commit([Put(path, data)])
    return documents.get(path)[path]


def stored(item: Item, calendar: Calendar = CALENDAR) -> Document:
    path = f"{items_path(calendar.key)}/{item.k}"
    return through_the_store(path, item_data(item, calendar, "practice", NOW))


# --- there and back -------------------------------------------------------------------------------------


@given(items)
def test_an_item_comes_back_as_it_was(item: Item) -> None:
    again = item_of(stored(item), CALENDAR)
    assert again == item
    for side in Side:
        before, after = item.base.of(side), again.base.of(side)
        assert (before and before.version) == (after and after.version)


@given(st.lists(items, max_size=5))
def test_the_occurrences_of_a_series_come_back_as_they_were(found: list[Item]) -> None:
    occurrences = [replace(item, k=f"series.{number}") for number, item in enumerate(found)]
    data = occurrences_data(occurrences, CALENDAR, "practice")
    again = occurrences_of(through_the_store(f"{series_path(CALENDAR.key)}/series", data), CALENDAR)
    assert again == occurrences
    open_at = [item.retry_at for item in occurrences if item.retry_at]
    assert data.get("retry_at") == min(open_at, default=None)


def test_a_thousand_occurrences_fit_in_a_document() -> None:
    facts = Facts(timed(NOW, NOW + timedelta(hours=1)), "w" * 32, "1234567890")
    item = Item("k", Kind.BLOCK, Side.CALENDAR, 0, "a" * 36, "e" * 40, Base(facts, facts))
    random = Random(1)
    hashed = [
        replace(item, k=f"s.{random.randbytes(16).hex()}", event_id=random.randbytes(16).hex())
        for _ in range(1000)
    ]
    packed = occurrences_data(hashed, CALENDAR, "practice")["packed"]
    assert isinstance(packed, bytes)
    assert len(packed) < 200_000


@given(calendars)
def test_a_calendar_comes_back_as_it_was(calendar: Calendar) -> None:
    document = through_the_store(calendar_path(calendar.key), calendar_data(calendar))
    assert calendar_of(document) == calendar


@given(connections)
def test_a_connection_comes_back_as_it_was(connection: Connection) -> None:
    document = through_the_store(connection_path(connection.key), connection_data(connection))
    assert connection_of(document) == connection


@given(practices)
def test_a_practice_comes_back_as_it_was(practice: Practice) -> None:
    document = through_the_store(practice_path(practice.key), practice_data(practice))
    assert practice_of(document) == practice


AT = all_day(NOW.date(), NOW.date())
A_FACT = Facts(timed(NOW, NOW), "what", "1")
WITHOUT_A_DEFAULT = [
    Item("k", Kind.BLOCK, Side.CALENDAR, 3, "a", "e", Base(A_FACT), Seen(Reading(A_FACT)), NOW, 2, "bug", Side.EHR, "7", Verdict.HELD, True, (NOW,)),
    replace(
        CALENDAR, creating_at=NOW, cursor="token", cursor_format=1, pass_at=NOW, passed_at=NOW, checked_at=NOW,
        retry_at=NOW, lease=Lease("job", NOW), progress=Progress(1, 2), missing=True,
        active=False,
        role=Role.EXTERNAL,
        rules=BlockRules(all_day=False),
        leaving=True,
        gone_at=NOW,
        epoch=3,
        problem="google_refused",
        lapses=2,
        due_at=NOW,
        renew_at=NOW,
        watch_problem="google_not_watchable",
        channel_grant=2,
        channels=(ChannelRow("channel", NOW, "resource"),),
        removal=Removal(NOW, was_leaving=True, found=3, left=1, kept=2, personal=1, over=True),
        deleted_at=(NOW,),
        reviews=("review",),
        reviews_made=1,
        recent=(Entry("job-0", Done(Happened.MOVED, Side.EHR, Kind.CLIENT, NOW, "a", "past", AT, AT, AT, 1.5), 2, True),),
    ),
    ConnectionSettings(
        NOW.date(), ZoneInfo("UTC"), Mode.ONE_WAY, LabelMode.FULL_NAME, Edits.ACCEPT, PersonalText.TITLE, 7,
        ExternalTitles.SHOW, FreeEvents.SHOW, CancelledEvents.MARK, 5, 20, telehealth_link=True, service_line=True,
    ),
]  # fmt: skip


@pytest.mark.parametrize("record", WITHOUT_A_DEFAULT, ids=lambda record: type(record).__name__)
def test_no_field_is_forgotten(record: Any) -> None:
    """A field that is new has its default here, and stands for one that nobody stores yet."""
    for each in fields(record):
        default = each.default if each.default_factory is MISSING else each.default_factory()
        assert getattr(record, each.name) != default, f"give {each.name} a value here"
    match record:
        case Item():
            assert item_of(stored(record), CALENDAR) == record
        case Calendar():
            path = calendar_path(record.key)
            back = calendar_of(through_the_store(path, calendar_data(record)))
            assert back == replace(record, due_at=None)  # nothing is due of one that is not active
            awake = replace(record, active=True, missing=False)
            assert calendar_of(through_the_store(path, calendar_data(awake))) == awake
        case _:
            connection = Connection("key", "p", "q", "sub", "calendar-key", "Name", record)
            receipt = Receipt(NOW, Tally(1, 2, 3), Tally(4, 5, 6), 7, calendar_deleted=True, problem="bug")
            connection = replace(connection, receipt=receipt, active_until=NOW, noticed_until=NOW)
            path = connection_path("key")
            assert connection_of(through_the_store(path, connection_data(connection))) == connection


# --- when it is due, and when it may go -----------------------------------------------------------------


@given(items)
def test_an_item_is_found_by_when_it_is_due_only_if_something_is_open(item: Item) -> None:
    data = stored(item).data
    assert ("retry_at" in data) is (item.retry_at is not None)


@given(items)
def test_an_item_expires_only_when_it_is_over(item: Item) -> None:
    data = stored(item).data
    assert data.get("expire_at") == (NOW + KEPT_WHEN_OVER if item.over else None)


def test_an_item_that_is_over_is_kept_for_a_while() -> None:
    over = Item("k", Kind.CLIENT, Side.EHR, appointment_id="a", event_id="e")
    assert stored(over).data["expire_at"] == NOW + timedelta(days=30)


# --- a calendar made anew -------------------------------------------------------------------------------


@given(items, st.none() | names)
def test_an_item_of_another_calendar_comes_without_its_calendar_side(item: Item, other: str | None) -> None:
    again = item_of(stored(item), replace(CALENDAR, calendar_id=other))
    assert again == item.without_calendar()
    assert (again.event_id, again.base.calendar, again.seen.calendar) == (None, None, None)
    assert (again.base.ehr, again.seen.ehr) == (item.base.ehr, item.seen.ehr)


# --- cursors --------------------------------------------------------------------------------------------


def test_only_a_cursor_of_our_own_reading_parameters_is_used() -> None:
    calendar = replace(CALENDAR, cursor="token", cursor_format=CURSOR_FORMAT)
    assert calendar.usable_cursor == "token"
    assert replace(calendar, cursor_format=CURSOR_FORMAT - 1).usable_cursor is None
    assert replace(calendar, cursor_format=CURSOR_FORMAT + 1).usable_cursor is None


# --- no text --------------------------------------------------------------------------------------------


def test_no_text_is_in_any_record(stage: Stage) -> None:
    ada: Practitioner = stage.connect(client_label=LabelMode.FULL_NAME, personal_text=PersonalText.TITLE)
    stage.book(ada)
    stage.own_time(ada, hours=50)
    event = stage.hand_made(ada, hours=52, location=TITLE, description=TITLE)
    stage.settle()
    stage.edit(ada, event, summary=f"{TITLE} {FAMILY}")
    stage.settle()
    shown = repr([each["summary"] for each in stage.events(ada)])
    assert FAMILY in shown
    assert TITLE in shown
    everything = repr(stage.documents._stored)
    assert FAMILY not in everything
    assert TITLE not in everything
    assert "ID-1" not in everything
