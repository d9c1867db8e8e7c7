"""Both pages in a browser, with the whole deployment behind them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from sandbox.controls import Json
from tests.browser.screen import Screen
from tests.eventually import eventually
from tests.process.people import Person, Practice, google_time
from tests.process.resources import FAMILY, GIVEN

CLIENT = f"{GIVEN} {FAMILY}"
HOSTILE = "<img src=x onerror=alert(1)><b>Yoga</b>"


@pytest.fixture
def person(practice: Practice) -> Person:
    """In sync: six clients tomorrow, and an evening of their own."""
    person = practice.connected(6)
    eventually(lambda: practice.status(person) == "in_sync", "the first sync comes to its end")
    return person


def said(start: str, end: str, day: str = "") -> re.Pattern[str]:
    """How the words of an event have these times of day ("9:00 AM"), whatever spaces stand in them."""
    parts = [text.replace(" ", r"\s") for text in (start, end)]
    return re.compile(day + r".*\b" + r"\s.\s".join(parts))


def tomorrow(practice: Practice) -> str:
    return practice.at(0).date().isoformat()


def row(practice: Practice, appointment: str) -> Json:
    return next(each for each in practice.ehr.appointments() if each["id"] == appointment)


def name_of(screen: Screen, person: Person) -> str:
    people: list[Json] = screen.page.request.get(f"{screen.ehr}people").json()
    return next(str(each["name"]) for each in people if each["id"] == person.practitioner)


# --- connecting -----------------------------------------------------------------------------------------


def test_a_practitioner_connects_starts_and_sees_the_check_mark(practice: Practice, screen: Screen) -> None:
    person = practice.person(12)
    screen.sign_in(person, "sync")
    page = screen.page
    expect(page.get_by_role("heading", name="Not connected")).to_be_visible()
    screen.button("Connect with Google").click()
    page.get_by_label(f"({person.account.email})").check()
    screen.button("Allow").click()
    screen.button("Finish connecting").click()
    expect(page.get_by_role("status")).to_have_text(
        f"Your calendar is connected with {person.account.email}."
    )
    page.get_by_role("link", name="Back to Sync Calendar").click()
    expect(page.locator(".card").get_by_text(person.account.email).first).to_be_visible()
    page.get_by_label("Calendar name").fill("My clients")
    screen.button("What would happen?").click()
    expect(page.get_by_text("In Google: 14 made, 0 changed, 0 removed.")).to_be_visible()
    screen.button("Start Sync").click()
    expect(page.locator(".finished")).to_be_visible()  # without loading the page again
    expect(page.get_by_role("heading", name="In sync")).to_be_visible()
    expect(page.locator(".status")).to_contain_text("My clients")
    assert len(practice.google.events(practice.calendar_id(person))) == 14


def test_whoever_does_not_agree_is_told_that_nothing_was_connected(
    practice: Practice, screen: Screen
) -> None:
    person = practice.person(0)
    screen.sign_in(person, "sync")
    screen.button("Connect with Google").click()
    screen.button("Cancel").click()
    expect(screen.page.get_by_role("status")).to_contain_text("Nothing was connected.")
    screen.page.get_by_role("link", name="Back to Sync Calendar").click()
    expect(screen.button("Connect with Google")).to_be_enabled()


# --- both weeks -----------------------------------------------------------------------------------------


def test_a_drag_on_either_side_arrives_on_the_other(
    practice: Practice, screen: Screen, person: Person
) -> None:
    day = tomorrow(practice)
    practice.make(person, 0, "Yoga")
    screen.sign_in(person)
    google = screen.beside()
    expect(screen.event(screen.page, "Yoga")).to_be_visible()
    expect(screen.event(google, "C-1000")).to_be_visible()
    moved = screen.page.locator(f'.week-item[data-id="{person.appointments[0]}"] button')
    screen.drag(screen.page, moved, day, 16)
    expect(moved).to_have_attribute("aria-label", said("4:00 PM", "4:50 PM"))
    expect(screen.event(google, "C-1000")).to_have_attribute("aria-label", said("4:00 PM", "4:50 PM"))
    screen.drag(google, screen.event(google, "Yoga"), day, 17.5)
    expect(screen.event(screen.page, "Yoga")).to_have_attribute("aria-label", said("5:30 PM", "6:20 PM"))
    assert row(practice, person.appointments[0])["start"].startswith(f"{day}T16:00")


def test_a_client_moved_in_google_is_put_back_before_ones_eyes(
    practice: Practice, screen: Screen, person: Person
) -> None:
    def stored() -> Json:
        events = practice.google.events(practice.calendar_id(person))
        return next(each for each in events if each["summary"] == "C-1001")

    before = stored()["etag"]
    screen.sign_in(person)
    google = screen.beside()
    event = screen.event(google, "C-1001")
    expect(event).to_be_visible()
    screen.drag(google, event, tomorrow(practice), 16)
    eventually(lambda: stored()["etag"] != before, "it is moved")
    expect(event).to_have_attribute("aria-label", said("9:00 AM", "9:50 AM"))


def test_the_end_is_drawn_and_empty_time_is_booked(
    practice: Practice, screen: Screen, person: Person
) -> None:
    day = tomorrow(practice)
    screen.sign_in(person)
    page = screen.page
    last = page.locator(f'.week-item[data-id="{person.appointments[-1]}"] button')
    expect(last).to_be_visible()
    screen.stretch(page, last, day, 15.5)
    expect(last).to_have_attribute("aria-label", said("2:00 PM", "3:30 PM"))
    screen.draw(page, day, (16, 17))
    page.get_by_label("Client", exact=True).select_option("personal")
    page.get_by_label("Title").fill(HOSTILE)
    screen.button("Book").click()
    expect(screen.event(page, HOSTILE)).to_have_attribute("aria-label", said("4:00 PM", "5:00 PM"))
    assert row(practice, person.appointments[-1])["end"].startswith(f"{day}T15:30")


def test_the_text_of_an_event_is_shown_as_text(practice: Practice, screen: Screen, person: Person) -> None:
    practice.make(person, 0, HOSTILE)
    screen.sign_in(person)
    google = screen.beside()
    for where in (screen.page, google):
        expect(screen.event(where, HOSTILE).locator(".week-title")).to_have_text(HOSTILE)
    screen.event(screen.page, HOSTILE).click()
    expect(screen.page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    assert screen.page.locator("img[src=x]").count() == 0


def test_what_google_makes_edits_and_deletes_is_followed(
    practice: Practice, screen: Screen, person: Person
) -> None:
    day = tomorrow(practice)
    screen.sign_in(person)
    google = screen.beside()
    expect(screen.event(google, "C-1000")).to_be_visible()
    screen.draw(google, day, (16, 17))
    google.get_by_label("Title").fill("Piano")
    google.get_by_role("combobox", name="Calendar").select_option(label="Appointments")
    google.get_by_role("button", name="Save").click()
    expect(screen.event(screen.page, "Piano")).to_be_visible()
    screen.event(google, "Piano").click()
    google.get_by_role("button", name="Edit").click()
    google.get_by_label("Title").fill("Cello")
    google.get_by_role("button", name="Save").click()
    expect(screen.event(screen.page, "Cello")).to_be_visible()
    screen.event(google, "Cello").click()
    google.get_by_role("button", name="Delete").click()
    google.get_by_role("dialog").last.get_by_role("button", name="Delete").click()
    expect(screen.event(screen.page, "Cello")).to_have_attribute("aria-label", re.compile("cancelled"))


# --- the Sync Calendar page -----------------------------------------------------------------------------


def test_full_names_want_a_word_and_then_rewrite_the_events(screen: Screen, person: Person) -> None:
    screen.sign_in(person, "sync")
    page = screen.page
    screen.expected_refusals = 1  # by the sync, before it was said
    page.get_by_role("radio", name="Full name").click()
    expect(screen.button("Use full names")).to_be_disabled()
    page.get_by_role("checkbox", name="I may put").check()
    screen.button("Use full names").click()
    expect(page.get_by_text("Health information.")).to_be_visible()
    expect(page.get_by_role("radio", name="Full name")).to_be_checked()
    expect(page.get_by_role("heading", name="In sync")).to_be_visible()
    google = screen.beside()
    expect(screen.event(google, CLIENT)).to_be_visible()


def test_a_dialog_that_is_left_changes_nothing(screen: Screen, person: Person) -> None:
    screen.sign_in(person, "sync")
    screen.expected_refusals = 1
    screen.page.get_by_role("radio", name="Full name").click()
    expect(screen.button("Use full names")).to_be_visible()
    screen.page.keyboard.press("Escape")
    expect(screen.page.get_by_role("radio", name="Client number")).to_be_checked()


def test_a_pause_is_said_and_ends_with_resume_and_disconnecting_is_asked_for(
    practice: Practice, screen: Screen, person: Person
) -> None:
    screen.sign_in(person, "sync")
    page = screen.page
    screen.button("Pause").click()
    expect(page.get_by_role("heading", name="Paused")).to_be_visible()
    screen.button("Resume").click()
    expect(page.get_by_role("heading", name="In sync")).to_be_visible()
    screen.button("Check now").click()
    expect(page.get_by_text("Both calendars are being looked at.")).to_be_visible()
    screen.button("Disconnect").click()
    page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    expect(page.get_by_role("heading", name="Disconnected")).to_be_visible()
    expect(screen.button("Connect with Google")).to_be_visible()
    assert practice.status(person) == "disconnected"


def test_another_calendar_takes_the_time_as_a_locked_block(
    practice: Practice, screen: Screen, person: Person
) -> None:
    family = practice.google.user(person.sub, "create_calendar", summary="Family")["id"]
    begins = practice.at(7) + timedelta(hours=1)
    times = {"start": google_time(begins), "end": google_time(begins + timedelta(hours=1))}
    body = {"summary": "School run", **times}
    practice.google.user(person.sub, "create", calendar=family, body=body)
    screen.sign_in(person, "sync")
    screen.page.get_by_role("switch", name="Family").check()
    expect(screen.page.get_by_text("Takes your time", exact=True)).to_be_visible()
    screen.go("Calendar")
    block = screen.event(screen.page, "Busy")
    expect(block).to_have_attribute("aria-label", re.compile("locked"))
    screen.drag(screen.page, block, tomorrow(practice), 20)
    expect(block).to_have_attribute("aria-label", said("5:00 PM", "6:00 PM"))
    screen.go("Sync Calendar")
    screen.page.get_by_role("switch", name="Family").uncheck()
    screen.go("Calendar")
    expect(block).to_have_count(0)


# --- by key, by finger, narrow --------------------------------------------------------------------------


def test_an_appointment_is_found_opened_and_moved_by_keys_alone(
    practice: Practice, screen: Screen, person: Person
) -> None:
    screen.sign_in(person)
    page = screen.page
    first = page.locator(f'.week-item[data-id="{person.appointments[0]}"] button')
    second = page.locator(f'.week-item[data-id="{person.appointments[1]}"] button')
    first.focus()
    page.keyboard.press("ArrowDown")
    expect(second).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(second).to_be_focused()
    page.keyboard.press("Shift+ArrowDown")
    page.keyboard.press("Escape")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Alt+ArrowDown")
    expect(page.locator("#heard")).to_contain_text("Friday")
    page.keyboard.press("Enter")
    expect(second).to_have_attribute("aria-label", said("8:45 AM", "9:50 AM", "Friday"))
    expect(second).to_be_focused()
    friday = practice.at(8).date().isoformat()
    assert row(practice, person.appointments[1])["start"].startswith(f"{friday}T08:45")


def test_a_narrow_window_shows_one_day_and_either_page(
    practice: Practice, screen: Screen, person: Person
) -> None:
    screen.page.set_viewport_size({"width": 390, "height": 780})
    screen.sign_in(person)
    page = screen.page
    expect(page.locator(".week-columns > ul")).to_have_count(1)
    screen.button("Next").click()
    expect(screen.event(page, CLIENT)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    screen.button("Google").click()
    google = page.frame_locator(".beside iframe")
    expect(google.locator(".week-columns > ul")).to_have_count(1)
    screen.button("EHR").click()
    screen.go("Sync Calendar")
    expect(page.get_by_role("heading", name="In sync")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert practice.status(person) == "in_sync"


# --- what waits, and the office -------------------------------------------------------------------------


def test_deletions_in_bulk_ring_the_bell_and_are_answered_one_by_one(
    practice: Practice, screen: Screen, person: Person
) -> None:
    practice.ask(person, "PATCH", "/settings", {"google_edits": "accept", "review_threshold": 1})
    eventually(lambda: practice.status(person) == "in_sync", "the settings are taken in")
    calendar = practice.calendar_id(person)
    events = [each for each in practice.google.events(calendar) if each["summary"].startswith("C-")]
    practice.tasks.change(paused=True)  # one look finds them all
    for event in events[:3]:
        practice.user(person, "delete", event=event["id"])
    practice.tasks.change(paused=False)
    screen.sign_in(person, "inbox")
    page = screen.page
    expect(page.get_by_role("link", name="For you: 3 waiting")).to_be_visible()
    boxes = page.locator(".deletions").get_by_role("checkbox")
    expect(boxes).to_have_count(3)
    boxes.first.check()
    screen.button("Cancel these appointments").click()
    expect(page.get_by_text("· cancelled")).to_be_visible()
    expect(boxes).to_have_count(2)
    page.get_by_role("checkbox", name="Select all").check()
    screen.button("Restore in Google").click()
    expect(page.get_by_text("· back in Google")).to_have_count(2)
    screen.button("Undo 1 cancellation").click()
    expect(page.get_by_text("· booked again")).to_be_visible()
    assert {row(practice, each)["status"] for each in person.appointments} == {"booked"}


def test_the_office_sees_who_is_in_sync_and_invites(
    practice: Practice, screen: Screen, person: Person
) -> None:
    other = practice.person(0)
    page = screen.page
    page.goto(screen.ehr)
    page.get_by_role("button", name="Practice office").click()
    rows = page.get_by_role("row")
    own = rows.filter(has=page.get_by_text(name_of(screen, person), exact=True))
    expect(own).to_contain_text("In sync")
    invited = rows.filter(has=page.get_by_text(name_of(screen, other), exact=True))
    invited.get_by_role("button", name="Invite").click()
    expect(invited.get_by_role("button", name="Take back")).to_be_visible()


def test_a_link_for_other_programs_is_shown_once_and_ends(screen: Screen, person: Person) -> None:
    screen.sign_in(person, "sync")
    page = screen.page
    screen.button("Make a link").click()
    link = page.get_by_label("The link").input_value()
    assert page.request.get(link).text().startswith("BEGIN:VCALENDAR")
    screen.button("End it").click()
    expect(screen.button("Make a link")).to_be_visible()
    assert page.request.get(link).status == 404


def test_the_history_names_what_moved_and_a_free_hour_is_told(
    practice: Practice, screen: Screen, person: Person
) -> None:
    practice.reschedule(person.appointments[0], practice.at(7) + timedelta(hours=1))
    screen.sign_in(person, "sync")
    page = screen.page
    history = page.get_by_role("region", name="What happened")
    expect(history.get_by_role("listitem").filter(has_text="Moved in the EHR")).to_contain_text(CLIENT)
    page.get_by_label("Day", exact=True).fill(tomorrow(practice))
    screen.button("Look").click()
    free = page.get_by_role("region", name="When are you free?")
    expect(free.get_by_role("listitem").filter(has_text=re.compile(r"5:00.PM.*Busy"))).to_be_visible()


def test_nothing_of_another_installation_is_there_to_be_removed(screen: Screen, person: Person) -> None:
    screen.sign_in(person, "sync")
    screen.button("Look for them").click()
    expect(screen.page.get_by_text("There is nothing.")).to_be_visible()
