"""Series and their instances: which there are, what each is called, how an exception differs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sandbox.google import resource
from sandbox.google.errors import Json
from sandbox.google.recurrence import NONE, Recurrence
from sandbox.google.store import Calendar, Deviation, Series, StoredEvent
from sandbox.google.times import rendered

INSTANCE_ID = re.compile(r"(.+)_(\d{8}(?:T\d{6}Z)?)", re.ASCII | re.DOTALL)
"""A master's id may contain `_` too, even end so: what counts is whether a series occurs then."""
OF_THE_SERIES = {*resource.READ_ONLY, "id", "iCalUID", "eventType", "visibility"}
"""What an exception never has of its own."""
FORMER_MAX = 20
"""Former rules of a series; of older ones no instance is told as cancelled any more."""
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An instance as its series has it: nothing of it is stored. It has what a stored event has."""

    calendar: Calendar
    master: StoredEvent
    original: datetime
    starts: datetime
    ends: datetime

    @property
    def id(self) -> str:
        series = series_of(self.master)
        return f"{series.stem}_{series.recurrence.suffix(self.original)}"

    @property
    def resource(self) -> Json:
        """The whole answer in the calendar's zone, with the version of the series."""
        master, zone, event_id = self.master.resource, self.calendar.zone, self.id
        start = _told(self.starts, master["start"], zone)
        own = {
            "id": event_id,
            "htmlLink": resource.link(event_id, self.calendar.id),
            "start": start,
            "end": _told(self.ends, master["end"], zone),
            "recurringEventId": master["id"],
            "originalStartTime": start,
        }
        return resource.ordered({**{n: v for n, v in master.items() if n != "recurrence"}, **own})

    @property
    def cancelled(self) -> bool:
        return self.master.cancelled

    @property
    def recurs(self) -> bool:
        return False

    @property
    def created(self) -> int:
        return self.master.created

    @property
    def changed(self) -> int:
        return self.master.changed

    @property
    def updated(self) -> datetime:
        return self.master.updated

    @property
    def place(self) -> tuple[int, int]:
        return self.master.place

    @property
    def deviation(self) -> None:
        return None


Event = StoredEvent | Occurrence


def series_of(master: StoredEvent) -> Series:
    assert master.series is not None
    return master.series


def find(calendar: Calendar, event_id: str) -> Event | None:
    """An event by its id: as it is stored, else an instance of a series that occurs then."""
    stored = calendar.events.get(event_id)
    if stored is not None:
        return stored
    match = INSTANCE_ID.fullmatch(event_id)
    base = calendar.events.get(match[1]) if match else None
    if match is None or base is None or base.series is None:
        return None
    tails = (calendar.events[tail] for tail in base.series.tails)
    for master in (base, *tails):
        series = series_of(master)
        original = series.recurrence.named(match[2]) if series.stem == match[1] else None
        if original is not None:
            return occurrence(calendar, master, original)
    return None


def occurrence(calendar: Calendar, master: StoredEvent, original: datetime) -> Occurrence:
    starts = start_of(calendar, series_of(master).recurrence, original)
    start, end = master.resource["start"], master.resource["end"]
    if "date" in start:
        ends = _midnight(original + (_day(end) - _day(start)), calendar.zone)
    else:
        ends = starts + (master.ends - master.starts)  # exactly as long (RFC 5545, 3.8.5.3)
    return Occurrence(calendar, master, original, starts, ends)


def start_of(calendar: Calendar, recurrence: Recurrence, original: datetime) -> datetime:
    """The instant of an original start: days begin in the calendar's zone."""
    return _midnight(original, calendar.zone) if recurrence.all_day else original


def occurrences(
    calendar: Calendar, master: StoredEvent, low: datetime | None = None, high: datetime | None = None
) -> Iterator[Occurrence]:
    """The instances that are as the series has them, ending from `low` on and beginning before `high`."""
    series = series_of(master)
    reach = master.ends - master.starts + timedelta(days=2)  # days may be an hour longer and begin elsewhere
    first = low - reach if low is not None and low - EARLIEST > reach else EARLIEST
    for original in series.recurrence.since(first):
        found = occurrence(calendar, master, original)
        if found.id in calendar.events:
            continue  # an exception, or a single event that goes by this id
        if high is not None and found.starts >= high:
            return
        if low is None or found.ends >= low:
            yield found


def within(calendar: Calendar, stored: StoredEvent, low: datetime, high: datetime) -> Iterable[Event]:
    """Of a series its instances between two instants; of any other event, itself."""
    return occurrences(calendar, stored, low, high) if stored.recurs else (stored,)


def origin_of(event: Event) -> tuple[StoredEvent, datetime] | None:
    """The series an instance belongs to, and the start it has there; None for any other event."""
    if isinstance(event, Occurrence):
        return event.master, event.original
    return (event.deviation.master, event.deviation.original) if event.deviation else None


def is_dropped(event: Event) -> bool:
    """Whether it was an instance at a time at which its series does not occur any more."""
    deviation = event.deviation
    return deviation is not None and event.id not in series_of(deviation.master).exceptions


def is_first(master: StoredEvent, original: datetime) -> bool:
    """Whether nothing of a series comes before one of its instances, but for extra dates before its start."""
    recurrence = series_of(master).recurrence
    return original <= recurrence.first or recurrence.before(original) is None


def is_kept(event: Event) -> bool:
    """Whether it is an exception of a series that lives; a cancelled one is told as long as it does."""
    deviation = event.deviation
    return deviation is not None and not deviation.master.cancelled and not is_dropped(event)


# --- exceptions -----------------------------------------------------------------------------------------


def alone(instance: Json) -> Json:
    """What an instance is as an event of its own."""
    return {n: v for n, v in instance.items() if n not in ("recurringEventId", "originalStartTime")}


def own_of(plain: Json, kept: Json) -> Json:
    """What an exception has otherwise than the instance its series makes; None: taken away."""
    names = (plain.keys() | kept.keys()) - OF_THE_SERIES
    own = {name: kept.get(name) for name in names if kept.get(name) != plain.get(name)}
    if own.keys() & {"start", "end"}:  # both or none: the series' end may come to lie before one's own start
        own |= {"start": kept["start"], "end": kept["end"]}
    return {**own, "sequence": kept["sequence"]} if own else own  # its own from then on


def derived(calendar: Calendar, exception: StoredEvent) -> Json:
    """What an exception is, now that its series is what it is: all it has not of its own is the series'."""
    deviation = exception.deviation
    assert deviation is not None
    master = deviation.master
    if is_dropped(exception):
        body = {**exception.resource, "status": "cancelled"}
    else:
        plain = occurrence(calendar, master, deviation.original).resource
        body = {**plain, **deviation.own}
        if master.cancelled:
            body["status"] = "cancelled"
    return {name: value for name, value in body.items() if value is not None}


def sort_out(master: StoredEvent, *, cut_only: bool) -> None:
    """After a change of the rule: which exceptions are dropped, and which dropped ones are instances again.

    `cut_only`: the rule merely ends at another time; the API leaves later exceptions where they are.
    """
    series = series_of(master)
    gone = [] if cut_only else [n for n, row in series.exceptions.items() if not _occurs(series, row)]
    for name in gone:
        series.dropped[name] = series.exceptions.pop(name)
    back = [name for name, row in series.dropped.items() if name not in gone and _occurs(series, row)]
    for name in back:
        row = series.exceptions[name] = series.dropped.pop(name)
        assert row.deviation is not None
        row.deviation.own = {}


def hand_over(master: StoredEvent, tail: StoredEvent) -> list[StoredEvent]:
    """Give dropped exceptions to the series that now has instances of their ids; they are as it has them."""
    rows = [row for row in series_of(master).dropped.values() if _occurs(series_of(tail), row)]
    for row in rows:
        assert row.deviation is not None
        del series_of(master).dropped[row.id]
        series_of(tail).exceptions[row.id] = row
        row.deviation = Deviation(tail, row.deviation.original, {})
    return rows


def release(exception: StoredEvent) -> None:
    """Make it an event of its own."""
    assert exception.deviation is not None
    series = series_of(exception.deviation.master)
    series.exceptions.pop(exception.id, None)
    series.dropped.pop(exception.id, None)
    exception.deviation = None


def _occurs(series: Series, exception: StoredEvent) -> bool:
    assert exception.deviation is not None
    suffix = exception.id.rpartition("_")[2]
    return series.recurrence.named(suffix) == exception.deviation.original


def recur(master: StoredEvent, recurrence: Recurrence | None, number: int, stem: str) -> None:
    """Give an event the recurrence it has from change `number` on; None makes it a single event."""
    if master.series is None:
        if recurrence is not None:
            master.series = Series(recurrence, stem, former=[(number, None)])
        return
    series, found = master.series, recurrence or NONE
    if found.lines == series.recurrence.lines and found.shape == series.recurrence.shape:
        return  # the old one has worked out already when it occurs
    was = None if series.recurrence is NONE else series.recurrence
    series.former = [*series.former, (number, was)][-FORMER_MAX:]
    series.recurrence = found


# --- times ----------------------------------------------------------------------------------------------


def original_time(calendar: Calendar, recurrence: Recurrence, original: datetime) -> Json:
    """`originalStartTime` of an instance."""
    if recurrence.all_day:
        return {"date": original.date().isoformat()}
    return {"dateTime": rendered(original, calendar.zone), "timeZone": str(recurrence.zone)}


def _told(instant: datetime, like: Json, zone: ZoneInfo) -> Json:
    """An instant in the form of a time of the master."""
    if "date" in like:
        return {"date": instant.astimezone(zone).date().isoformat()}
    return {"dateTime": rendered(instant, zone), "timeZone": like["timeZone"]}


def _day(time: Json) -> date:
    return date.fromisoformat(time["date"])


def _midnight(day: datetime, zone: ZoneInfo) -> datetime:
    return day.replace(tzinfo=zone).astimezone(UTC)
