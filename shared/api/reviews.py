"""Deletions that wait for their practitioner: shown, answered, taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from shared.api.models import Answer, Body
from shared.api.routing import Endpoint, Table, Use
from shared.app import connections
from shared.app.jobs import CalendarTask
from shared.app.review_answers import (
    Answered,
    ShownEntry,
    answer,
    reviews_of_connection,
    show_review,
    take_back,
    waiting,
)
from shared.app.reviews import ENTRIES_MAX, Review, change_review
from shared.core.errors import RejectedError
from shared.core.model import Kind
from shared.core.review import PENDING, Standing, can_be_undone
from shared.ports import Queue

Item = Annotated[str, StringConstraints(min_length=1, max_length=128)]


class Confirmed(Body):
    item: Item
    version: Annotated[str, StringConstraints(max_length=256)] = Field(description="as it was shown")


class AnswersBody(Body):
    """What is in neither list waits on."""

    confirm: tuple[Confirmed, ...] = Field(default=(), max_length=ENTRIES_MAX)
    restore: tuple[Item, ...] = Field(default=(), max_length=ENTRIES_MAX)


class UndoBody(Body):
    items: tuple[Item, ...] | None = Field(
        default=None, max_length=ENTRIES_MAX, description="left out: all that can be"
    )


class ReviewAnswer(Answer):
    review: str
    opened_at: datetime
    open: bool
    waiting: int
    pending: int = Field(description="answered, and not carried out yet")
    counts: dict[Standing, int]
    undoable: int

    @classmethod
    def of(cls, review: Review, now: datetime) -> ReviewAnswer:
        entries = review.entries.values()
        return cls(
            review=review.key,
            opened_at=review.opened_at,
            open=review.is_open,
            waiting=len(review.standing(Standing.HELD)),
            pending=len(review.standing(*PENDING)),
            counts={each: len(found) for each in Standing if (found := review.standing(each))},
            undoable=sum(can_be_undone(entry, now) for entry in entries),
        )


class ReviewsAnswer(Answer):
    waiting: int
    reviews: list[ReviewAnswer]


class DeletionAnswer(Answer):
    item: str
    appointment: str
    kind: Kind
    start: str = Field(description="an instant in UTC, or a date")
    end: str
    standing: Standing
    at: datetime | None
    text: str = Field(description="the client's label, or the title of one's own time")
    version: str = Field(description="to be named by whoever confirms")
    protected: bool
    undoable: bool

    @classmethod
    def of(cls, shown: ShownEntry) -> DeletionAnswer:
        entry = shown.entry
        return cls(
            item=entry.k,
            appointment=entry.appointment_id,
            kind=entry.kind,
            start=entry.start,
            end=entry.end,
            standing=entry.standing,
            at=entry.at,
            text=shown.text,
            version=shown.version,
            protected=shown.protected,
            undoable=shown.undoable,
        )


class ReviewDetailAnswer(ReviewAnswer):
    deletions: list[DeletionAnswer]


class AnsweredAnswer(Answer):
    answers: dict[str, Answered]
    review: ReviewAnswer


def list_reviews(use: Use, _: None) -> ReviewsAnswer:
    reviews, now = reviews_of_connection(use.world, use.key), use.world.clock.now()
    return ReviewsAnswer(
        waiting=waiting(reviews), reviews=[ReviewAnswer.of(review, now) for review in reviews]
    )


def show(use: Use, _: None) -> ReviewDetailAnswer:
    connection, review = connections.load(use.world, use.key), _review(use)
    deletions = [DeletionAnswer.of(each) for each in show_review(use.world, connection, review)]
    about = ReviewAnswer.of(review, use.world.clock.now())
    return ReviewDetailAnswer(**about.model_dump(), deletions=deletions)


def answer_review(use: Use, body: AnswersBody) -> AnsweredAnswer:
    connection, key = connections.load(use.world, use.key), _review(use).key
    confirm = {each.item: each.version for each in body.confirm}
    return _carried_on(use, answer(use.world, connection, key, confirm, body.restore))


def undo(use: Use, body: UndoBody) -> AnsweredAnswer:
    connection, key = connections.load(use.world, use.key), _review(use).key
    return _carried_on(use, take_back(use.world, connection, key, body.items))


def _carried_on(use: Use, answers: dict[str, Answered]) -> AnsweredAnswer:
    """The job is asked for each time: a call that comes again makes good what the first could not."""
    review = _review(use)
    if review.pending:
        use.enqueue(CalendarTask(review.calendar, look=False, queue=Queue.BULK))
    return AnsweredAnswer(answers=answers, review=ReviewAnswer.of(review, use.world.clock.now()))


def _review(use: Use) -> Review:
    """Raises RejectedError `no_such_review`: of nobody, or of somebody else."""
    review = change_review(use.world, use.steps["review"], lambda now: now)
    if review.connection != use.key:
        raise RejectedError("no_such_review")
    return review


_OF_ONE = ("not_connected", "no_such_review")
PATHS: Table = {
    "/reviews": {"GET": Endpoint(list_reviews, problems=())},
    "/reviews/{review}": {"GET": Endpoint(show, problems=_OF_ONE)},
    "/reviews/{review}/answers": {"POST": Endpoint(answer_review, AnswersBody, problems=_OF_ONE)},
    "/reviews/{review}/undo": {"POST": Endpoint(undo, UndoBody, problems=_OF_ONE)},
}
