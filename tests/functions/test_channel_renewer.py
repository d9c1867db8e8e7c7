"""The deployed function lets nobody in but the scheduler. What it asks for stands in tests/app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from functions_framework import create_app

from tests.functions.test_health import WHOLE
from tests.test_settings import COMPLETE

SOURCE = Path(__file__).parents[2] / "functions" / "channel_renewer" / "main.py"


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> Any:
    environment = {**COMPLETE, **WHOLE}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return create_app("main", str(SOURCE)).test_client()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer "}])
def test_a_call_without_a_token_is_refused(function: Any, headers: dict[str, str]) -> None:
    answer = function.post("/", headers=headers)
    assert (answer.status_code, answer.data) == (403, b"")


def test_only_posts_are_runs(function: Any) -> None:
    assert function.get("/").status_code == 404
