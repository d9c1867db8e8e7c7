"""The world that a function's use cases are given, from its settings and secrets.

Nothing is connected before it is used: the framework forks after import. What may not be shared between
threads, Google's HTTP client and the EHR's session, is made once a thread.
"""

from __future__ import annotations

import os
import random
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from shared.adapters.clock import clock_of
from shared.adapters.cloud_tasks import CloudTasks
from shared.adapters.fhir import FhirEhr, HttpExchange
from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.google_calendar import GoogleCalendarService, GoogleCalls, Pacer, google_credentials
from shared.adapters.google_oauth import ANY_READ, APP_CREATED, LIST_READ, OWNED_READ, Endpoints, GoogleOAuth
from shared.adapters.notice_post import post_notice
from shared.adapters.sealing import Sealer
from shared.adapters.secret_manager import SecretManager
from shared.app.connect import Connecting, Scopes
from shared.app.disconnect import give_back
from shared.app.eligible import Reach
from shared.app.grants import Purpose, bound_to, grant_of, grant_path
from shared.app.hook_secret import hook_trust
from shared.app.records import Connection, practice_path
from shared.app.records import practice_of as practice_record
from shared.app.world import Limits, Push, World
from shared.authorization import fhir_authorization
from shared.clients import cloud_tasks, firestore, secret_manager
from shared.core.errors import BlockedError
from shared.core.identity import Keys
from shared.core.signing import HOOK_SECRET_BYTES_MIN, KeyRing
from shared.ehr_settings import fhir_settings
from shared.ports import CalendarService, Capabilities, Clock, Ehr, Remove
from shared.practices import FrontEnd, front_end_of, oauth_client_of, practice_of
from shared.settings import SecretName, Settings

LOOKS_AT_ONCE = 8
"""Threads of a batch of looks: they mostly wait for answers."""
SERVICE_MINUTES = 5
"""How long a connection's grant is used before it is read again: as long as any secret."""


@dataclass(frozen=True)
class _Service:
    until: datetime
    calls: GoogleCalls
    service: CalendarService


@dataclass(frozen=True)
class _Revoker:
    """What it takes to give a grant back: less than to get one."""

    documents: FirestoreDocuments
    clock: Clock
    consent: GoogleOAuth
    sealing: Sealer


class Wiring:
    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or clock_of(settings.clock_file)
        self._mine = threading.local()

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def clock(self) -> Clock:
        return self._clock

    @cached_property
    def secrets(self) -> SecretManager:
        return secret_manager(self._settings, self._clock)

    @cached_property
    def tasks(self) -> CloudTasks:
        return cloud_tasks(self._settings)

    @cached_property
    def documents(self) -> FirestoreDocuments:
        return firestore(self._settings)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="look")

    def _side_by_side(self, do: Callable[[str], str | None], these: Sequence[str]) -> list[str | None]:
        return list(self._threads.map(do, these))

    def world(self) -> World:
        """For any thread: what is a thread's own is made when it is used."""
        settings = self._settings
        keys = self.secrets.versions(SecretName.CHANNEL_KEYS) if settings.push_url else ()
        return World(
            documents=self.documents,
            clock=self._clock,
            keys=Keys(self.secrets.get(SecretName.IDENTITY_KEY)),
            ehr=self._ehr,
            calendars=self._calendars,
            new_id=lambda: uuid.uuid4().hex,
            chance=random.random,
            push=Push(settings.push_url, KeyRing.of(keys)) if settings.push_url else None,
            side_by_side=self._side_by_side,
            give_back=self._give_back,
            tell=self._tell,
            limits=Limits(lease_seconds=settings.lease_s),
        )

    def _give_back(self, connection_key: str) -> list[Remove]:
        revoker = _Revoker(self.documents, self._clock, self._consent(), self._sealer())
        return give_back(revoker, connection_key)

    def connecting(self) -> Connecting:
        """For the calling thread."""
        settings = self._settings
        return Connecting(
            documents=self.documents,
            clock=self._clock,
            keys=Keys(self.secrets.get(SecretName.IDENTITY_KEY)),
            consent=self._consent(),
            sealing=self._sealer(),
            signing=KeyRing.of(self.secrets.versions(SecretName.STATE_KEYS)),
            scopes=Scopes(APP_CREATED, LIST_READ, frozenset({OWNED_READ, ANY_READ})),
            redirect_uri=settings.oauth_redirect_url,
            random_bytes=os.urandom,
        )

    def front_end(self, practice: str) -> FrontEnd | None:
        """What the front end of a practice is trusted by; None: the practice is not served."""
        if practice not in self._settings.practice_keys:
            return None
        return front_end_of(self.secrets.get(SecretName.of_practice(practice)))

    def reach(self, scopes: frozenset[str]) -> Reach:
        """What of a person's calendars may be read by what they granted."""
        any_calendar = ANY_READ in scopes
        others = any_calendar if self._settings.google_any_calendar else None
        return Reach(owned=any_calendar or OWNED_READ in scopes, others=others)

    def _consent(self) -> GoogleOAuth:
        settings = self._settings
        client = oauth_client_of(self.secrets.get(SecretName.OAUTH_CLIENT))
        external = ANY_READ if settings.google_any_calendar else OWNED_READ
        known: dict[object, GoogleOAuth] = self._of_thread("consents")
        if client not in known:
            known[client] = GoogleOAuth(
                client.client_id,
                client.client_secret,
                self._clock,
                scopes=("openid", "email", APP_CREATED, LIST_READ, external),
                endpoints=Endpoints(
                    auth_url=settings.google_auth_url,
                    token_url=settings.google_token_url,
                    certs_url=settings.google_jwks_url,
                    revoke_url=settings.google_revoke_url,
                ),
            )
        return known[client]

    def _sealer(self) -> Sealer:
        return Sealer(KeyRing.of(self.secrets.versions(SecretName.TOKEN_KEYS)), os.urandom)

    def _ehr(self, practice: str) -> Ehr:
        if practice not in self._settings.practice_keys:
            raise BlockedError("practice_not_served")
        secret = practice_of(self.secrets.get(SecretName.of_practice(practice)))
        known: dict[object, FhirEhr] = self._of_thread("ehrs")
        capabilities = self._capabilities(practice)
        if (secret, capabilities) not in known:
            authorization = fhir_authorization(secret, self._clock, os.urandom)
            exchange = HttpExchange(secret.fhir_base, authorization)
            known[secret, capabilities] = FhirEhr(exchange, fhir_settings(secret), capabilities)
        return known[secret, capabilities]

    def _tell(self, practice: str, message: Mapping[str, object]) -> bool:
        if practice not in self._settings.practice_keys:
            raise BlockedError("practice_not_served")
        url = practice_of(self.secrets.get(SecretName.of_practice(practice))).notice_url
        if url is None:
            return False
        trust = hook_trust(self.secrets.versions(SecretName.hooks_of(practice)))
        secret = next((each for each in trust.secrets if len(each) >= HOOK_SECRET_BYTES_MIN), None)
        if secret is None:
            raise BlockedError("hooks_secret_missing")
        post_notice(url, secret, message, self._clock)
        return True

    def _capabilities(self, practice: str) -> Capabilities | None:
        """What the EHR of a practice was found to do; as kept, some minutes ago at most."""
        known: dict[str, tuple[datetime, Capabilities]] = self._of_thread("capabilities")
        now = self._clock.now()
        if practice not in known or known[practice][0] <= now:
            path = practice_path(practice)
            document = self.documents.get(path).get(path)
            found = practice_record(document).capabilities if document else None
            if found is None:  # nobody has asked yet: the practice's job does
                return None
            known[practice] = now + timedelta(minutes=SERVICE_MINUTES), found
        return known[practice][1]

    def _calendars(self, connection: Connection, *, paced: bool) -> CalendarService:
        known: dict[object, _Service] = self._of_thread("calendars")
        now, zone = self._clock.now(), connection.settings.zone
        for key in [key for key, service in known.items() if service.until <= now]:
            known.pop(key).calls.close()
        key = (connection.key, connection.grant, zone.key, paced)
        if key not in known:
            calls = self._calls(connection, paced=paced)
            until = now + timedelta(minutes=SERVICE_MINUTES)
            known[key] = _Service(until, calls, GoogleCalendarService(calls, zone=ZoneInfo(zone.key)))
        return known[key].service

    def _calls(self, connection: Connection, *, paced: bool) -> GoogleCalls:
        path = grant_path(connection.key)
        document = self.documents.get(path).get(path)
        if document is None:
            raise BlockedError("not_connected")
        associated = bound_to(Purpose.GRANT_TOKEN, connection.key)
        client = oauth_client_of(self.secrets.get(SecretName.OAUTH_CLIENT))
        credentials = google_credentials(
            self._sealer().open(grant_of(document).sealed_token, associated),
            client_id=client.client_id,
            client_secret=client.client_secret,
            token_uri=self._settings.google_token_url,
        )
        pacer = Pacer(self._clock, self._settings.google_units_a_second) if paced else None
        return GoogleCalls(credentials, api_endpoint=self._settings.google_api_url, pace=pacer)

    def _of_thread(self, name: str) -> dict:  # type: ignore[type-arg]
        if not hasattr(self._mine, name):
            setattr(self._mine, name, {})
        found: dict = getattr(self._mine, name)  # type: ignore[type-arg]
        return found
