"""The product's own parts, wired to the sandboxes over the wire."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping
from functools import cache

from sandbox.controls import Account
from sandbox.demo.stack import Stack
from sandbox.ehr import urls
from sandbox.ehr.server import TOKEN
from shared.adapters.clock import SystemClock
from shared.adapters.fhir import FhirEhr, FhirSettings, HttpExchange, bearer
from shared.adapters.firestore import FirestoreDocuments
from shared.adapters.google_calendar import GoogleCalendarService, GoogleCalls, google_credentials
from shared.app.records import Connection
from shared.app.world import Limits, World
from shared.core.identity import Keys
from shared.ports import CalendarService

PRACTICE = "demo"
PROJECT = "demo-calsync"
"""Firestore takes projects that begin with `demo-` for local ones."""
SYSTEM = "https://calsync.example"
SLICE_SECONDS = 0.1
"""Of work in one job; far less than when deployed, so that a first sync shows its slices."""

_IDENTITY_KEY = b"an identity key for demonstrations"


def make_world(stack: Stack, clock: SystemClock, accounts: Mapping[str, Account]) -> World:
    """The world of one practice, for one thread. `accounts`: by `sub`; may be filled later."""
    fhir = FhirSettings(
        system=SYSTEM,
        internal_id_system=urls.INTERNAL_ID,
        time_zone_extension=urls.TIME_ZONE,
        protected_extension=urls.DELETION_PROTECTED,
    )
    ehr = FhirEhr(HttpExchange(f"{stack.ehr}/fhir", bearer(TOKEN)), fhir)

    @cache
    def service(connection: Connection, *, paced: bool) -> CalendarService:
        del paced
        account = accounts[connection.sub]
        credentials = google_credentials(
            account.refresh_token,
            client_id=account.client_id,
            client_secret=account.client_secret,
            token_uri=f"{stack.google}/token",
        )
        calls = GoogleCalls(credentials, api_endpoint=f"{stack.google}/calendar/v3/")
        return GoogleCalendarService(calls, zone=connection.settings.zone)

    limits = Limits()
    return World(
        documents=FirestoreDocuments(PROJECT, host=stack.store),
        clock=clock,
        keys=Keys(_IDENTITY_KEY),
        ehr=lambda _practice: ehr,
        calendars=service,
        new_id=lambda: uuid.uuid4().hex,
        chance=random.random,
        limits=Limits(slice_share=SLICE_SECONDS / limits.lease_seconds),
    )
