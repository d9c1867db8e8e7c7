from __future__ import annotations

import pytest

from tests.app.stage import Practitioner, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def ada(stage: Stage) -> Practitioner:
    """Connected and in sync, with nothing in either calendar."""
    return stage.connect()
