"""Connect: a practitioner's consent, from the page they are sent to up to the stored grant.

It takes two steps. Whoever followed the address may have given the consent, so what the callback brings is
kept for some minutes under a one-time code, and only the practitioner who began can finish with it: an
address mailed to somebody else connects nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from shared.app.connections import awakened
from shared.app.feeds import feed_path
from shared.app.grants import (
    CONSENTS,
    GRANTS,
    ConsentAsked,
    ConsentGiven,
    Purpose,
    StoredGrant,
    asked_data,
    asked_of,
    bound_to,
    consent_path,
    given_data,
    given_of,
    grant_data,
    grant_of,
    grant_path,
)
from shared.app.invites import invite_path
from shared.app.label_choice import in_other_account
from shared.app.records import (
    Connection,
    Status,
    connection_data,
    connection_of,
    connection_path,
)
from shared.app.world import World
from shared.core.errors import RejectedError, RetryableError, StaleError, SyncError
from shared.core.identity import Keys
from shared.core.labels import default_label
from shared.core.policy import ConnectionSettings
from shared.core.signing import ConsentState, KeyRing, open_state, seal_state
from shared.ports import Clock, Consent, Document, Documents, Expect, Grant, Put, Remove, Sealing, Where

STANDS = timedelta(minutes=10)
"""How long a state is answered, and how long a one-time code waits."""
RANDOM_BYTES = 32
"""Of a nonce, a code and a verifier: 43 characters, as RFC 7636, section 4.1, recommends."""
COMPLETE_TRIES = 3
"""Times the stored grant may move while it is replaced."""
CALENDAR_NAME = "Practice appointments"
ZONE_UNKNOWN = "UTC"
"""Until the practitioner says another."""

_ANY_TIME = datetime.min.replace(tzinfo=UTC)
"""Nothing has expired by then: what opens now is signed by us."""


@dataclass(frozen=True)
class Scopes:
    """What the boxes of the consent page are called, by what we need them for."""

    own_calendars: str
    """To make calendars and write those."""
    calendar_list: str
    external_events: frozenset[str]
    """To read other calendars: any one of them."""


@dataclass(frozen=True)
class Connecting:
    """What the steps are given."""

    documents: Documents
    clock: Clock
    keys: Keys
    consent: Consent
    sealing: Sealing
    signing: KeyRing
    scopes: Scopes
    redirect_uri: str
    random_bytes: Callable[[int], bytes]
    """So many, unforeseeable."""


class Revoking(Protocol):
    """What it takes to give a grant back."""

    @property
    def documents(self) -> Documents: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def consent(self) -> Consent: ...
    @property
    def sealing(self) -> Sealing: ...


@dataclass(frozen=True, repr=False)
class Connected:
    """How `complete` ended."""

    email: str
    """Of the account that consented; with the code it leaves the store, where it was sealed."""
    external_calendars: bool
    """Whether other calendars of the account may be read."""
    other_account: bool = False
    """The connection has another account: nothing was changed, and the code is still good."""


# --- the three calls ------------------------------------------------------------------------------------


def begin(world: Connecting, *, practice: str, practitioner: str, login_hint: str | None = None) -> str:
    """The address of the consent page for this practitioner; good once, until STANDS has passed.

    `login_hint`: an e-mail that chooses the account; it is not stored.
    """
    nonce, verifier = _random_text(world), _random_text(world)
    expires = (world.clock.now() + STANDS).replace(microsecond=0)
    bound = bound_to(Purpose.VERIFIER, world.keys.connection(practice, practitioner))
    asked = ConsentAsked(practice, practitioner, world.sealing.seal(verifier, bound), expires)
    path = consent_path(world.keys.consent_asked(nonce))
    world.documents.commit([Put(path, asked_data(asked), Expect.ABSENT)])
    state = seal_state(ConsentState(practice, practitioner, nonce, expires), world.signing)
    return world.consent.consent_url(state, _s256(verifier), world.redirect_uri, login_hint)


def receive(world: Connecting, *, state: str, code: str | None, error: str | None) -> str:
    """What the consent page answered; the one-time code for `complete`, good until STANDS has passed.

    `error`: instead of `code`, where no consent was given. Whatever is raised, nothing is kept that could be
    completed, and the state is used up unless its own check failed. Raises RejectedError:

    - `consent_state_forged`, `consent_state_expired`, `consent_state_used`
    - `consent_denied`; `consent_failed` where the page itself failed
    - `consent_code_refused`, `consent_identity_refused`: as the port says
    - `consent_interrupted`: an answer was lost; a code is taken only once, so it is to begin again
    - `consent_without_own_calendars`, `consent_without_calendar_list`, `consent_without_calendars` (both):
      a box was not ticked
    - `consent_without_offline`: no lasting token came

    RetryableError comes before the exchange only: the same call may still do. BlockedError
    `google_client_configuration` as the port says, `seal_broken` where the verifier's key was taken away.
    """
    asked = _take_asked(world, state)
    if error is not None:
        raise RejectedError("consent_denied" if error == "access_denied" else "consent_failed")
    if not code:
        raise RejectedError("consent_code_refused")
    bound = bound_to(Purpose.VERIFIER, world.keys.connection(asked.practice, asked.practitioner))
    verifier = world.sealing.open(asked.sealed_verifier, bound)
    try:
        grant = world.consent.exchange(code, verifier, world.redirect_uri)
        token = _lasting_token(world, grant)
        return _keep(world, asked, grant, token)
    except RetryableError:
        raise RejectedError("consent_interrupted") from None


def complete(world: Connecting, within: World, *, practice: str, practitioner: str, code: str) -> Connected:
    """Make the consent behind the one-time code the grant of the caller's connection, and use the code up.

    The caller's identity is proven elsewhere. A new connection waits to be started; one whose grant was dead
    goes on, with a complete pass. A connection that has another account keeps it until it is disconnected:
    then the same code completes. After an answer that was lost, the stored grant says how it ended.

    Raises RejectedError: `connect_code_unknown` (or used, or expired); `connect_other_practitioner`, which
    leaves the code to the one it belongs to; `stopping`, where a disconnection has not come to its end.
    RetryableError: `connect_contested`. BlockedError: `seal_broken`.
    """
    key = world.keys.connection(practice, practitioner)
    given_path, grant_at, connection_at = _paths(world, key, code)
    for _ in range(COMPLETE_TRIES):
        found = world.documents.get(given_path, grant_at, connection_at)
        given = _own(found.get(given_path), practice, practitioner, world.clock.now())
        stored = found.get(grant_at)
        if stored is not None and grant_of(stored).sub != given.sub:
            return _connected(world, key, given, other_account=True)
        before = found.get(connection_at)
        grant = _grant(world, key, given, _last_number(stored, before) + 1)
        connection = _attached(within, before, given, grant, key)
        writes: list[Put | Remove] = [
            Remove(given_path, found[given_path].version),
            Put(grant_at, grant_data(grant), _version(stored)),
            Put(connection_at, connection_data(connection), _version(before)),
            Remove(invite_path(key)),
        ]
        if before is not None and connection_of(before).status is Status.DISCONNECTED:
            writes.append(Remove(feed_path(key)))
        if connection.moves:
            writes += awakened(within, connection)
        connected = _connected(world, key, given)
        with contextlib.suppress(StaleError):  # the code was used, or the grant replaced: read all again
            world.documents.commit(writes)
            return connected
    raise RetryableError("connect_contested")


def practice_of_state(world: Connecting, state: str) -> str | None:
    """The practice that waits for the answer to this state, be it expired or used; None: it is not ours."""
    opened = open_state(state, world.signing, _ANY_TIME)
    return opened.practice if opened else None


def _paths(world: Connecting, key: str, code: str) -> tuple[str, str, str]:
    return consent_path(world.keys.consent_given(code)), grant_path(key), connection_path(key)


def _version(document: Document | None) -> str | Expect:
    return document.version if document else Expect.ABSENT


# --- the callback ---------------------------------------------------------------------------------------


def _take_asked(world: Connecting, text: str) -> ConsentAsked:
    """What the state speaks of, which nobody can take after."""
    state = open_state(text, world.signing, _ANY_TIME)
    if state is None:
        raise RejectedError("consent_state_forged")
    if state.expires <= world.clock.now():
        raise RejectedError("consent_state_expired")
    path = consent_path(world.keys.consent_asked(state.nonce))
    document = world.documents.get(path).get(path)
    if document is None:  # it was stored before the state was given out
        raise RejectedError("consent_state_used")
    asked = asked_of(document)
    if (asked.practice, asked.practitioner) != (state.practice, state.practitioner):
        raise RejectedError("consent_state_forged")
    try:
        world.documents.commit([Remove(path, document.version)])
    except StaleError:
        raise RejectedError("consent_state_used") from None
    return asked


def _lasting_token(world: Connecting, grant: Grant) -> str:
    """The refresh token of a grant that will do."""
    refusal = _refusal(world.scopes, grant.scopes)
    if refusal is None and grant.refresh_token:
        return grant.refresh_token
    if refusal is not None and grant.refresh_token:
        # Best effort: what was not ticked is to be told, and nobody has the token any more.
        with contextlib.suppress(SyncError):
            revoke_unless_shared(world, grant.sub, grant.refresh_token)
    raise RejectedError(refusal or "consent_without_offline")


def _refusal(scopes: Scopes, granted: frozenset[str]) -> str | None:
    match scopes.own_calendars in granted, scopes.calendar_list in granted:
        case True, True:
            return None
        case False, True:
            return "consent_without_own_calendars"
        case True, False:
            return "consent_without_calendar_list"
        case _:
            return "consent_without_calendars"


def revoke_unless_shared(world: Revoking, sub: str, token: str, *, besides: str = "") -> None:
    """Unless another connection has the account, or is about to: revoking ends all that it granted us."""
    same = Where("sub", "==", sub)
    grants = world.documents.find(GRANTS, same, limit=2)
    if any(document.id != besides for document in grants):
        return
    now = world.clock.now()
    if any(given_of(document).expire_at > now for document in world.documents.find(CONSENTS, same)):
        return
    world.consent.revoke(token)


def _keep(world: Connecting, asked: ConsentAsked, grant: Grant, token: str) -> str:
    code = _random_text(world)
    connection = world.keys.connection(asked.practice, asked.practitioner)
    given = ConsentGiven(
        practice=asked.practice,
        practitioner=asked.practitioner,
        sub=grant.sub,
        sealed_token=world.sealing.seal(token, bound_to(Purpose.GIVEN_TOKEN, connection)),
        sealed_email=world.sealing.seal(grant.email, bound_to(Purpose.GIVEN_EMAIL, connection)),
        scopes=grant.scopes,
        expire_at=world.clock.now() + STANDS,
        hosted=bool(grant.hosted_domain),
    )
    path = consent_path(world.keys.consent_given(code))
    world.documents.commit([Put(path, given_data(given), Expect.ABSENT)])
    return code


# --- completion -----------------------------------------------------------------------------------------


def _own(document: Document | None, practice: str, practitioner: str, now: datetime) -> ConsentGiven:
    given = given_of(document) if document else None
    if given is None or given.expire_at <= now:
        raise RejectedError("connect_code_unknown")
    if (given.practice, given.practitioner) != (practice, practitioner):
        raise RejectedError("connect_other_practitioner")
    return given


def _attached(
    world: World, stored: Document | None, given: ConsentGiven, grant: StoredGrant, key: str
) -> Connection:
    """The connection as it is with this grant."""
    if stored is None:
        return _new(world, given, grant, key)
    before = connection_of(stored)
    calendar_key = world.keys.calendar(key, given.sub)
    after = replace(before, sub=given.sub, calendar_key=calendar_key, grant=grant.number)
    if given.sub != before.sub:
        after = in_other_account(after, world.ehr(given.practice), hosted=given.hosted)
    match before.status:
        case Status.STOPPING | Status.REMOVING:
            raise RejectedError(before.status.value)
        case Status.DISCONNECTED:
            return replace(after, status=Status.CONNECTED, epoch=before.epoch + 1, receipt=None)
        case Status.RECONNECT_NEEDED:  # whatever came meanwhile was not kept for it
            return replace(after, status=Status.ACTIVE, epoch=before.epoch + 1)
        case _:
            return after


def _new(world: World, given: ConsentGiven, grant: StoredGrant, key: str) -> Connection:
    ehr = world.ehr(given.practice)
    zone = ZoneInfo(ehr.practitioner(given.practitioner).zone or ZONE_UNKNOWN)
    settings = ConnectionSettings(
        start_from=world.clock.now().astimezone(zone).date(),
        zone=zone,
        client_label=default_label(has_internal_ids=ehr.has_internal_ids),
    )
    return Connection(
        key=key,
        practice=given.practice,
        practitioner=given.practitioner,
        sub=given.sub,
        calendar_key=world.keys.calendar(key, given.sub),
        calendar_name=CALENDAR_NAME,
        settings=settings,
        grant=grant.number,
    )


def _last_number(grant: Document | None, connection: Document | None) -> int:
    """Of the grant there is, or was: what still works with that one is told from what works with the next."""
    numbers = (grant_of(grant).number if grant else 0, connection_of(connection).grant if connection else 0)
    return max(numbers)


def _grant(world: Connecting, connection: str, given: ConsentGiven, number: int) -> StoredGrant:
    token = world.sealing.open(given.sealed_token, bound_to(Purpose.GIVEN_TOKEN, connection))
    email = world.sealing.open(given.sealed_email, bound_to(Purpose.GIVEN_EMAIL, connection))
    return StoredGrant(
        sub=given.sub,
        sealed_token=world.sealing.seal(token, bound_to(Purpose.GRANT_TOKEN, connection)),
        sealed_email=world.sealing.seal(email, bound_to(Purpose.GRANT_EMAIL, connection)),
        scopes=given.scopes,
        number=number,
        hosted=given.hosted,
    )


def _connected(
    world: Connecting, connection: str, given: ConsentGiven, *, other_account: bool = False
) -> Connected:
    return Connected(
        email=world.sealing.open(given.sealed_email, bound_to(Purpose.GIVEN_EMAIL, connection)),
        external_calendars=not given.scopes.isdisjoint(world.scopes.external_events),
        other_account=other_account,
    )


# --- both -----------------------------------------------------------------------------------------------


def _random_text(world: Connecting) -> str:
    return _base64url(world.random_bytes(RANDOM_BYTES))


def _s256(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")
