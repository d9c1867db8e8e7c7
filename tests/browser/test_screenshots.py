"""The pictures of the README, from a seeded practice: written only where SCREENSHOTS names a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, ViewportSize, expect

from sandbox.controls import Account
from sandbox.deployment.deployment import Deployment
from sandbox.ehr.return_page import PATH as RETURN_PAGE
from tests.browser.screen import Screen

FOLDER = os.environ.get("SCREENSHOTS")
ZONE = ZoneInfo("America/New_York")
WEEKS_OPEN = 12
"""The practice has its weekly clients by then."""
NAME = "Robin Musterfrau"
SIZE: ViewportSize = {"width": 1360, "height": 850}
pytestmark = pytest.mark.skipif(not FOLDER, reason="left out: SCREENSHOTS names no folder to write to")


@pytest.fixture(scope="module")
def account(deployment: Deployment) -> Account:
    """Of a practitioner with a full week, and a family."""
    now = datetime.now(UTC) + deployment.ahead
    today = (now - timedelta(days=now.weekday())).date()
    opened = today - timedelta(weeks=WEEKS_OPEN)
    people, _ = deployment.ehr.seed(today=opened.isoformat(), seed=5, appointments=1200)
    robin = next(each for each in people if each.name == NAME)
    for day, hour, title in ((2, 17, "Staff talk"), (4, 12, "Lunch with Kim")):
        starts = datetime.combine(today + timedelta(days=day), time(hour), ZONE)
        times = {"start": starts.isoformat(), "end": (starts + timedelta(hours=1)).isoformat()}
        deployment.ehr.staff("book_personal", practitioner=robin.id, zone=ZONE.key, title=title, **times)
    account = deployment.google.add_account("robin.musterfrau@example.com", ZONE.key, NAME)
    deployment.google.revoke_grants(account.sub)
    _family(deployment, account, today)
    return account


def _family(deployment: Deployment, account: Account, monday: date) -> None:
    family = deployment.google.user(account.sub, "create_calendar", summary="Family")["id"]
    deployment.google.user(account.sub, "color_calendar", calendar=family, color="5")
    for day in (1, 3):
        times = {
            name: {"dateTime": f"{monday + timedelta(days=day)}T{hour}:00", "timeZone": ZONE.key}
            for name, hour in (("start", "07:30"), ("end", "08:00"))
        }
        body = {"summary": "School run", **times}
        deployment.google.user(account.sub, "create", calendar=family, body=body)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport=SIZE, reduced_motion="reduce")
    yield context.new_page()
    context.close()


def taken(page: Page, name: str) -> None:
    assert FOLDER
    page.mouse.move(0, 0)
    page.wait_for_timeout(400)
    page.screenshot(path=Path(FOLDER) / f"{name}.png")


def test_the_pictures(deployment: Deployment, account: Account, page: Page) -> None:
    ehr = f"{deployment.at.ehr}/app/"
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    page.goto(ehr)
    page.get_by_role("button", name=NAME).click()
    page.get_by_role("link", name="Sync Calendar").click()
    page.get_by_role("button", name="Connect with Google").click()
    page.get_by_label(NAME).check()
    page.get_by_role("button", name="Allow").click()
    assert RETURN_PAGE in page.url
    page.get_by_role("button", name="Finish connecting").click()
    page.get_by_role("link", name="Back to Sync Calendar").click()
    page.get_by_role("button", name="Start Sync").click()
    page.locator(".finished").wait_for()
    page.get_by_role("switch", name="Family").check()
    expect(page.get_by_text("Takes your time", exact=True)).to_be_visible()
    taken(page, "sync")
    _both(deployment, account, page)
    page.set_viewport_size({"width": 390, "height": 780})
    page.get_by_role("button", name="EHR", exact=True).click()
    expect(page.locator(".week-columns > ul")).to_have_count(1)
    taken(page, "phone")


def _both(deployment: Deployment, account: Account, page: Page) -> None:
    calendars = page.request.get(
        f"{deployment.at.google}/app/data/week?account={account.email}&from=2026-01-01&days=1"
    ).json()["calendars"]
    ours = next(each["id"] for each in calendars if each["name"] == "Practice appointments")
    deployment.google.user(account.sub, "color_calendar", calendar=ours, color="15")
    page.get_by_role("link", name="Calendar", exact=True).click()
    page.get_by_role("button", name="Both").click()
    google: FrameLocator = page.frame_locator(".beside iframe")
    expect(Screen.event(google, "School run")).to_be_visible()
    expect(Screen.event(page, "Busy")).to_be_visible()
    taken(page, "both")
