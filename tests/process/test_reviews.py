"""Deletions in bulk, through every process: held, answered at the endpoints, carried out, taken back."""

from __future__ import annotations

from tests.eventually import eventually
from tests.process.judge import in_sync
from tests.process.people import Person, Practice
from tests.process.stories import settled


def deletions(practice: Practice, person: Person, review: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = practice.ask(person, "GET", f"/reviews/{review}")["deletions"]
    return found


def standings(practice: Practice, person: Person, review: str) -> list[str]:
    return sorted(str(each["standing"]) for each in deletions(practice, person, review))


def test_five_deletions_at_once_wait_are_answered_and_taken_back(practice: Practice) -> None:
    found = settled(practice)
    person = found.person
    practice.ask(person, "PATCH", "/settings", {"google_edits": "accept"})
    in_sync(practice, person)
    live = [each["id"] for each in practice.google.events(practice.calendar_id(person))]
    for event in live[:5]:
        practice.user(person, "delete", event=event)
    waiting = eventually(
        lambda: [each for each in practice.ask(person, "GET", "/reviews")["reviews"] if each["waiting"] == 5],
        "they wait",
    )
    review = waiting[0]["review"]
    shown = deletions(practice, person, review)
    confirm = [{"item": each["item"], "version": each["version"]} for each in shown[:3]]
    restore = [each["item"] for each in shown[3:]]
    for _ in range(2):  # the same answer twice is the same answer
        answered = practice.ask(
            person, "POST", f"/reviews/{review}/answers", {"confirm": confirm, "restore": restore}
        )
        assert set(answered["answers"].values()) == {"accepted"}
    eventually(
        lambda: standings(practice, person, review) == ["cancelled"] * 3 + ["restored"] * 2, "carried out"
    )
    in_sync(practice, person)
    practice.ask(person, "POST", f"/reviews/{review}/undo")
    eventually(lambda: standings(practice, person, review) == ["restored"] * 2 + ["undone"] * 3, "taken back")
    in_sync(practice, person)
    assert practice.ask(person, "GET", "/reviews")["waiting"] == 0
