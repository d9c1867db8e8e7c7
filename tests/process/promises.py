"""What holds at the end of a whole story, whatever happened in it and whatever the EHR is like."""

from __future__ import annotations

import json
from collections import Counter

from sandbox.controls import Json
from shared.core.policy import LabelMode
from tests.fhir_valid import assert_valid, assert_valid_body
from tests.process.haystacks import haystacks, labels_told
from tests.process.people import Person, Practice
from tests.process.resources import FAMILY, GIVEN, OUTSIDE_TITLE, SECRET_TEXTS, VENDOR_FIELD
from tests.process.whole_story import OURS, Story

SHOWN = {
    LabelMode.FULL_NAME: {GIVEN, FAMILY},
    LabelMode.FIRST_NAME: {GIVEN},
    LabelMode.INITIALS: set[str](),
    LabelMode.INTERNAL_ID: set[str](),
}
"""Words of a client's that stand in the labels that are told to Google, and no others."""
_OVER = frozenset({"cancelled", "entered-in-error", "free"})


def kept(story: Story) -> None:
    practice = story.practice
    _everything_went_wrong(story)
    _nothing_of_the_vendors_is_touched(story)
    _nothing_is_there_twice(practice)
    _what_was_sent_is_fhir(practice)
    no_text_strays(practice)
    for person in (story.person, story.colleague):
        labels_say(practice, person, practice.kind.label)


def _everything_went_wrong(story: Story) -> None:
    """Whatever was to go wrong has been met: answers lost, servers that ask to be let alone."""
    kind = story.practice.kind
    ehr = story.practice.asked_of_the_ehr()
    lost = {each["operation"] for each in ehr if each["lost"]}
    assert lost == {"Appointment.create", kind.write, f"{kind.block}.create"}
    assert {each["status"] for each in ehr} >= {429, 503}
    subs = {story.person.sub, story.colleague.sub}
    google = [each for each in story.practice.asked_of_google() if each["sub"] in subs]
    assert {each["operation"] for each in google if each["lost"]} == {"events.insert"}
    refused = {each["operation"] for each in google if each["status"] in (403, 429, 503)}
    assert refused == {"events.patch", "events.delete"}


def _nothing_of_the_vendors_is_touched(story: Story) -> None:
    for before in story.brought:
        assert _not_ours(story.row(before["id"])) == _not_ours(before)


def _not_ours(row: Json) -> Json:
    return {name: value for name, value in row.items() if name not in OURS}


def _nothing_is_there_twice(practice: Practice) -> None:
    """By our identifiers; `compare` has looked for what a person sees."""
    rows = [*practice.ehr.rows("Appointment"), *practice.ehr.rows("Slot")]
    living = [row for row in rows if row["status"] not in _OVER]
    named = Counter((each["system"], each["value"]) for row in living for each in row.get("identifier", ()))
    assert [name for name, count in named.items() if count > 1] == []


def _what_was_sent_is_fhir(practice: Practice) -> None:
    bodies = [(each["method"], each["body"]) for each in practice.asked_of_the_ehr() if each["body"]]
    assert bodies
    for method, body in bodies:
        assert_valid_body(method, _plain(json.loads(body)))
    for row in (*practice.ehr.rows("Appointment"), *practice.ehr.rows("Slot")):
        assert_valid(_plain(row))


def _plain(body: Json) -> Json:
    """Without what a vendor has beside FHIR."""
    if isinstance(body, list):
        return body
    return {name: value for name, value in body.items() if name != VENDOR_FIELD}


def no_text_strays(practice: Practice) -> None:
    places = haystacks(practice)
    found = {place: [word for word in SECRET_TEXTS if word in text] for place, text in places.items()}
    assert found == {place: [] for place in places}
    assert not any(OUTSIDE_TITLE in each["body"] for each in practice.asked_of_the_ehr())


def labels_say(practice: Practice, person: Person, mode: LabelMode) -> None:
    told = labels_told(practice, person)
    assert {word for word in SECRET_TEXTS for label in told if word in label} == SHOWN[mode]
