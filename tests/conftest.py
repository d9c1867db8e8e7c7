"""Property tests try the same examples everywhere: what fails here fails on any machine."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("facts", derandomize=True, database=None, deadline=None, max_examples=100)
settings.load_profile("facts")
