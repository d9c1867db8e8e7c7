"""Who is who: keys, event ids and markers, all derived, so that a repeated job names the same things.

Everything is HMAC-SHA256 under the *identity key*, which is made once and never rotated: it protects no
access, it keeps ids from telling anything.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from base64 import b32encode, b32hexencode
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from shared.core.model import Event, Kind, Marker, What
from shared.core.text import comparable

_HASH_BYTES = 20
"""160 bits: 32 characters, no padding; far below any chance of a collision."""
GENERATIONS_MAX = 100
"""A marker that claims a higher generation is not ours; an item that reaches it is set aside."""


@dataclass(frozen=True)
class Keys:
    """The identity key of a deployment."""

    identity_key: bytes = field(repr=False)

    def _hash(self, *parts: str) -> bytes:
        message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in parts)
        return hmac.digest(self.identity_key, message, hashlib.sha256)[:_HASH_BYTES]

    def _name(self, *parts: str) -> str:
        return b32encode(self._hash(*parts)).decode().lower()

    def connection(self, practice: str, practitioner: str) -> str:
        return self._name("connection", practice, practitioner)

    def calendar(self, connection: str, sub: str, external_id: str = "") -> str:
        """Key of a calendar; without `external_id` that of the appointments calendar."""
        return self._name("calendar", connection, sub, external_id)

    def calendar_mark(self, practice: str, practitioner: str, sub: str) -> str:
        """What the appointments calendar's description carries, so that it is found before it is made."""
        return self._name("mark", practice, practitioner, sub)

    def k_of_appointment(self, practice: str, connection: str, appointment_id: str) -> str:
        """Mapping key of what began in the EHR."""
        return self._name("appointment", practice, connection, appointment_id)

    def k_of_event(self, calendar_key: str, event_id: str) -> str:
        """Mapping key of a single event that began in the calendar."""
        return self._name("event", calendar_key, event_id)

    def series(self, calendar_key: str, master_id: str) -> str:
        """The first half of the mapping keys of all occurrences of a series."""
        return self._name("event", calendar_key, master_id)

    def k_of_occurrence(self, calendar_key: str, master_id: str, original_start: datetime | date) -> str:
        """Mapping key of an occurrence by its place in its series: an instant, or a day of no zone."""
        place = original_start.astimezone(UTC) if isinstance(original_start, datetime) else original_start
        return f"{self.series(calendar_key, master_id)}.{self._name('start', place.isoformat())}"

    def patient(self, practice: str, patient_id: str) -> str:
        """What may be kept of a patient's id."""
        return self._name("patient", practice, patient_id)

    def account(self, sub: str) -> str:
        """Key of an account: the one that crosses practices, for limits are an account's."""
        return self._name("account", sub)

    def consent_asked(self, nonce: str) -> str:
        """Key of the record that makes a state single use."""
        return self._name("consent asked", nonce)

    def consent_given(self, code: str) -> str:
        """Key of what waits under a one-time code."""
        return self._name("consent given", code)

    def feed(self, token: str) -> str:
        """What is kept of the token of a feed."""
        return self._name("feed", token)

    def event_id(self, calendar_key: str, k: str, generation: int) -> str:
        """The id under which we create an event: base32hex, as the calendar's id rule wants it."""
        return b32hexencode(self._hash("event id", calendar_key, k, str(generation))).decode().lower()

    def what(self, what: What, kind: Kind) -> str:
        """Keyed hash of what counts for this kind, in canonical form."""
        shared = comparable(what, kind)
        return self._name("what", *(f"{name}={value}" for name, value in shared))

    def is_ours(self, calendar_key: str, event: Event) -> bool:
        """Whether the marker proves the event ours: its id recomputes at a generation up to one above.

        One above, because bringing an event back raises the generation before the properties are written.
        """
        marker = event.marker
        if marker is None or marker.calendar_key != calendar_key or marker.generation > GENERATIONS_MAX:
            return False
        claimed = (self.event_id(calendar_key, marker.k, n) for n in range(marker.generation + 2))
        return event.id in claimed


def series_of(k: str) -> str | None:
    """The first half of the k of an occurrence, which all of its series share; None for a single item."""
    series, dot, _ = k.partition(".")
    return series if dot else None


def slot(key: str, slots: int) -> int:
    """One of so many, evenly spread over all keys and always the same for one."""
    return zlib.crc32(key.encode()) % slots


def identifier(calendar_key: str, k: str) -> str:
    """How our rows in the EHR and our events in the calendar name calendar, document and occurrence."""
    return f"{calendar_key}.{k}"


def parse_identifier(value: str) -> tuple[str, str] | None:
    """(calendar key, k), or None where it is not of our form."""
    calendar_key, dot, k = value.partition(".")
    return (calendar_key, k) if dot and calendar_key and k else None


def parse_marker(k: str | None, g: str | None) -> Marker | None:
    """The marker of an event from its private properties `k` and `g`; None where there is none to read."""
    parts = parse_identifier(k or "")
    if parts is None or g is None or not g.isascii() or not g.isdigit() or len(g) > len(str(GENERATIONS_MAX)):
        return None
    return Marker(parts[0], parts[1], int(g))
