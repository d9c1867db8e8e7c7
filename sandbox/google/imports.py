"""Taking in a calendar file, as the web page does: series with what changes them, cancelled events too."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.google import resource, series
from sandbox.google.errors import ApiError, Json
from sandbox.google.events import Events
from sandbox.google.ics import CalendarFile, Problem
from sandbox.google.ics_values import Origin
from sandbox.google.store import Calendar, StoredEvent


@dataclass
class Imported:
    created: int = 0
    """Events of the file that are in the calendar now, changed occurrences and deleted ones too."""
    left_out: dict[str, int] = field(default_factory=dict)
    """By reason."""
    problems: list[Problem] = field(default_factory=list)


class Import:
    """Takes in one file. `name` is the file's, for the problems."""

    def __init__(self, events: Events, sub: str, calendar: Calendar, name: str) -> None:
        self._events = events
        self._sub = sub
        self._calendar = calendar
        self._name = name
        self._refused: set[str] = set()
        """UIDs of series that Google does not take."""

    def take(self, found: CalendarFile) -> Imported:
        """Series and single events first, then what changes occurrences, wherever it stands in the file."""
        done = Imported(left_out=dict(found.left_out), problems=list(found.problems))
        rows = list(zip(found.events, found.lines, found.origins, strict=True))
        for body, line, origin in sorted(rows, key=lambda row: row[2] is not None):
            try:
                reason = None if origin is None else self._why_not(body, origin)
                if reason is None:
                    self._add(body, origin)
            except ApiError as error:
                self._refused |= {body["iCalUID"]} if origin is None and "iCalUID" in body else set()
                done.problems.append(Problem(self._name, line, f"Google refuses the event: {error.message}"))
                continue
            if reason is None:
                done.created += 1
            else:
                done.left_out[reason] = done.left_out.get(reason, 0) + 1
        done.problems.sort(key=lambda problem: problem.line)
        return done

    def _why_not(self, body: Json, origin: Origin) -> str | None:
        """Why a changed occurrence cannot be taken, if it cannot."""
        uid = body.get("iCalUID", "")
        if uid in self._refused:
            return "of a series that is not taken"
        master = self._master(uid)
        if master is None:
            return None
        if series.series_of(master).recurrence.all_day != origin.all_day:
            return "occurrence of another kind than its series"
        return "of a cancelled series" if master.cancelled else None

    def _add(self, body: Json, origin: Origin | None) -> None:
        """Under the id that follows from its UID, so that nothing is taken in twice."""
        uid = body.get("iCalUID", "")
        name = resource.copy_id(uid) if uid else ""
        master = self._master(uid)
        if origin is not None and master is not None:
            self._change(master, origin, body)
            return
        if origin is not None:  # one is a guest at this occurrence alone
            time = "" if origin.all_day else f"T{origin.original:%H%M%SZ}"
            name = f"{name}_{origin.original:%Y%m%d}{time}"
        cancelled = body.get("status") == "cancelled"
        given = {n: value for n, value in body.items() if not (cancelled and n == "status")}
        stored = self._events.create(self._sub, self._calendar, given, name)
        if cancelled:
            self._events.cancel(self._calendar, stored)

    def _master(self, uid: str) -> StoredEvent | None:
        stored = self._calendar.events.get(resource.copy_id(uid))
        return stored if stored is not None and stored.recurs else None

    def _change(self, master: StoredEvent, origin: Origin, body: Json) -> None:
        """Make an occurrence what the file says, and nothing more, as an update does."""
        occurrence = series.occurrence(self._calendar, master, origin.original)
        event = self._calendar.events.get(occurrence.id, occurrence)
        old = event.resource
        kept = {name: old[name] for name in resource.IDENTITY if name in old}
        self._events.replace(self._calendar, event, {"status": "confirmed", **kept, **body})
