"""Texts: their canonical form, the label of a client, and what an appointment's event says."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from shared.core.model import Appointment, Client, Kind, Side, What
from shared.core.policy import LabelMode, PersonalText

BUSY = "Busy"
FALLBACK_LABEL = "Client"
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


def label(clients: Sequence[Client], mode: LabelMode) -> str:
    """The one text about clients that may leave the EHR; a missing part falls to the next less revealing."""
    if len(clients) > 1:
        return f"Group ({len(clients)})"
    client = clients[0] if clients else Client()
    parts = {LabelMode.FULL_NAME: client.full_name, LabelMode.INTERNAL_ID: client.internal_id}
    most_revealing_first = list(parts)
    allowed = most_revealing_first[most_revealing_first.index(mode) :]
    return next((canonical(parts[part]) for part in allowed if canonical(parts[part])), FALLBACK_LABEL)


def personal_what(appointment: Appointment, origin: Side, text: PersonalText) -> What:
    """What the event of a personal appointment says; one made in the calendar keeps its own title."""
    hidden = origin is Side.EHR and text is PersonalText.BUSY
    return What(summary=BUSY if hidden else canonical(appointment.title), busy=appointment.busy)


def client_what(appointment: Appointment, clients: Sequence[Client], mode: LabelMode) -> What:
    """What the event of a client appointment says."""
    return What(summary=label(clients, mode), location=canonical(appointment.location))
