from __future__ import annotations

import random

import pytest

from sandbox.ehr.fhir import FhirStore
from sandbox.ehr.staff import Staff
from tests.sandbox.ehr.samples import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def store(clock: ManualClock) -> FhirStore:
    return FhirStore(now=clock.now, rng=random.Random(1))


@pytest.fixture
def staff(store: FhirStore) -> Staff:
    return Staff(store)
