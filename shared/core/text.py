"""Texts: their canonical form, what of them counts, and what a personal appointment's event says."""

from __future__ import annotations

import unicodedata

from shared.core.model import Appointment, Kind, Side, What
from shared.core.policy import PersonalText

BUSY = "Busy"
CANCELLED = "Cancelled"


def canonical(text: str) -> str:
    """NFC, newlines unified, trimmed, whole characters: what every side gives back unchanged.

    Half a surrogate pair, left where somebody cut an emoji in two, becomes the replacement character.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", whole.replace("\r\n", "\n").replace("\r", "\n")).strip()


def comparable(what: What, kind: Kind) -> tuple[tuple[str, object], ...]:
    """What counts as the *what* of a kind; all else in the calendar is the user's own."""
    if kind is Kind.PERSONAL:
        return ("summary", canonical(what.summary)), ("busy", what.busy)
    if kind is Kind.BLOCK:
        return (("summary", canonical(what.summary)),)
    return (
        ("summary", canonical(what.summary)),
        ("description", canonical(what.description)),
        ("location", canonical(what.location)),
        ("busy", what.busy),
        ("private", what.private),
        ("recurring", what.recurring),
    )


def personal_what(appointment: Appointment, origin: Side, text: PersonalText) -> What:
    """What the event of a personal appointment says; one made in the calendar keeps its own title."""
    hidden = origin is Side.EHR and text is PersonalText.BUSY
    return What(summary=BUSY if hidden else canonical(appointment.title), busy=appointment.busy)
