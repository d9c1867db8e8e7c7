"""The stage where everybody has come through the consent page, so that grants can die and be given back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from shared.adapters.google_calendar import GoogleCalendarService
from shared.app.connect import Connected, complete
from shared.app.connections import change_settings, start
from shared.app.disconnect import disconnect, give_back
from shared.app.grants import grant_path
from shared.app.records import Connection
from shared.core.errors import BlockedError, GrantDeadError
from shared.core.policy import ConnectionSettings
from shared.ports import Remove
from tests.app.stage import Calls, Json, Practitioner, Stage
from tests.consents import AccountConsent, Consents
from tests.fakes.documents import MemoryDocuments

REVOKE = "revoke"
"""How it stands in the ledger, and how hooks know it."""


class ConsentingStage(Stage):
    """As Stage; a call to Google needs a grant that is alive."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.consent = _Consent(self)
        self.consents = Consents(self.documents, self.clock, self.world.keys, self.consent, self.consent)
        self.connecting = self.consents.connecting
        self.world = replace(self.world, give_back=lambda key: give_back(self.connecting, key))

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
        self.complete(practice, practitioner, self.consents.code(practice, practitioner, sub))
        key = self.world.keys.connection(practice, practitioner)
        change_settings(self.world, key, settings)
        return start(self.world, key, "Appointments")

    # --- consents ---------------------------------------------------------------------------------------

    def complete(self, practice: str, practitioner: str, code: str) -> Connected:
        return complete(self.connecting, self.world, practice=practice, practitioner=practitioner, code=code)

    def consents_again(self, whose: Practitioner, sub: str | None = None) -> Connected:
        """The practitioner gives a new consent, with the account they had or that of `sub`."""
        had = whose.connection
        code = self.consents.code(had.practice, had.practitioner, sub or had.sub)
        connected = self.complete(had.practice, had.practitioner, code)
        whose.connection = self.connection(whose)
        return connected

    def disconnect(self, whose: Practitioner, *, remove: bool = False) -> Connection:
        had = whose.connection
        return disconnect(
            self.connecting,
            self.world,
            practice=had.practice,
            practitioner=had.practitioner,
            remove=remove,
        )

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
        return self.consents.token(self.documents, connection)


class _Consent(AccountConsent):
    """To revoke passes the hooks and the ledger."""

    def __init__(self, stage: ConsentingStage) -> None:
        super().__init__(stage.google)
        self._stage = stage

    def revoke(self, token: str) -> None:
        self._stage.ledger.google.append(REVOKE)
        self._stage.pass_through(REVOKE, {}, lambda: self.end(token))


class _GrantedCalls(Calls):
    def __init__(self, stage: ConsentingStage, sub: str, token: str) -> None:
        super().__init__(stage, sub)
        self._consent, self._token = stage.consent, token

    def answer(self, operation: str, if_match: str | None, parameters: Json) -> Json:
        if not self._consent.is_live(self._token):
            raise GrantDeadError
        return super().answer(operation, if_match, parameters)
