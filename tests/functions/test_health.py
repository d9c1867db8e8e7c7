from pathlib import Path

import pytest
from functions_framework import create_app

from tests.test_settings import COMPLETE

ROOT = Path(__file__).parents[2]
WHOLE = {
    "CALSYNC_SCHEDULER_AUDIENCE": "https://renewer.example",
    "CALSYNC_SCHEDULER_INVOKER": "scheduler@p.example",
    "CALSYNC_OAUTH_REDIRECT_URL": "https://callback.example",
}
"""Of the functions that are not called by tasks alone."""
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/main.py"))


def test_the_five_functions_are_there() -> None:
    assert FUNCTIONS == ["channel_renewer", "oauth_callback", "push_webhook", "settings_api", "sync_task"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_answers_its_health_check_under_the_framework(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {**COMPLETE, **WHOLE}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    source = ROOT / "functions" / function / "main.py"
    client = create_app("main", str(source)).test_client()  # type: ignore[no-untyped-call]
    assert client.get("/health").get_json() == {"status": "ok", "function": function}
    assert client.get("/elsewhere").status_code == (400 if function == "oauth_callback" else 404)
