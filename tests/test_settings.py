"""Settings: what is missing, unknown or wrong is said at once; the page about them is made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.settings import Function, SettingsError, documentation, load, used_by

ROOT = Path(__file__).resolve().parent.parent
COMPLETE = {
    "CALSYNC_PROJECT": "p",
    "CALSYNC_PRACTICES": "one, two,",
    "CALSYNC_TASKS_LOCATION": "us-east1",
    "CALSYNC_SYNC_TASK_URL": "https://sync.example",
    "CALSYNC_TASKS_AUDIENCE": "https://sync.example",
    "CALSYNC_TASKS_INVOKER": "invoker@p.example",
}


def test_everything_that_is_missing_or_unknown_is_named_at_once() -> None:
    environment = {"CALSYNC_PROJECT": "p", "CALSYNC_TYPO": "1", "CALSYNC_OTHER": "2", "PATH": "/bin"}
    with pytest.raises(SettingsError) as caught:
        load(Function.PUSH_WEBHOOK, environment)
    assert str(caught.value) == (
        "push_webhook: CALSYNC_PRACTICES is not set; CALSYNC_TASKS_LOCATION is not set; "
        "CALSYNC_SYNC_TASK_URL is not set; CALSYNC_TASKS_AUDIENCE is not set; "
        "CALSYNC_TASKS_INVOKER is not set; CALSYNC_OTHER is unknown; CALSYNC_TYPO is unknown"
    )


def test_an_empty_value_is_a_missing_one() -> None:
    with pytest.raises(SettingsError, match="CALSYNC_PROJECT is not set"):
        load(Function.PUSH_WEBHOOK, {**COMPLETE, "CALSYNC_PROJECT": ""})


def test_what_is_set_is_read_and_the_rest_has_its_default() -> None:
    settings = load(Function.PUSH_WEBHOOK, {**COMPLETE, "CALSYNC_QUEUE_LIVE": "live-2"})
    assert (settings.queue_live, settings.queue_bulk, settings.tasks_host) == ("live-2", "bulk", "")
    assert settings.practice_keys == {"one", "two"}


def test_every_function_has_settings_of_its_own() -> None:
    assert all("project" in used_by(function) for function in Function)
    assert "tasks_location" not in used_by(Function.OAUTH_CALLBACK)


@pytest.mark.parametrize("variable", ["LOOK_MINUTES", "POLL_MINUTES"])
def test_an_interval_that_does_not_divide_the_hour_cannot_be_read(variable: str) -> None:
    environment = {
        **COMPLETE,
        "CALSYNC_SCHEDULER_AUDIENCE": "https://renewer.example",
        "CALSYNC_SCHEDULER_INVOKER": "scheduler@p.example",
    }
    load(Function.CHANNEL_RENEWER, {**environment, f"CALSYNC_{variable}": "1"})
    for value in ("7", "often"):
        with pytest.raises(SettingsError, match=f"CALSYNC_{variable} cannot be read"):
            load(Function.CHANNEL_RENEWER, {**environment, f"CALSYNC_{variable}": value})


def test_a_clock_of_ones_own_is_for_this_machine_only() -> None:
    environment = {**COMPLETE, "CALSYNC_CLOCK_FILE": "clock"}
    assert load(Function.PUSH_WEBHOOK, environment).clock_file == "clock"
    with pytest.raises(SettingsError, match="CALSYNC_CLOCK_FILE must not be set where it is deployed"):
        load(Function.PUSH_WEBHOOK, {**environment, "K_SERVICE": "push-webhook"})


def test_the_page_about_settings_is_made_from_them() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert page == documentation(), "run: python -m shared.settings > docs/configuration.md"
