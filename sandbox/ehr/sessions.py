"""Who is signed in at the EHR's own pages: a cookie that names a session, and nothing else."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "sandbox_ehr_session"
SESSIONS_MAX = 1000
"""The oldest is signed out beyond it."""


@dataclass(frozen=True)
class User:
    """`role`: in which they act, as their tokens say it."""

    practitioner: str
    role: str = "practitioner"


class Sessions:
    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def begin(self, user: User, answer: Response) -> None:
        """Signs in: the answer carries the cookie."""
        session = secrets.token_urlsafe(32)
        self._users[session] = user
        if len(self._users) > SESSIONS_MAX:
            del self._users[next(iter(self._users))]
        # lax: the browser comes back from Google, and the cookie must come along
        answer.set_cookie(COOKIE, session, path="/app", httponly=True, samesite="lax")

    def of(self, request: Request) -> User | None:
        return self._users.get(request.cookies.get(COOKIE, ""))

    def end(self, request: Request) -> None:
        self._users.pop(request.cookies.get(COOKIE, ""), None)
