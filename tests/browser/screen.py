"""A window on the two pages, and the hand that uses it."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, FrameLocator, Locator, Page, expect

from shared.settings import Function
from tests.process.people import Person, Practice

SECONDS = 12.0
DAY_MINUTES = 24 * 60
Where = Page | FrameLocator


class Screen:
    def __init__(self, page: Page, practice: Practice) -> None:
        self.page = page
        self._practice = practice
        at = practice.deployment.at
        self.ehr, self.google = f"{at.ehr}/app/", f"{at.google}/app/"
        self.own_origins = {
            at.ehr,
            at.google,
            at.functions[Function.SETTINGS_API],
            at.functions[Function.OAUTH_CALLBACK],
        }
        self.origins: set[str] = set()
        """All that were asked for anything."""
        self.troubles: list[str] = []
        self.refusals = self.expected_refusals = 0
        """Answers that refuse what a test asks for; a browser notes each as an error."""
        page.set_default_timeout(SECONDS * 1000)
        expect.set_options(timeout=SECONDS * 1000)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("request", lambda request: self.origins.add(_origin(request.url)))
        page.on("dialog", lambda dialog: self.troubles.append(f"a dialog: {dialog.message}"))

    def _heard(self, message: ConsoleMessage) -> None:
        if "status of 422" in message.text:
            self.refusals += 1
        elif message.type in ("error", "warning"):
            self.troubles.append(message.text)

    # --- where one is -----------------------------------------------------------------------------------

    def sign_in(self, person: Person, page: str = "calendar") -> None:
        """By the sign-in screen, of which there is a card for everybody."""
        self.page.request.post(f"{self.ehr}sign-in", data={"practitioner": person.practitioner})
        self.page.goto(f"{self.ehr}#{page}")

    def go(self, page: str) -> None:
        self.page.get_by_role("navigation").get_by_role("link", name=re.compile(f"^{page}")).click()

    def beside(self) -> FrameLocator:
        """Google's page beside the EHR's."""
        self.page.get_by_role("button", name="Both").click()
        return self.page.frame_locator(".beside iframe")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    # --- the week ---------------------------------------------------------------------------------------

    @staticmethod
    def event(where: Where, text: str) -> Locator:
        """The first event with that in its words."""
        return where.locator(".week-columns").get_by_role("button", name=text).first

    def drag(self, where: Where, event: Locator, day: str, hour: float) -> None:
        """By its upper part to an hour of a day (`YYYY-MM-DD`)."""
        event.scroll_into_view_if_needed()
        grip = _box(event)
        x, y = self.point(where, day, hour)
        top = min(6.0, grip["height"] / 3)
        self._draw((grip["x"] + grip["width"] / 2, grip["y"] + top), (x, y + top))

    def draw(self, where: Where, day: str, hours: tuple[float, float]) -> None:
        """Over empty time."""
        first, last = (self.point(where, day, hour) for hour in hours)
        self._draw((first[0], first[1] + 2), last)

    def stretch(self, where: Where, event: Locator, day: str, hour: float) -> None:
        """By its lower edge."""
        grip = _box(event)
        x, y = self.point(where, day, hour)
        self._draw((grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] - 2), (x, y - 1))

    def _draw(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        mouse.move((start[0] + end[0]) / 2, (start[1] + end[1]) / 2, steps=3)
        mouse.move(*end, steps=3)
        mouse.up()

    @staticmethod
    def point(where: Where, day: str, hour: float) -> tuple[float, float]:
        """The middle of a day's column at an hour, on the page."""
        box = _box(where.locator(f'.week-columns > ul[data-day="{day}"]'))
        return box["x"] + box["width"] / 2, box["y"] + box["height"] * hour * 60 / DAY_MINUTES


def _box(locator: Locator) -> dict[str, float]:
    box = locator.bounding_box()
    assert box is not None, "it is not on the screen"
    return {"x": box["x"], "y": box["y"], "width": box["width"], "height": box["height"]}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
