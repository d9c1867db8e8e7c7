"""Guests of an event: their entries, whose event it is, and what a guest may change."""

from __future__ import annotations

from typing import Any

from sandbox.google.errors import Json, bad_request, invalid, refusal, required
from sandbox.google.store import Calendar, Settings

RESPONSES = ("needsAction", "declined", "tentative", "accepted")
OF_GOOGLE = frozenset({"self", "organizer", "asyncOperation"})
"""What Google says of an entry, whatever a request says."""
SHARED = (
    "summary",
    "description",
    "location",
    "start",
    "end",
    "recurrence",
    "guestsCanInviteOthers",
    "guestsCanModify",
    "guestsCanSeeOtherGuests",
    "anyoneCanAddSelf",
    "conferenceData",
    "attachments",
)
"""What is one for all copies of an event; the rest is each guest's own."""


def entries(event: Json, calendar: Calendar, settings: Settings) -> list[Json]:
    """The guests as Google answers them. Raises ApiError 400."""
    given = event.get("attendees") or []
    if not isinstance(given, list) or not all(isinstance(entry, dict) for entry in given):
        raise bad_request("Invalid value for: attendees")
    organizer = event.get("organizer", {}).get("email")
    return [_entry(entry, organizer, calendar, settings) for entry in given]


def _entry(given: Json, organizer: str | None, calendar: Calendar, settings: Settings) -> Json:
    email = given.get("email")
    if email is None:
        raise required("Missing attendee email.")
    if not isinstance(email, str) or "@" not in email:
        raise invalid("Invalid attendee email.")
    response = given.get("responseStatus", "needsAction")
    if response not in RESPONSES:
        raise invalid(f"Invalid value for: {response} is not a valid value")
    owned = calendar.primary or settings.self_on_secondary
    me = email == calendar.id or (owned and calendar.rules.role_of(email, "") == "owner")
    flags = {"organizer": email == organizer, "self": me}
    return {
        "email": email,
        **{name: True for name, holds in flags.items() if holds},
        **{name: value for name, value in given.items() if name not in OF_GOOGLE | {"email"}},
        "responseStatus": response,
    }


def is_guest(event: Json) -> bool:
    """Whether the event is somebody else's, and this calendar's copy is kept in step with it."""
    return not event.get("organizer", {}).get("self") and not event.get("privateCopy")


def check_change(old: Json, new: Json) -> None:
    """A guest changes what is one's own, unless guests may change the event. Raises ApiError 403."""
    if not is_guest(old) or old.get("guestsCanModify"):
        return
    changed = any(old.get(name) != new.get(name) for name in SHARED)
    if changed or _shared_properties(old) != _shared_properties(new) or _others(old) != _others(new):
        raise refusal("forbiddenForNonOrganizer")


def answered(event: Json, response: str) -> Json:
    """The event once the calendar's owner has answered the invitation. Raises ValueError for none."""
    if response not in RESPONSES[1:]:
        raise ValueError(f"an answer is one of {', '.join(RESPONSES[1:])}, not {response!r}")
    listed = event.get("attendees", [])
    if not any(entry.get("self") for entry in listed):
        raise ValueError("this calendar's owner is no guest of the event")
    new = [{**entry, "responseStatus": response} if entry.get("self") else entry for entry in listed]
    return {**event, "attendees": new}


def with_guests(event: Json, emails: list[str]) -> Json:
    """The event with more guests; its organizer becomes one with the first."""
    organizer = {"email": event["organizer"]["email"], "responseStatus": "accepted"}
    listed = event.get("attendees") or [organizer]
    return {**event, "attendees": [*listed, *({"email": email} for email in emails)]}


def trimmed(event: Json, most: int) -> Json:
    """With more guests than `most`, only oneself is told (`maxAttendees`)."""
    listed = event.get("attendees", [])
    if len(listed) <= most:
        return event
    return {**event, "attendees": [e for e in listed if e.get("self")], "attendeesOmitted": True}


def _others(event: Json) -> list[Any]:
    return [entry for entry in event.get("attendees", []) if not entry.get("self")]


def _shared_properties(event: Json) -> Any:
    return event.get("extendedProperties", {}).get("shared")
