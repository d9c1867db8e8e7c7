"""The simulation can fail: each wrong idea of a sync is caught by it."""

from __future__ import annotations

import pytest

from tests.simulation.block_mutants import BLOCK_MUTANTS
from tests.simulation.mutants import MUTANTS, Mutant
from tests.simulation.run import simulate
from tests.simulation.test_simulation import SEEDS

ALL = MUTANTS | BLOCK_MUTANTS


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.__name__)
def test_the_mutant_is_caught(mutant: Mutant, monkeypatch: pytest.MonkeyPatch) -> None:
    mutant(monkeypatch)
    for seed in (ALL[mutant], *range(SEEDS)):
        try:
            simulate(seed)
        except AssertionError:
            return
    pytest.fail(f"{mutant.__name__} survives {SEEDS} seeds")
