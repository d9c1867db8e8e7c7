"""The stage where everybody has come through the consent page, so that grants can die and be given back."""

from __future__ import annotations

import hashlib
import itertools
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from shared.adapters.google_calendar import GoogleCalendarService
from shared.adapters.sealing import Sealer
from shared.app.connect import Connected, Connecting, Scopes, begin, complete, receive
from shared.app.connections import change_settings, start
from shared.app.disconnect import disconnect
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.app.records import Connection
from shared.core.errors import BlockedError, GrantDeadError
from shared.core.policy import ConnectionSettings
from shared.core.signing import KeyRing
from shared.ports import Remove
from tests.app.stage import Calls, Json, Practitioner, Stage
from tests.fakes.consent import MemoryConsent
from tests.fakes.documents import MemoryDocuments

OWN, LIST, EVENTS = "own", "list", "events"
CALLBACK = "https://calsync.example/oauth/callback"
REVOKE = "revoke"
"""How it stands in the ledger, and how hooks know it."""


class ConsentingStage(Stage):
    """As Stage; a call to Google needs a grant that is alive."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._randoms = itertools.count(1)
        self.consent = _Consent(self)
        self.connecting = Connecting(
            documents=self.documents,
            clock=self.clock,
            keys=self.world.keys,
            consent=self.consent,
            sealing=Sealer(KeyRing({"k1": b"k" * 32}), self._random_bytes),
            signing=KeyRing({"s1": b"s" * 32}),
            scopes=Scopes(OWN, LIST, frozenset({EVENTS})),
            redirect_uri=CALLBACK,
            random_bytes=self._random_bytes,
        )

    def _random_bytes(self, count: int) -> bytes:
        return hashlib.sha256(f"random {next(self._randoms)}".encode()).digest()[:count]

    def _service(self, connection: Connection, *, paced: bool) -> GoogleCalendarService:
        del paced
        token = self.token(connection)
        if token is None:
            raise BlockedError("not_connected")
        calls = _GrantedCalls(self, connection.sub, token)
        return GoogleCalendarService(calls, zone=connection.settings.zone)

    def connected(
        self, practice: str, practitioner: str, sub: str, settings: ConnectionSettings
    ) -> Connection:
        self.complete(practice, practitioner, self.code(practice, practitioner, sub))
        key = self.world.keys.connection(practice, practitioner)
        change_settings(self.world, key, settings)
        return start(self.world, key, "Appointments")

    # --- consents ---------------------------------------------------------------------------------------

    def code(self, practice: str, practitioner: str, sub: str) -> str:
        """The one-time code of a consent that was just given."""
        url = begin(self.connecting, practice=practice, practitioner=practitioner)
        code = self.consent.agree(url, sub=sub, email=f"{sub}@example.com")
        state = dict(parse_qsl(urlsplit(url).query))["state"]
        return receive(self.connecting, state=state, code=code, error=None)

    def complete(self, practice: str, practitioner: str, code: str) -> Connected:
        return complete(self.connecting, self.world, practice=practice, practitioner=practitioner, code=code)

    def consents_again(self, whose: Practitioner, sub: str | None = None) -> Connected:
        """The practitioner gives a new consent, with the account they had or that of `sub`."""
        had = whose.connection
        code = self.code(had.practice, had.practitioner, sub or had.sub)
        connected = self.complete(had.practice, had.practitioner, code)
        whose.connection = self.connection(whose)
        return connected

    def disconnect(self, whose: Practitioner) -> Connection:
        had = whose.connection
        return disconnect(self.connecting, self.world, practice=had.practice, practitioner=had.practitioner)

    def reconnect(self, whose: Practitioner, sub: str | None = None) -> None:
        """After a disconnection: a new consent, and begun again."""
        self.consents_again(whose, sub)
        whose.connection = start(self.world, whose.connection.key)

    def withdraw(self, whose: Practitioner) -> None:
        """In the settings of the account, where we are told nothing."""
        token = self.token(whose.connection)
        assert token is not None
        self.consent.end(token)

    def lose_grant(self, whose: Practitioner) -> None:
        """Its document is gone, and nobody knows why."""
        MemoryDocuments.commit(self.documents, [Remove(grant_path(whose.connection.key))])

    def token(self, connection: Connection) -> str | None:
        """The refresh token of the stored grant."""
        path = grant_path(connection.key)
        document = MemoryDocuments.get(self.documents, path).get(path)
        bound = bound_to(Purpose.GRANT_TOKEN, connection.key)
        return self.connecting.sealing.open(grant_of(document).sealed_token, bound) if document else None


class _Consent(MemoryConsent):
    """To revoke passes the hooks and the ledger; with a consent its channels end."""

    def __init__(self, stage: ConsentingStage) -> None:
        super().__init__((OWN, LIST, EVENTS))
        self._stage = stage

    def revoke(self, token: str) -> None:
        self._stage.ledger.google.append(REVOKE)
        self._stage.pass_through(REVOKE, {}, lambda: self.end(token))

    def end(self, token: str) -> None:
        sub = self._tokens.get(token)
        super().revoke(token)
        if sub is not None:
            self._stage.google.channels.end(sub, "")


class _GrantedCalls(Calls):
    def __init__(self, stage: ConsentingStage, sub: str, token: str) -> None:
        super().__init__(stage, sub)
        self._consent, self._token = stage.consent, token

    def answer(self, operation: str, if_match: str | None, parameters: Json) -> Json:
        if not self._consent.is_live(self._token):
            raise GrantDeadError
        return super().answer(operation, if_match, parameters)
