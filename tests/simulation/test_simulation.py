"""Random stories with faults, then calm, then the promises; every seed is a story that can be told again."""

from __future__ import annotations

import pytest

from tests.simulation.run import simulate

SEEDS = 300
CHUNK = 10


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_story_ends_in_agreement(first: int) -> None:
    for seed in range(first, first + CHUNK):
        simulate(seed)


def test_a_seed_tells_the_same_story_twice() -> None:
    told = [(stage.story, stage.chaos.happened, stage.clock.now()) for stage in (simulate(11), simulate(11))]
    assert told[0] == told[1]
