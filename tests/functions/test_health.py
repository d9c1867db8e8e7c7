from pathlib import Path

import pytest
from functions_framework import create_app

ROOT = Path(__file__).parents[2]
FUNCTIONS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/main.py"))


def test_the_five_functions_are_there() -> None:
    assert FUNCTIONS == ["channel_renewer", "oauth_callback", "push_webhook", "settings_api", "sync_task"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_answers_its_health_check_under_the_framework(function: str) -> None:
    source = ROOT / "functions" / function / "main.py"
    client = create_app("main", str(source)).test_client()  # type: ignore[no-untyped-call]
    assert client.get("/healthz").get_json() == {"status": "ok", "function": function}
    assert client.get("/elsewhere").status_code == 404


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_composition_root_is_at_most_sixty_lines(function: str) -> None:
    assert len((ROOT / "functions" / function / "main.py").read_text().splitlines()) <= 60
