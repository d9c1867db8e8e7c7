from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from shared.adapters import clock as clocks
from shared.adapters.clock import FileClock, SystemClock, clock_of

Write = Callable[[str], Path]
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
STILL = "2026-03-02T09:00:00+01:00"


def test_it_runs_ahead_by_its_offset() -> None:
    before = datetime.now(UTC)
    now = SystemClock(timedelta(days=1)).now()
    assert before <= now - timedelta(days=1) <= datetime.now(UTC)
    assert now.tzinfo is UTC


def test_time_passes_while_it_sleeps() -> None:
    clock = SystemClock()
    before = clock.now()
    clock.sleep(0.01)
    assert clock.now() > before


# --- the clock of a file --------------------------------------------------------------------------------


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Put a text in the file, as its writers do: beside it first."""
    path = tmp_path / "clock"

    def put(text: str) -> Path:
        beside = tmp_path / "clock.new"
        beside.write_bytes(text.encode("latin-1"))
        beside.replace(path)
        return path

    return put


def age(path: Path) -> None:
    """As if it had been written long ago."""
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))


@pytest.mark.parametrize(
    ("text", "now"),
    [
        (STILL, datetime(2026, 3, 2, 8, tzinfo=UTC)),
        ("2026-03-02T09:00:00Z", datetime(2026, 3, 2, 9, tzinfo=UTC)),
        (" 2026-03-02T09:00:00.5-05:30\n", datetime(2026, 3, 2, 14, 30, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_at_an_instant_time_stands_still(write: Write, text: str, now: datetime) -> None:
    clock = FileClock(str(write(text)))
    assert [clock.now(), clock.now()] == [now, now]
    assert clock.now().tzinfo is UTC
    clock.sleep(3600)  # returns at once


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("+3600", 3600),
        ("-90", -90),
        ("+0\n", 0),
        ("+1h30m", 5400),
        ("-1h30m", -5400),
        ("+2d", 172_800),
        ("-1d2h3m4s", -93_784),
        ("+90m", 5400),
        ("+36525d", 36_525 * 86_400),
    ],
)
def test_with_an_offset_time_passes(write: Write, text: str, seconds: int) -> None:
    clock = FileClock(str(write(text)))
    before = datetime.now(UTC)
    first = clock.now()
    clock.sleep(0.01)
    second = clock.now()
    assert before <= first - timedelta(seconds=seconds) < second - timedelta(seconds=seconds)
    assert second - timedelta(seconds=seconds) <= datetime.now(UTC)
    assert second - first >= timedelta(milliseconds=10)
    assert first.tzinfo is UTC


def hour(clock: FileClock) -> int:
    return clock.now().hour


def test_a_young_file_is_read_again_even_when_nothing_tells_of_a_change(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a file system counts so coarsely that two writes have one mtime."""
    monkeypatch.setattr(clocks, "SETTLED_NS", 10**18)
    path = write("2026-03-02T00:00:00Z")
    age(path)
    clock = FileClock(str(path))
    for expected in range(3):
        path.write_text(f"2026-03-02T{expected:02}:00:00Z")
        age(path)
        assert hour(clock) == expected


@pytest.mark.parametrize("what", ["mtime", "size", "file"])
def test_a_settled_file_is_read_again_when_anything_tells_of_a_change(write: Write, what: str) -> None:
    path = write("2026-03-02T01:00:00Z")
    age(path)
    clock = FileClock(str(path))
    assert hour(clock) == 1
    if what == "file":
        write("2026-03-02T02:00:00Z")
    else:
        path.write_text("2026-03-02T02:00:00Z" + ("\n" if what == "size" else ""))
    if what != "mtime":
        age(path)
    assert hour(clock) == 2


def test_a_settled_file_that_nothing_tells_of_is_not_read_again(write: Write) -> None:
    path = write("2026-03-02T01:00:00Z")
    age(path)
    clock = FileClock(str(path))
    path.write_text("2026-03-02T02:00:00Z")
    age(path)
    assert hour(clock) == 1


def test_an_instant_may_follow_an_offset_and_the_other_way_round(write: Write) -> None:
    clock = FileClock(str(write("+3600")))
    assert clock.now() > datetime.now(UTC)
    write(STILL)
    assert clock.now() == datetime(2026, 3, 2, 8, tzinfo=UTC)
    write("-3600")
    assert clock.now() < datetime.now(UTC)


SECRET = "Rosa"


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "is empty"),
        (" \n", "is empty"),
        ("2026-03-02T09:00:00", "has no offset"),
        ("2026-03-02", "has no offset"),
        (SECRET, "neither an ISO 8601 instant nor an offset"),
        ("3600", "neither"),
        ("+", "neither"),
        ("+-1", "neither"),
        ("+1.5", "neither"),
        ("+1h30", "neither"),
        ("+30m1h", "neither"),
        ("+1h 30m", "neither"),
        ("+1H", "neither"),
        ("+\xb2", "neither"),
        ("2026-03-02T09:00:00Z\n+3600", "neither"),
        ("0001-01-01T00:00:00+01:00", "neither"),
        (f"2026-02-30T09:00:00Z {SECRET}", "neither"),
        (f"\xff{SECRET}", "neither"),
        ("+36526d", "offset is beyond 36525 days"),
        ("-9999999999", "offset is beyond 36525 days"),
        (f"+3600{' ' * 96}", "longer than 100 bytes"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_of_what_is_there(write: Write, text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong) as refused:
        FileClock(str(write(text)))
    assert SECRET not in str(refused.value)
    assert refused.value.__context__ is None  # the library's errors quote what they were given


def test_a_file_that_cannot_be_read_is_said_at_once(tmp_path: Path) -> None:
    for path, wrong in ((tmp_path / "none", "FileNotFoundError"), (tmp_path, "IsADirectoryError")):
        with pytest.raises(ValueError, match=f"clock file cannot be read: {wrong}$"):
            FileClock(str(path))


def test_a_file_that_goes_wrong_later_is_said_then_and_may_come_right_again(write: Write) -> None:
    path = write(STILL)
    age(path)
    clock = FileClock(str(path))
    path.unlink()
    for ask in (clock.now, lambda: clock.sleep(0)):
        with pytest.raises(ValueError, match="FileNotFoundError"):
            ask()
    write("noon")
    for _ in range(2):  # what was wrong is not taken for what was there before
        with pytest.raises(ValueError, match="neither"):
            clock.now()
    write(STILL)
    assert clock.now() == datetime(2026, 3, 2, 8, tzinfo=UTC)


def test_many_threads_may_ask_while_it_is_set(write: Write) -> None:
    instants = [f"2026-03-02T{hour:02}:00:00Z" for hour in range(24)]
    clock = FileClock(str(write(instants[0])))
    seen: list[datetime] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            seen.append(clock.now())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for text in instants:
        write(text)
        time.sleep(0.001)
    done.set()
    for thread in threads:
        thread.join()
    assert {instant.isoformat() for instant in seen} <= {text.replace("Z", "+00:00") for text in instants}
    assert clock.now().hour == 23


def test_a_path_chooses_the_clock(write: Write) -> None:
    assert isinstance(clock_of(""), SystemClock)
    assert clock_of(str(write(STILL))).now() == datetime(2026, 3, 2, 8, tzinfo=UTC)
    with pytest.raises(ValueError, match="cannot be read"):
        clock_of("nowhere/clock")
