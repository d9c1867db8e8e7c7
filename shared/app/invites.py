"""Invitations: an administrator asks a practitioner to connect. They open nothing: connecting stays theirs.

One is made once and lives for thirty days; connecting ends it. The EHR is told by a notice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.app.notices import Addressee, NoticeKind, new_notice, notice_data, notice_path
from shared.app.records import Status, connection_of, connection_path
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError, StaleError
from shared.ports import Document, Expect, Put, Remove

INVITES = "invites"
STANDS = timedelta(days=30)


@dataclass(frozen=True)
class Invite:
    key: str
    """Of the connection that it asks for."""
    practice: str
    practitioner: str
    made_at: datetime
    expire_at: datetime


def invite_path(key: str) -> str:
    return f"{INVITES}/{key}"


def invite_data(invite: Invite) -> dict[str, object]:
    return {
        "practice": invite.practice,
        "practitioner": invite.practitioner,
        "made_at": invite.made_at,
        "expire_at": invite.expire_at,
    }


def invite_of(document: Document) -> Invite:
    data: Mapping[str, Any] = document.data
    return Invite(document.id, **data)


def invite(world: World, practice: str, practitioner: str) -> Invite:
    """The invitation that stands, or a new one, with its notice in the same commit.

    Raises RejectedError `already_connected`, GoneError where the EHR does not know the practitioner, and
    RetryableError.
    """
    key, now = world.keys.connection(practice, practitioner), world.clock.now()
    path, connection_at = invite_path(key), connection_path(key)
    found = world.documents.get(path, connection_at)
    there = found.get(connection_at)
    if there is not None and connection_of(there).status is not Status.DISCONNECTED:
        raise RejectedError("already_connected")
    stored = found.get(path)
    if stored is not None and invite_of(stored).expire_at > now:
        return invite_of(stored)
    world.ehr(practice).practitioner(practitioner)
    new = Invite(key, practice, practitioner, now, now + STANDS)
    expect = stored.version if stored else Expect.ABSENT
    try:
        world.documents.commit([Put(path, invite_data(new), expect), _notice(new)])
    except StaleError:  # somebody else invited them at the same moment
        raise RetryableError("invite_contested") from None
    return new


def _notice(new: Invite) -> Put:
    whom, kind = Addressee(new.key, new.practice, new.practitioner), NoticeKind.INVITED
    notice = new_notice(whom, kind, new.made_at, of=f"at-{int(new.made_at.timestamp())}")
    return Put(notice_path(notice.connection, kind, notice.day), notice_data(notice))


def withdraw(world: World, practice: str, practitioner: str) -> None:
    """Once more is nothing."""
    key = world.keys.connection(practice, practitioner)
    world.documents.commit([Remove(invite_path(key))])
