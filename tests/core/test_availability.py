"""Free, busy and what cannot be told tile a window, and nothing unknown is free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from shared.core.availability import Availability, Span, busy, tiled, unverified

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)
DAY = 24 * 60


def at(minutes: int) -> datetime:
    return BEGIN + timedelta(minutes=minutes)


minutes = st.integers(-DAY, 2 * DAY)
knowns = st.lists(
    st.one_of(
        st.builds(lambda a, b: busy(at(a), at(b)), minutes, minutes),
        st.builds(
            lambda a, b, why: unverified(at(a), at(b), why), minutes, minutes, st.sampled_from(["one", "two"])
        ),
    ),
    max_size=12,
)


@given(knowns)
def test_spans_tile_the_window_and_neighbours_differ(known: list[Span]) -> None:
    spans = tiled(at(0), at(DAY), known)
    assert (spans[0].start, spans[-1].end) == (at(0), at(DAY))
    assert all(before.end == after.start for before, after in pairwise(spans))
    assert all(span.start < span.end for span in spans)
    assert all((a.status, a.reason) != (b.status, b.reason) for a, b in pairwise(spans))


@given(knowns, st.integers(0, DAY - 1))
def test_every_minute_is_what_is_known_of_it_and_the_unknown_is_never_free(
    known: list[Span], minute: int
) -> None:
    [span] = [each for each in tiled(at(0), at(DAY), known) if each.start <= at(minute) < each.end]
    about = [each for each in known if each.start <= at(minute) < each.end]
    said = {each.status for each in about}
    if Availability.BUSY in said:
        assert span.status is Availability.BUSY
    elif said:
        assert span.status is Availability.UNVERIFIED
        assert span.reason in {each.reason for each in about}
    else:
        assert (span.status, span.reason) == (Availability.FREE, None)


def test_what_covers_no_time_says_nothing() -> None:
    nothing = [busy(at(10), at(10)), busy(at(30), at(20)), busy(at(-5), at(0)), busy(at(DAY), at(DAY + 5))]
    assert tiled(at(0), at(DAY), nothing) == [Span(at(0), at(DAY), Availability.FREE)]
