"""What an administrator sees of the whole practice, and whom they invite. Nothing that a practitioner wrote,
no calendar's name and no Google address is in it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field

from shared.api.models import Answer, Body, NothingAnswer
from shared.api.routing import Endpoint, Query, Table, Use
from shared.app.invites import Invite, invite, withdraw
from shared.app.roster import Entry, read_roster
from shared.app.state import Shown
from shared.core.policy import LabelMode, Mode

PAGE_MAX = 50

PractitionerId = Annotated[str, Field(pattern=r"^(?:PractitionerRole/)?[A-Za-z0-9._-]{1,64}$")]


class RosterQuery(Query):
    after: Annotated[str | None, Field(pattern=r"^[a-z2-7]{32}$")] = None
    """As the page before it says."""
    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = 20


class InviteBody(Body):
    practitioner: PractitionerId


class InviteAnswer(Answer):
    practitioner: str
    invited_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, made: Invite) -> InviteAnswer:
        return cls(practitioner=made.practitioner, invited_at=made.made_at, expires_at=made.expire_at)


class RosterEntryAnswer(Answer):
    practitioner: str
    status: Shown
    last_look: datetime | None
    problem: str | None
    pending: int
    set_aside: int
    in_review: int
    mode: Mode | None
    client_label: LabelMode | None
    active_until: datetime | None
    invited_at: datetime | None
    invite_expires_at: datetime | None

    @classmethod
    def of(cls, entry: Entry) -> RosterEntryAnswer:
        state, standing = entry.state, entry.invite
        settings = state.connection.settings if state and state.connection else None
        return cls(
            practitioner=entry.practitioner,
            status=state.status if state else Shown.NOT_CONNECTED,
            last_look=state.calendar.last_look if state else None,
            problem=state.calendar.problem if state else None,
            pending=state.pending if state else 0,
            set_aside=sum(state.set_aside.values()) if state else 0,
            in_review=entry.in_review,
            mode=settings.mode if settings else None,
            client_label=settings.client_label if settings else None,
            active_until=entry.active_until,
            invited_at=standing.made_at if standing else None,
            invite_expires_at=standing.expire_at if standing else None,
        )


class RosterAnswer(Answer):
    practitioners: Annotated[list[RosterEntryAnswer], Field(max_length=PAGE_MAX)]
    after: str | None
    """Of the next page; null: this is the last."""


def show_roster(use: Use, query: RosterQuery) -> RosterAnswer:
    page = read_roster(use.world, use.connecting, use.caller.practice, after=query.after, limit=query.limit)
    return RosterAnswer(practitioners=[RosterEntryAnswer.of(each) for each in page.entries], after=page.after)


def make_invite(use: Use, body: InviteBody) -> InviteAnswer:
    return InviteAnswer.of(invite(use.world, use.caller.practice, body.practitioner))


def end_invite(use: Use, _: None) -> NothingAnswer:
    withdraw(use.world, use.caller.practice, use.practitioner)
    return NothingAnswer()


_INVITING = ("already_connected", "practitioner_unknown")
OF_A_PRACTICE: Table = {
    "/v1/roster": {"GET": Endpoint(show_roster, query=RosterQuery, admin=True, own=False, problems=())},
    "/v1/invites": {"POST": Endpoint(make_invite, InviteBody, admin=True, own=False, problems=_INVITING)},
    "/v1/invites/{id}": {"DELETE": Endpoint(end_invite, admin=True, own=False, problems=())},
}
