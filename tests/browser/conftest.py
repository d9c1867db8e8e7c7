"""One deployment and one Chromium for the module; each test has a practitioner and a window of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from sandbox.deployment.deployment import Deployment, deployed
from sandbox.deployment.plan import Plan
from shared.clients import firestore
from shared.settings import Function, load
from tests.browser.screen import Screen
from tests.process.people import Practice

CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SETTINGS = {"LEASE_S": "10", "BUCKET_S": "0.2", "GOOGLE_UNITS_A_SECOND": "1000"}
WEDNESDAY = 2


def to_wednesday() -> timedelta:
    """So far ahead it is Wednesday at ten: yesterday and tomorrow are in the week that a page shows."""
    now = datetime.now(UTC)
    ahead = (WEDNESDAY - now.weekday()) % 7 or 7
    return datetime.combine(now.date() + timedelta(days=ahead), time(10), UTC) - now


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"there is no {CHROMIUM}, and CI=true: nothing is left out there")
        pytest.skip(f"left out: there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def deployment(chromium: Browser) -> Iterator[Deployment]:
    assert chromium.is_connected()  # without a browser nothing is deployed
    with deployed(Plan(tick_seconds=0, settings=SETTINGS, ahead=to_wednesday())) as deployment:
        deployment.google.change(quota_units_a_minute=0)
        yield deployment


@pytest.fixture(scope="module")
def practice(deployment: Deployment) -> Iterator[Practice]:
    documents = firestore(load(Function.SYNC_TASK, deployment.environment(Function.SYNC_TASK)))
    practice = Practice(deployment, documents)
    yield practice
    practice.close()
    documents.close()


@pytest.fixture
def screen(chromium: Browser, practice: Practice) -> Iterator[Screen]:
    """A window in which nothing goes wrong unseen, and which asks nobody but the deployment."""
    context = chromium.new_context(viewport={"width": 1360, "height": 860}, reduced_motion="reduce")
    screen = Screen(context.new_page(), practice)
    yield screen
    context.close()
    assert screen.troubles == []
    assert screen.refusals == screen.expected_refusals
    assert screen.origins <= screen.own_origins
