"""What a practitioner should know, to be read and ticked off; an administrator is told how much there is."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.api.models import Answer, Body
from shared.api.routing import Endpoint, Table, Use
from shared.app.notices import LISTED_MAX, Notice, NoticeKind, notices_of, see, unseen_of


class SeenBody(Body):
    ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=256, pattern=r"^[^/]+$")]], Field(max_length=100)
    ]
    """Those that are not theirs, or are no more, are passed over."""


class NoticeAnswer(Answer):
    id: str
    kind: NoticeKind
    count: int
    last: datetime
    seen: bool

    @classmethod
    def of(cls, notice: Notice) -> NoticeAnswer:
        return cls(
            id=notice.id,
            kind=notice.kind,
            count=notice.count,
            last=notice.at,
            seen=notice.seen_at is not None,
        )


class NoticesAnswer(Answer):
    """The latest first."""

    notices: Annotated[list[NoticeAnswer], Field(max_length=LISTED_MAX)]


class UnseenAnswer(Answer):
    kind: NoticeKind
    count: int


class PracticeNoticesAnswer(Answer):
    """How many notices of each kind nobody has ticked off; those of the practice itself, whole."""

    unseen: list[UnseenAnswer]
    of_the_practice: list[NoticeAnswer]


def list_notices(use: Use, _: None) -> NoticesAnswer:
    return NoticesAnswer(notices=[NoticeAnswer.of(each) for each in notices_of(use.world, use.key)])


def mark_seen(use: Use, body: SeenBody) -> NoticesAnswer:
    see(use.world, use.key, body.ids)
    return list_notices(use, None)


def list_of_practice(use: Use, _: None) -> PracticeNoticesAnswer:
    practice = use.caller.practice
    unseen = unseen_of(use.world, practice)
    return PracticeNoticesAnswer(
        unseen=[UnseenAnswer(kind=kind, count=count) for kind, count in unseen.items()],
        of_the_practice=[NoticeAnswer.of(each) for each in notices_of(use.world, practice)],
    )


def mark_seen_of_practice(use: Use, body: SeenBody) -> PracticeNoticesAnswer:
    see(use.world, use.caller.practice, body.ids)
    return list_of_practice(use, None)


PATHS: Table = {
    "/notices": {"GET": Endpoint(list_notices, problems=())},
    "/notices/seen": {"POST": Endpoint(mark_seen, SeenBody, problems=())},
}
OF_A_PRACTICE: Table = {
    "/v1/notices": {"GET": Endpoint(list_of_practice, admin=True, own=False, problems=())},
    "/v1/notices/seen": {
        "POST": Endpoint(mark_seen_of_practice, SeenBody, admin=True, own=False, problems=())
    },
}
