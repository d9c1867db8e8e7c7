"""What the event of a client appointment says: the label that was chosen, where, and little else.

    chosen          shows                               where that is missing, the next less revealing
    full_name       the name as the EHR writes it       first_name
    first_name      the first given name                initials
    initials        of first given and family name      internal_id
    internal_id     the practice's own number           "Client"

Two or more clients are "Group (n)".
"""

from __future__ import annotations

from collections.abc import Sequence

import regex  # type: ignore[import-untyped]  # it comes without types

from shared.core.model import Appointment, Client, What
from shared.core.policy import ConnectionSettings, LabelMode
from shared.core.text import canonical

FALLBACK_LABEL = "Client"

_CLUSTER = regex.compile(r"\X")
"""What a reader takes for one letter, with all its accents (Unicode Standard Annex 29)."""
_LETTER = regex.compile(r"\p{L}")


def label(clients: Sequence[Client], mode: LabelMode) -> str:
    """The one text about clients that may leave the EHR."""
    if len(clients) > 1:
        return f"Group ({len(clients)})"
    client = clients[0] if clients else Client()
    parts = {
        LabelMode.FULL_NAME: client.full_name,
        LabelMode.FIRST_NAME: client.given,
        LabelMode.INITIALS: initials(client),
        LabelMode.INTERNAL_ID: client.internal_id,
    }
    most_revealing_first = list(parts)
    allowed = most_revealing_first[most_revealing_first.index(mode) :]
    return next((shown for part in allowed if (shown := canonical(parts[part]))), FALLBACK_LABEL)


def initials(client: Client) -> str:
    """At most two letters. Of a name that is one text only, those of its first and its last word."""
    if client.given or client.family:
        return _initial(client.given.split()) + _family_initial(client.family.split())
    first, *rest = client.full_name.split() or [""]
    return _initial([first]) + _family_initial(rest[-1:])


def _family_initial(words: Sequence[str]) -> str:
    """Particles in small letters do not count: "van der Berg" is B, "Van der Berg" V, "'t Hooft" H."""
    heads = [word for word in words if (letter := _first_letter(word)) and letter == _capital(letter)]
    return _initial(heads or words)


def _initial(words: Sequence[str]) -> str:
    return next((_capital(letter) for word in words if (letter := _first_letter(word))), "")


def _first_letter(word: str) -> str:
    """Past quotes, digits, signs and pictures; "" where there is no letter."""
    return next((cluster for cluster in _CLUSTER.findall(canonical(word)) if _LETTER.search(cluster)), "")


def _capital(letter: str) -> str:
    """One letter, as names begin: what has two for a capital (ß, ﬁ) gives its first, what has none stays.

    Title case, for Georgian has capitals that no name begins with.
    """
    return str(_CLUSTER.findall(letter.title())[0])


def default_label(*, has_internal_ids: bool) -> LabelMode:
    """Of a practitioner who has not chosen; whether the practice numbers its clients is a fact of it."""
    return LabelMode.INTERNAL_ID if has_internal_ids else LabelMode.INITIALS


def client_what(appointment: Appointment, clients: Sequence[Client], settings: ConnectionSettings) -> What:
    """What the event of a client appointment says. Service and link only where they were asked for."""
    service = _line(appointment.service) if settings.service_line else ""
    link = appointment.telehealth if settings.telehealth_link else ""
    lines = (service, f"Telehealth: {link}" if link else "")
    return What(
        summary=label(clients, settings.client_label),
        description="\n".join(line for line in lines if line),
        location=canonical(appointment.location) or link,
    )


def _line(text: str) -> str:
    return " ".join(canonical(text).split())
