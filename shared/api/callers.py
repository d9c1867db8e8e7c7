"""Who calls: the EHR's users by their tokens, its pages by their origins."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from shared.adapters.jwt_verifier import JwtVerifier, Role, Trust, practice_named
from shared.api.problems import ProblemError
from shared.core.errors import RejectedError, SyncError
from shared.practices import FrontEnd
from shared.wiring import Wiring


@dataclass(frozen=True)
class Caller:
    practice: str
    practitioner: str
    role: Role
    origins: tuple[str, ...]
    """Of the pages of their practice."""

    def check(self, practitioner: str, *, admin: bool, own: bool = True) -> None:
        """Whether this is theirs to do; `admin`: also an administrator's; not `own`: theirs alone.

        Raises ProblemError.
        """
        if self.role is Role.ADMIN and not admin:
            raise ProblemError("role")
        if self.role is not Role.ADMIN and not own:
            raise ProblemError("admins_only")
        if self.role is not Role.ADMIN and self.practitioner != practitioner:
            raise ProblemError("other_practitioner")


class Callers:
    """Safe between threads. A practice's trust is read with its secret, and made anew when that changes."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._verifiers: dict[str, tuple[Trust, JwtVerifier]] = {}

    def caller(self, authorization: str) -> Caller:
        """By the Authorization header. Raises ProblemError, RejectedError and RetryableError as the verifier,
        BlockedError where the practice's secret is missing or wrong.

        The token names its practice, and only that practice's trust decides: its keys, issuer, audience.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise ProblemError("token_missing")
        practice = practice_named(token)
        front_end = self._wiring.front_end(practice)
        if front_end is None:  # not looked up: it is not served
            raise RejectedError("jwt_practice")
        claims = self._verifier(practice, front_end).verify(token)
        return Caller(claims.practice, claims.practitioner, claims.role, front_end.origins)

    def know(self, origin: str) -> bool:
        """Whether any practice that is served has it; one whose secret cannot be read has none."""
        return any(origin in self._origins(each) for each in sorted(self._wiring.settings.practice_keys))

    def _origins(self, practice: str) -> tuple[str, ...]:
        with contextlib.suppress(SyncError):
            front_end = self._wiring.front_end(practice)
            return front_end.origins if front_end else ()
        return ()

    def _verifier(self, practice: str, front_end: FrontEnd) -> JwtVerifier:
        trust = Trust(practice, front_end.jwt_issuer, front_end.jwt_audience, front_end.jwks_url)
        known = self._verifiers.get(practice)
        if known is None or known[0] != trust:
            known = self._verifiers[practice] = (trust, JwtVerifier(trust, self._wiring.clock))
        return known[1]
