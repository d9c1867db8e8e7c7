"""What a person does with a review: looks at it, answers, takes an answer back.

An answer is written down and a bulk job carries it out. The same answer twice is the same answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from shared.app.records import Connection, calendar_data, calendar_of, calendar_path
from shared.app.reviews import TRIES, Review, change_review, review_of, with_entries
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.core.labels import client_what
from shared.core.model import Appointment, Client, Kind
from shared.core.review import OPEN, Entry, Standing, can_be_undone
from shared.core.text import canonical
from shared.ports import Put, Where

REVIEWS_MAX = 100
"""Of one connection: those of two months."""


class Answered(Enum):
    ACCEPTED = "accepted"
    """It is on its way, or done."""
    STALE = "stale"
    """The appointment has changed since it was shown."""
    PROTECTED = "protected"
    """A note or an invoice hangs on it: it can only be restored."""
    NOT_WAITING = "not_waiting"
    """Something else has become of it."""


@dataclass(frozen=True, repr=False)
class ShownEntry:
    """A deletion as its practitioner sees it."""

    entry: Entry
    text: str
    """The client's label, or the title of their own time; "" of an appointment that is gone."""
    version: str
    """To be named by whoever confirms; "" where there is nothing to be confirmed."""
    protected: bool
    undoable: bool


def reviews_of_connection(world: World, connection_key: str) -> list[Review]:
    """Newest first."""
    of_connection = Where("connection", "==", connection_key)
    found = world.documents.find("reviews", of_connection, limit=REVIEWS_MAX)
    return sorted(map(review_of, found), key=lambda review: review.opened_at, reverse=True)


def waiting(reviews: Iterable[Review]) -> int:
    """Deletions that wait for an answer."""
    return sum(len(review.standing(Standing.HELD)) for review in reviews)


def show_review(world: World, connection: Connection, review: Review) -> list[ShownEntry]:
    """Its deletions with what the EHR says of them now. Raises RetryableError and BlockedError."""
    now = world.clock.now()
    entries = list(review.entries.values())
    alive = [entry for entry in entries if entry.standing in OPEN or can_be_undone(entry, now)]
    ehr = world.ehr(connection.practice)
    rows = ehr.read(entry.appointment_id for entry in alive) if alive else {}
    texts = _texts(world, connection, [row for row in rows.values() if row is not None])
    return [
        _shown(
            entry,
            rows.get(entry.appointment_id),
            texts.get(entry.appointment_id, ""),
            undoable=can_be_undone(entry, now),
        )
        for entry in entries
    ]


def _shown(entry: Entry, row: Appointment | None, text: str, *, undoable: bool) -> ShownEntry:
    held = entry.standing is Standing.HELD
    return ShownEntry(
        entry,
        text,
        row.version if row is not None and held else "",
        protected=row is not None and row.protected is True,
        undoable=undoable,
    )


def _texts(world: World, connection: Connection, rows: Sequence[Appointment]) -> dict[str, str]:
    patients = {patient for row in rows for patient in row.patient_ids}
    mode = connection.settings.client_label
    known = world.ehr(connection.practice).clients(sorted(patients), mode) if patients else {}
    texts = {}
    for row in rows:
        clients = [known.get(patient, Client()) for patient in row.patient_ids]
        label = client_what(replace(row, cancelled=False), clients, connection.settings).summary
        texts[row.id] = label if row.kind is Kind.CLIENT else canonical(row.title)
    return texts


def answer(
    world: World,
    connection: Connection,
    key: str,
    confirm: Mapping[str, str],
    restore: Iterable[str],
) -> dict[str, Answered]:
    """`confirm`: by k, the version that was shown; `restore`: ks. What became of each answer.

    Raises RejectedError `no_such_review`; RetryableError and BlockedError.
    """
    restored = set(restore) - confirm.keys()
    _of(world, connection, key)
    review = change_review(world, key, lambda now: now)
    ids = [review.entries[k].appointment_id for k in confirm if k in review.entries]
    rows = world.ehr(connection.practice).read(ids) if ids else {}
    answers: dict[str, Answered] = {}

    def answered(now: Review) -> Review:
        answers.clear()
        changed = []
        for k in [*confirm, *sorted(restored)]:
            entry = now.entries.get(k)
            wanted = Standing.CONFIRMED if k in confirm else Standing.RESTORE
            row = rows.get(entry.appointment_id) if entry else None
            answers[k] = _answered(entry, wanted, row, confirm.get(k, ""))
            if entry is not None and answers[k] is Answered.ACCEPTED and entry.standing is Standing.HELD:
                version = confirm.get(k, "")
                changed.append(replace(entry, standing=wanted, version=version, at=world.clock.now()))
        return with_entries(now, changed)

    change_review(world, key, answered)
    return answers


_CAME_OF = {
    Standing.CONFIRMED: {Standing.CONFIRMED, Standing.CANCELLED},
    Standing.RESTORE: {Standing.RESTORE, Standing.RESTORED},
}


def _answered(entry: Entry | None, wanted: Standing, row: Appointment | None, version: str) -> Answered:
    if entry is None:
        return Answered.NOT_WAITING
    if entry.standing is not Standing.HELD:
        return Answered.ACCEPTED if entry.standing in _CAME_OF[wanted] else Answered.NOT_WAITING
    if wanted is Standing.CONFIRMED and row is not None:
        if row.protected is True:
            return Answered.PROTECTED
        if row.version != version:
            return Answered.STALE
    return Answered.ACCEPTED


def take_back(
    world: World, connection: Connection, key: str, ks: Iterable[str] | None = None
) -> dict[str, Answered]:
    """Book again what was cancelled by this review; `ks` None: all that can be. Raises as `answer`."""
    _of(world, connection, key)
    chosen = None if ks is None else set(ks)
    answers: dict[str, Answered] = {}

    def undone(now: Review) -> Review:
        answers.clear()
        changed = []
        at = world.clock.now()
        every = {k for k, entry in now.entries.items() if can_be_undone(entry, at)}
        for k in sorted(every if chosen is None else chosen):
            entry = now.entries.get(k)
            if entry is not None and k in every:
                changed.append(replace(entry, standing=Standing.UNDO, at=at))
            done = entry is not None and (k in every or entry.standing in (Standing.UNDO, Standing.UNDONE))
            answers[k] = Answered.ACCEPTED if done else Answered.NOT_WAITING
        return with_entries(now, changed)

    review = change_review(world, key, undone)
    if review.pending:
        _have_it_read(world, review)
    return answers


def _of(world: World, connection: Connection, key: str) -> None:
    """Raises RejectedError: there is none, or it is somebody else's."""
    if change_review(world, key, lambda now: now).connection != connection.key:
        raise RejectedError("no_such_review")


def _have_it_read(world: World, review: Review) -> None:
    """A review that was at its end is read by the next bulk job again."""
    path = calendar_path(review.calendar)
    for _ in range(TRIES):
        document = world.documents.get(path).get(path)
        if document is None or review.key in calendar_of(document).reviews:
            return
        calendar = calendar_of(document)
        reading = replace(calendar, reviews=(*calendar.reviews, review.key))
        try:
            world.documents.commit([Put(path, calendar_data(reading), document.version)])
        except StaleError:
            continue
        return
    raise RetryableError("calendar_contested")
