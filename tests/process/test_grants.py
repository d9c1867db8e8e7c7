"""A person takes the consent back at Google, and later gives it again."""

from __future__ import annotations

from sandbox.controls import Json, last_number
from tests.eventually import eventually
from tests.process.judge import at_rest, idle, in_sync
from tests.process.people import Person, Practice
from tests.process.stories import HALF_AN_HOUR, asked, held, next_minute, reached, settled, starts


def lost(practice: Practice, person: Person) -> None:
    """The grant, and a look has met it."""
    practice.google.revoke_grants(person.sub)
    next_minute(practice)
    practice.deployment.scheduler.tick()
    eventually(lambda: practice.status(person) == "reconnect_needed", "the dead grant is known")
    idle(practice)


def in_vain(practice: Practice, person: Person, since: int) -> list[Json]:
    """What was asked in the name of an account that has nothing to say any more."""
    requests = practice.google.requests(since)
    return [each for each in requests if each["sub"] == person.sub or each["status"] in (400, 401)]


def test_a_dead_grant_is_known_within_a_look_and_google_is_left_in_peace(practice: Practice) -> None:
    found = settled(practice)
    lost(practice, found.person)
    since = last_number(practice.asked_of_google())
    practice.reschedule(found.person.appointments[2], practice.at(2) + HALF_AN_HOUR)
    practice.move(found.person, found.moving, practice.at(6) + HALF_AN_HOUR)
    next_minute(practice)
    practice.deployment.scheduler.tick()
    idle(practice)
    assert in_vain(practice, found.person, since) == []
    assert practice.status(found.person) == "reconnect_needed"


def test_a_new_consent_goes_on_in_the_same_calendar_and_makes_nothing_twice(practice: Practice) -> None:
    found = settled(practice)
    calendar = practice.calendar_id(found.person)
    before = {event["id"] for event in practice.google.events(calendar)}
    lost(practice, found.person)
    practice.reschedule(found.person.appointments[2], practice.at(2) + HALF_AN_HOUR)
    practice.move(found.person, found.moving, practice.at(6) + HALF_AN_HOUR)
    practice.consent(found.person)
    in_sync(practice, found.person)
    assert practice.calendar_id(found.person) == calendar
    assert {event["id"] for event in practice.google.events(calendar)} == before
    assert starts(practice, found.person, found.moving) == practice.at(6) + HALF_AN_HOUR
    assert len(asked(practice, found.person, "calendars.insert")) == 1


def test_an_event_made_just_before_the_new_channel_lives_is_not_left_to_the_next_look(
    practice: Practice,
) -> None:
    found = settled(practice)
    lost(practice, found.person)
    before = len(asked(practice, found.person, "events.list"))
    with held(practice, "events.list"):
        practice.consent(found.person)
        reached(practice, found.person, "events.list", skip=before)
        practice.make(found.person, 3)
    in_sync(practice, found.person)


def test_under_a_new_consent_changes_are_told_again(practice: Practice) -> None:
    found = settled(practice)
    lost(practice, found.person)
    practice.consent(found.person)
    at_rest(practice, found.person)
    practice.move(found.person, found.moving, practice.at(6) + HALF_AN_HOUR)
    in_sync(practice, found.person)
    assert starts(practice, found.person, found.moving) == practice.at(6) + HALF_AN_HOUR
