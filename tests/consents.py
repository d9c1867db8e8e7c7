"""Consents without a browser: what a person gives on the page, and the grants that connections live on."""

from __future__ import annotations

import hashlib
import itertools
from urllib.parse import parse_qsl, urlsplit

from sandbox.google.calendar import GoogleCalendar
from shared.adapters.sealing import Sealer
from shared.app.connect import Connecting, Scopes, begin, receive
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.app.records import Connection
from shared.core.identity import Keys
from shared.core.signing import KeyRing
from shared.ports import Clock, Consent, Documents
from tests.fakes.consent import MemoryConsent

OWN, LIST, EVENTS = "own", "list", "events"
SCOPES = (OWN, LIST, EVENTS)
CALLBACK = "https://calsync.example/oauth/callback"


class AccountConsent(MemoryConsent):
    """With a consent the channels made under it end."""

    def __init__(self, google: GoogleCalendar) -> None:
        super().__init__(SCOPES)
        self._google = google

    def end(self, token: str) -> None:
        """As its person does in the settings of the account, where we are told nothing."""
        sub = self._tokens.get(token)
        MemoryConsent.revoke(self, token)
        if sub is not None:
            self._google.channels.end(sub, "")

    def revoke(self, token: str) -> None:
        self.end(token)


class Consents:
    """The steps of connecting over these ports; `page` is where people agree, `consent` how we reach it."""

    def __init__(
        self, documents: Documents, clock: Clock, keys: Keys, page: MemoryConsent, consent: Consent
    ) -> None:
        self._page = page
        self._randoms = itertools.count(1)
        self.connecting = Connecting(
            documents=documents,
            clock=clock,
            keys=keys,
            consent=consent,
            sealing=Sealer(KeyRing({"k1": b"k" * 32}), self._random_bytes),
            signing=KeyRing({"s1": b"s" * 32}),
            scopes=Scopes(OWN, LIST, frozenset({EVENTS})),
            redirect_uri=CALLBACK,
            random_bytes=self._random_bytes,
        )

    def _random_bytes(self, count: int) -> bytes:
        return hashlib.sha256(f"random {next(self._randoms)}".encode()).digest()[:count]

    def code(self, practice: str, practitioner: str, sub: str) -> str:
        """The one-time code of a consent that was just given. Raises as `receive`."""
        url = begin(self.connecting, practice=practice, practitioner=practitioner)
        code = self._page.agree(url, sub=sub, email=f"{sub}@example.com")
        state = dict(parse_qsl(urlsplit(url).query))["state"]
        return receive(self.connecting, state=state, code=code, error=None)

    def token(self, documents: Documents, connection: Connection) -> str | None:
        """The refresh token of the stored grant."""
        path = grant_path(connection.key)
        document = documents.get(path).get(path)
        bound = bound_to(Purpose.GRANT_TOKEN, connection.key)
        return self.connecting.sealing.open(grant_of(document).sealed_token, bound) if document else None
