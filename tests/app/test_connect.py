"""Connect: whose consent it is, what it is good for, and that every part of it works once."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.adapters.sealing import Sealer
from shared.app.connect import Connected, Connecting, Scopes, begin, complete, receive
from shared.app.connections import grant_died, stop, stopped
from shared.app.grants import (
    ConsentAsked,
    ConsentGiven,
    Purpose,
    StoredGrant,
    asked_data,
    asked_of,
    bound_to,
    given_data,
    given_of,
    grant_data,
    grant_of,
    grant_path,
)
from shared.app.records import Connection, Status, connection_data, connection_of, connection_path
from shared.app.world import World
from shared.core.errors import BlockedError, RejectedError, RetryableError
from shared.core.identity import Keys
from shared.core.signing import ConsentState, KeyRing, seal_state
from shared.ports import CalendarService, Document, Ehr, Practitioner, Put, Remove
from tests.fakes.clock import START, FakeClock
from tests.fakes.consent import MemoryConsent
from tests.fakes.documents import MemoryDocuments

PRACTICE, ADA, BEA = "practice-1", "pr-ada", "pr-bea"
SUB, EMAIL = "sub-ada", "ada@example.com"
OTHER_SUB, OTHER_EMAIL = "sub-other", "other@example.com"
CALLBACK = "https://calsync.example/oauth/callback"
OWN, LIST, EVENTS, ANY_EVENTS = "own", "list", "events", "any-events"
TEN_MINUTES = 600
SIGNING = KeyRing({"s1": b"s" * 32})
ZONE = "America/Denver"
Writes = Sequence[Put | Remove]


class HookedDocuments(MemoryDocuments):
    """Something happens once, just before a commit or just after it."""

    def __init__(self) -> None:
        super().__init__()
        self.before: Callable[[], object] | None = None
        self.after: Callable[[], object] | None = None

    def commit(self, writes: Writes) -> list[str]:
        before, self.before = self.before, None
        if before:
            before()
        versions = super().commit(writes)
        after, self.after = self.after, None
        if after:
            after()
        return versions


class Staff:
    """An EHR that knows its practitioners, and has numbers for its clients."""

    has_internal_ids = True

    def practitioner(self, practitioner_id: str) -> Practitioner:
        return Practitioner(practitioner_id, "", ZONE if practitioner_id == ADA else None)


def no_calendars(connection: Connection, *, paced: bool) -> CalendarService:
    raise AssertionError(f"nothing is read of calendars here: {connection.key}, {paced=}")


@dataclass
class Stage:
    clock: FakeClock = field(default_factory=FakeClock)
    documents: HookedDocuments = field(default_factory=HookedDocuments)
    consent: MemoryConsent = field(default_factory=lambda: MemoryConsent((OWN, LIST, EVENTS)))
    secrets: list[str] = field(default_factory=list)
    """Every random text that was made, in order: nonce and verifier of an address, code of an answer."""

    def __post_init__(self) -> None:
        self._made = itertools.count(1)
        sealer = Sealer(KeyRing({"k1": b"k" * 32}), lambda count: next(self._made).to_bytes(count))
        self.world = Connecting(
            documents=self.documents,
            clock=self.clock,
            keys=Keys(b"facts"),
            consent=self.consent,
            sealing=sealer,
            signing=SIGNING,
            scopes=Scopes(OWN, LIST, frozenset({EVENTS, ANY_EVENTS})),
            redirect_uri=CALLBACK,
            random_bytes=self._random_bytes,
        )
        self.within = World(
            documents=self.documents,
            clock=self.clock,
            keys=self.world.keys,
            ehr=lambda _practice: cast("Ehr", Staff()),
            calendars=no_calendars,
            new_id=lambda: "name",
            chance=lambda: 0.5,
        )

    def _random_bytes(self, count: int) -> bytes:
        made = hashlib.sha256(f"random {len(self.secrets)}".encode()).digest()[:count]
        self.secrets.append(base64.urlsafe_b64encode(made).decode().rstrip("="))
        return made

    # --- steps ------------------------------------------------------------------------------------------

    def begin(self, practitioner: str = ADA, practice: str = PRACTICE) -> str:
        return begin(self.world, practice=practice, practitioner=practitioner)

    def receive(self, url: str, code: str | None, error: str | None = None) -> str:
        return receive(self.world, state=asked(url)["state"], code=code, error=error)

    def agree(
        self,
        practitioner: str = ADA,
        *,
        sub: str = SUB,
        email: str = EMAIL,
        scopes: Sequence[str] | None = None,
        offline: bool = True,
    ) -> str:
        """A consent from its beginning to the one-time code."""
        url = self.begin(practitioner)
        code = self.consent.agree(url, sub=sub, email=email, scopes=scopes, offline=offline)
        return self.receive(url, code)

    def complete(self, code: str, practitioner: str = ADA, practice: str = PRACTICE) -> Connected:
        return complete(self.world, self.within, practice=practice, practitioner=practitioner, code=code)

    def connection(self, practitioner: str = ADA) -> Connection:
        path = connection_path(self.world.keys.connection(PRACTICE, practitioner))
        return connection_of(self.documents.get(path)[path])

    def change(self, **changes: Any) -> None:
        connection = replace(self.connection(), **changes)
        self.documents.commit([Put(connection_path(connection.key), connection_data(connection))])

    # --- what is stored ---------------------------------------------------------------------------------

    def consents(self) -> list[Document]:
        return self.documents.find("oauth_states")

    def grants(self) -> list[Document]:
        return self.documents.find("grants")

    def grant(self, practitioner: str = ADA) -> StoredGrant:
        path = grant_path(self.world.keys.connection(PRACTICE, practitioner))
        return grant_of(self.documents.get(path)[path])

    def token(self, practitioner: str = ADA) -> str:
        """The refresh token of the stored grant."""
        bound = bound_to(Purpose.GRANT_TOKEN, self.world.keys.connection(PRACTICE, practitioner))
        return self.world.sealing.open(self.grant(practitioner).sealed_token, bound)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def asked(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def refused(act: Callable[[], object]) -> str:
    """The code of the refusal."""
    with pytest.raises(RejectedError) as caught:
        act()
    return caught.value.reason


def lost() -> None:
    raise RetryableError("store_unavailable")


# --- the address ----------------------------------------------------------------------------------------


def test_what_stands_for_an_address_is_practice_practitioner_and_a_sealed_verifier(stage: Stage) -> None:
    stage.begin()
    (document,) = stage.consents()
    record = asked_of(document)
    assert (record.practice, record.practitioner) == (PRACTICE, ADA)
    assert record.expire_at == START + timedelta(minutes=10)
    bound = bound_to(Purpose.VERIFIER, stage.world.keys.connection(PRACTICE, ADA))
    assert stage.world.sealing.open(record.sealed_verifier, bound) == stage.secrets[1]


def test_the_challenge_is_that_of_the_verifier(stage: Stage) -> None:
    challenge = asked(stage.begin())["code_challenge"]
    digest = hashlib.sha256(stage.secrets[1].encode()).digest()
    assert base64.urlsafe_b64decode(challenge + "=") == digest


def test_no_two_addresses_share_a_nonce_or_a_verifier(stage: Stage) -> None:
    stage.begin()
    stage.begin()
    assert len(set(stage.secrets)) == 4
    assert len(stage.consents()) == 2


def test_the_browser_comes_back_to_our_callback(stage: Stage) -> None:
    assert asked(stage.begin())["redirect_uri"] == CALLBACK


def test_an_account_is_hinted_at_only_where_one_is_given(stage: Stage) -> None:
    hinted = begin(stage.world, practice=PRACTICE, practitioner=ADA, login_hint=EMAIL)
    assert asked(hinted)["login_hint"] == EMAIL
    assert "login_hint" not in asked(stage.begin())


# --- the callback ---------------------------------------------------------------------------------------


def test_what_was_given_waits_sealed_under_a_one_time_code(stage: Stage) -> None:
    code = stage.agree()
    (document,) = stage.consents()
    given = given_of(document)
    assert document.id == stage.world.keys.consent_given(code)
    assert (given.practice, given.practitioner, given.sub) == (PRACTICE, ADA, SUB)
    assert given.scopes == {OWN, LIST, EVENTS}
    assert given.expire_at == START + timedelta(minutes=10)


def test_the_callback_alone_connects_nothing(stage: Stage) -> None:
    stage.agree()
    assert stage.grants() == []


def test_a_state_is_answered_once(stage: Stage) -> None:
    url = stage.begin()
    stage.receive(url, stage.consent.agree(url, sub=SUB, email=EMAIL))
    another = stage.consent.agree(url, sub=OTHER_SUB, email=OTHER_EMAIL)
    assert refused(lambda: stage.receive(url, another)) == "consent_state_used"
    assert len(stage.consents()) == 1


def test_of_two_answers_at_once_one_is_taken(stage: Stage) -> None:
    url = stage.begin()
    first, second = (stage.consent.agree(url, sub=sub, email=EMAIL) for sub in (SUB, OTHER_SUB))
    stage.documents.before = lambda: stage.receive(url, first)
    assert refused(lambda: stage.receive(url, second)) == "consent_state_used"
    (document,) = stage.consents()
    assert given_of(document).sub == SUB


def test_a_state_whose_record_is_gone_counts_as_used(stage: Stage) -> None:
    url = stage.begin()
    stage.documents.commit([Remove(document.path) for document in stage.consents()])
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    assert refused(lambda: stage.receive(url, code)) == "consent_state_used"


@pytest.mark.parametrize("state", ["", "v1.s1.W10.99999999999.x", "ü"])
def test_what_is_no_state_is_refused(stage: Stage, state: str) -> None:
    assert refused(lambda: receive(stage.world, state=state, code="c", error=None)) == "consent_state_forged"


def test_a_state_of_another_signature_is_refused_and_takes_nothing(stage: Stage) -> None:
    url = stage.begin()
    state = ConsentState(PRACTICE, ADA, stage.secrets[0], START + timedelta(minutes=10))
    forged = seal_state(state, KeyRing({"s1": b"x" * 32}))
    assert refused(lambda: receive(stage.world, state=forged, code="c", error=None)) == "consent_state_forged"
    assert stage.receive(url, stage.consent.agree(url, sub=SUB, email=EMAIL))


@pytest.mark.parametrize(("practice", "practitioner"), [(PRACTICE, BEA), ("practice-2", ADA)])
def test_a_state_that_names_somebody_else_than_its_record_takes_nothing(
    stage: Stage, practice: str, practitioner: str
) -> None:
    url = stage.begin()
    state = ConsentState(practice, practitioner, stage.secrets[0], START + timedelta(minutes=10))
    forged = seal_state(state, SIGNING)
    assert refused(lambda: receive(stage.world, state=forged, code="c", error=None)) == "consent_state_forged"
    assert stage.receive(url, stage.consent.agree(url, sub=SUB, email=EMAIL))


def test_a_state_expires_after_ten_minutes(stage: Stage) -> None:
    url = stage.begin()
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    stage.clock.advance(TEN_MINUTES)
    assert refused(lambda: stage.receive(url, code)) == "consent_state_expired"


def test_a_state_is_good_until_then(stage: Stage) -> None:
    url = stage.begin()
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    stage.clock.advance(TEN_MINUTES - 1)
    assert stage.receive(url, code)


@pytest.mark.parametrize(
    ("error", "reason"), [("access_denied", "consent_denied"), ("server_error", "consent_failed")]
)
def test_no_consent_keeps_nothing_and_uses_the_state_up(stage: Stage, error: str, reason: str) -> None:
    url = stage.begin()
    assert refused(lambda: stage.receive(url, None, error)) == reason
    assert stage.consents() == []


@pytest.mark.parametrize("code", [None, "", "code-of-nobody"])
def test_a_code_that_stands_for_nothing_is_refused(stage: Stage, code: str | None) -> None:
    url = stage.begin()
    assert refused(lambda: stage.receive(url, code)) == "consent_code_refused"
    assert stage.consents() == []


def test_a_code_of_another_address_is_refused(stage: Stage) -> None:
    mine, other = stage.begin(), stage.begin()
    code = stage.consent.agree(other, sub=SUB, email=EMAIL)
    assert refused(lambda: stage.receive(mine, code)) == "consent_code_refused"


def test_a_wrong_client_is_told_as_it_is_and_uses_the_state_up(stage: Stage) -> None:
    url = stage.begin()
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    stage.world = replace(stage.world, redirect_uri="https://calsync.example/else")
    with pytest.raises(BlockedError, match="google_client_configuration"):
        stage.receive(url, code)
    assert stage.consents() == []


def test_after_a_lost_exchange_it_is_to_begin_again(stage: Stage) -> None:
    url = stage.begin()
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    stage.consent.loses = {"exchange"}
    assert refused(lambda: stage.receive(url, code)) == "consent_interrupted"
    stage.consent.loses = set()
    assert refused(lambda: stage.receive(url, code)) == "consent_state_used"
    assert stage.consents() == []
    assert stage.complete(stage.agree()).email == EMAIL


def test_a_store_that_fails_before_the_state_is_taken_leaves_it_good(stage: Stage) -> None:
    url = stage.begin()
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    stage.documents.before = lost
    with pytest.raises(RetryableError):
        stage.receive(url, code)
    assert stage.receive(url, code)


def test_a_store_that_fails_after_the_exchange_means_to_begin_again(stage: Stage) -> None:
    url = stage.begin()
    code = stage.consent.agree(url, sub=SUB, email=EMAIL)

    def next_commit_fails() -> None:
        stage.documents.before = lost

    stage.documents.after = next_commit_fails
    assert refused(lambda: stage.receive(url, code)) == "consent_interrupted"
    assert stage.consents() == []


def test_a_verifier_that_does_not_open_exchanges_nothing(stage: Stage) -> None:
    url = stage.begin()
    (document,) = stage.consents()
    data = asked_data(replace(asked_of(document), sealed_verifier="v1.k1.AAAA"))
    stage.documents.commit([Put(document.path, data)])
    with pytest.raises(BlockedError, match="seal_broken"):
        stage.receive(url, stage.consent.agree(url, sub=SUB, email=EMAIL))
    assert not stage.consent.is_live("refresh-token-1")


# --- what was granted -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticked", "reason"),
    [
        ((LIST, EVENTS), "consent_without_own_calendars"),
        ((OWN, EVENTS), "consent_without_calendar_list"),
        ((EVENTS,), "consent_without_calendars"),
        ((), "consent_without_calendars"),
    ],
)
def test_a_box_that_is_needed_is_named_and_nothing_is_kept(
    stage: Stage, ticked: tuple[str, ...], reason: str
) -> None:
    assert refused(lambda: stage.agree(scopes=ticked)) == reason
    assert stage.consents() == []
    assert not stage.consent.is_live("refresh-token-1")


def test_what_does_not_do_and_has_no_lasting_token_names_the_box(stage: Stage) -> None:
    reason = refused(lambda: stage.agree(scopes=(LIST,), offline=False))
    assert reason == "consent_without_own_calendars"


def test_what_does_not_do_ends_nothing_of_a_connection_with_the_account(stage: Stage) -> None:
    stage.complete(stage.agree(BEA), BEA)
    assert refused(lambda: stage.agree(scopes=(LIST,))) == "consent_without_own_calendars"
    assert stage.consent.is_live(stage.token(BEA))


def test_what_does_not_do_leaves_the_callers_own_connection_alive(stage: Stage) -> None:
    stage.complete(stage.agree())
    assert refused(lambda: stage.agree(scopes=(LIST,))) == "consent_without_own_calendars"
    assert stage.consent.is_live(stage.token())


def test_what_does_not_do_ends_nothing_that_still_waits_for_its_code(stage: Stage) -> None:
    code = stage.agree(BEA)
    assert refused(lambda: stage.agree(scopes=(LIST,))) == "consent_without_own_calendars"
    stage.complete(code, BEA)
    assert stage.consent.is_live(stage.token(BEA))


def test_what_waited_too_long_keeps_no_token_alive(stage: Stage) -> None:
    stage.agree(BEA)
    stage.clock.advance(TEN_MINUTES)
    assert refused(lambda: stage.agree(scopes=(LIST,))) == "consent_without_own_calendars"
    assert not stage.consent.is_live("refresh-token-2")


def test_a_connection_with_another_account_keeps_no_token_alive(stage: Stage) -> None:
    stage.complete(stage.agree(BEA, sub=OTHER_SUB), BEA)
    assert refused(lambda: stage.agree(scopes=(LIST,))) == "consent_without_own_calendars"
    assert not stage.consent.is_live("refresh-token-2")
    assert stage.consent.is_live(stage.token(BEA))


def test_a_revocation_that_fails_does_not_hide_the_missing_box(stage: Stage) -> None:
    stage.consent.loses = {"revoke"}
    assert refused(lambda: stage.agree(scopes=(LIST,))) == "consent_without_own_calendars"


def test_no_lasting_token_connects_nothing(stage: Stage) -> None:
    assert refused(lambda: stage.agree(offline=False)) == "consent_without_offline"
    assert stage.consents() == []


@pytest.mark.parametrize(
    ("ticked", "external"), [((EVENTS,), True), ((ANY_EVENTS,), True), ((), False), (("email",), False)]
)
def test_without_the_last_box_it_connects_and_says_that_other_calendars_cannot_be_read(
    stage: Stage, ticked: tuple[str, ...], *, external: bool
) -> None:
    connected = stage.complete(stage.agree(scopes=(OWN, LIST, *ticked)))
    assert connected.external_calendars is external
    assert stage.grant().scopes == {OWN, LIST, *ticked}


# --- completion -----------------------------------------------------------------------------------------


def test_the_practitioner_who_began_gets_the_grant_and_is_told_the_address(stage: Stage) -> None:
    connected = stage.complete(stage.agree())
    assert (connected.email, connected.other_account) == (EMAIL, False)
    assert (stage.grant().sub, stage.grant().number) == (SUB, 1)
    assert stage.consent.is_live(stage.token())
    assert stage.consents() == []


def test_a_code_completes_once(stage: Stage) -> None:
    code = stage.agree()
    stage.complete(code)
    assert refused(lambda: stage.complete(code)) == "connect_code_unknown"
    assert stage.grant().number == 1


def test_of_two_completions_at_once_one_wins(stage: Stage) -> None:
    code = stage.agree()
    stage.documents.before = lambda: stage.complete(code)
    assert refused(lambda: stage.complete(code)) == "connect_code_unknown"
    assert stage.grant().number == 1


def test_a_code_used_meanwhile_is_not_used_again_where_its_grant_is_gone_already(stage: Stage) -> None:
    code = stage.agree()

    def complete_and_disconnect() -> None:
        stage.complete(code)
        stage.documents.commit([Remove(document.path) for document in stage.grants()])

    stage.documents.before = complete_and_disconnect
    assert refused(lambda: stage.complete(code)) == "connect_code_unknown"
    assert stage.grants() == []


def test_two_consents_completed_at_once_both_count(stage: Stage) -> None:
    first, second = stage.agree(), stage.agree()
    stage.documents.before = lambda: stage.complete(first)
    stage.complete(second)
    assert stage.grant().number == 2
    assert stage.token() == "refresh-token-2"


def test_a_grant_that_keeps_moving_leaves_the_code_good(stage: Stage) -> None:
    stage.complete(stage.agree())
    code, (path,) = stage.agree(), [document.path for document in stage.grants()]

    def move() -> None:
        moved = replace(stage.grant(), number=stage.grant().number + 1)
        MemoryDocuments.commit(stage.documents, [Put(path, grant_data(moved))])
        stage.documents.before = move

    stage.documents.before = move
    with pytest.raises(RetryableError, match="connect_contested"):
        stage.complete(code)
    stage.documents.before = None
    stage.complete(code)
    assert stage.grant().number == 1 + 3 + 1


@pytest.mark.parametrize(("practice", "practitioner"), [(PRACTICE, BEA), ("practice-2", ADA)])
def test_a_code_is_no_good_to_another_practitioner_and_stays_good_to_the_right_one(
    stage: Stage, practice: str, practitioner: str
) -> None:
    code = stage.agree()
    reason = refused(lambda: stage.complete(code, practitioner, practice))
    assert reason == "connect_other_practitioner"
    assert stage.grants() == []
    assert stage.complete(code).email == EMAIL


def test_a_code_nobody_was_given_is_unknown(stage: Stage) -> None:
    stage.agree()
    assert refused(lambda: stage.complete("code-of-nobody")) == "connect_code_unknown"


def test_a_nonce_is_no_code(stage: Stage) -> None:
    stage.begin()
    assert refused(lambda: stage.complete(stage.secrets[0])) == "connect_code_unknown"


@pytest.mark.parametrize("practitioner", [ADA, BEA])
def test_a_code_expires_after_ten_minutes(stage: Stage, practitioner: str) -> None:
    code = stage.agree()
    stage.clock.advance(TEN_MINUTES)
    assert refused(lambda: stage.complete(code, practitioner)) == "connect_code_unknown"


def test_a_code_is_good_until_then(stage: Stage) -> None:
    code = stage.agree()
    stage.clock.advance(TEN_MINUTES - 1)
    assert stage.complete(code).email == EMAIL


def test_a_reconnect_replaces_the_token_under_a_higher_number(stage: Stage) -> None:
    stage.complete(stage.agree())
    before = stage.token()
    stage.complete(stage.agree(scopes=(OWN, LIST)))
    assert stage.grant().number == 2
    assert stage.grant().scopes == {OWN, LIST}
    assert stage.token() != before
    assert stage.consent.is_live(stage.token())


def test_another_account_is_told_and_changes_nothing(stage: Stage) -> None:
    stage.complete(stage.agree())
    (stored,) = stage.grants()
    connected = stage.complete(stage.agree(sub=OTHER_SUB, email=OTHER_EMAIL))
    assert (connected.other_account, connected.email) == (True, OTHER_EMAIL)
    assert stage.grants() == [stored]


def test_another_account_connects_by_the_same_code_once_the_first_is_gone(stage: Stage) -> None:
    stage.complete(stage.agree())
    code = stage.agree(sub=OTHER_SUB, email=OTHER_EMAIL)
    assert stage.complete(code).other_account
    stage.documents.commit([Remove(document.path) for document in stage.grants()])
    assert not stage.complete(code).other_account
    assert stage.grant().sub == OTHER_SUB


def test_a_store_that_fails_leaves_the_code_good(stage: Stage) -> None:
    code = stage.agree()
    stage.documents.before = lost
    with pytest.raises(RetryableError):
        stage.complete(code)
    assert stage.complete(code).email == EMAIL


def test_a_lost_answer_of_the_store_has_connected_all_the_same(stage: Stage) -> None:
    code = stage.agree()
    stage.documents.after = lost
    with pytest.raises(RetryableError):
        stage.complete(code)
    assert refused(lambda: stage.complete(code)) == "connect_code_unknown"
    assert stage.grant().number == 1


def test_practitioners_may_share_an_account(stage: Stage) -> None:
    stage.complete(stage.agree())
    stage.complete(stage.agree(BEA), BEA)
    assert stage.grant().sub == stage.grant(BEA).sub
    assert stage.grant(BEA).number == 1


# --- the connection -------------------------------------------------------------------------------------


def test_a_new_connection_waits_to_be_started_in_the_zone_that_the_ehr_knows(stage: Stage) -> None:
    stage.complete(stage.agree())
    connection = stage.connection()
    assert (connection.status, connection.sub, connection.grant) == (Status.CONNECTED, SUB, 1)
    assert connection.settings.zone.key == ZONE
    assert stage.documents.find("calendars") == []


def test_the_same_account_goes_on_after_a_dead_grant_with_a_complete_pass(stage: Stage) -> None:
    stage.complete(stage.agree())
    stage.change(status=Status.RECONNECT_NEEDED, epoch=4)
    before = stage.connection()
    stage.complete(stage.agree())
    assert stage.connection() == replace(before, status=Status.ACTIVE, epoch=5, grant=2)
    (calendar,) = stage.documents.find("calendars")
    assert (calendar.id, calendar.data["due_at"]) == (before.calendar_key, stage.clock.now())


def test_a_consent_given_again_disturbs_nothing_that_runs(stage: Stage) -> None:
    stage.complete(stage.agree())
    stage.change(status=Status.ACTIVE, epoch=4)
    before = stage.connection()
    stage.complete(stage.agree())
    assert stage.connection() == replace(before, grant=2)


def test_another_account_after_a_disconnection_has_a_calendar_of_its_own(stage: Stage) -> None:
    stage.complete(stage.agree())
    stage.change(status=Status.DISCONNECTED)
    before = stage.connection()
    stage.documents.commit([Remove(document.path) for document in stage.grants()])
    stage.complete(stage.agree(sub=OTHER_SUB, email=OTHER_EMAIL))
    after = stage.connection()
    assert (after.status, after.sub, after.grant) == (Status.CONNECTED, OTHER_SUB, 2)
    assert after.calendar_key != before.calendar_key


def test_a_grant_after_a_disconnection_has_a_number_of_its_own(stage: Stage) -> None:
    stage.complete(stage.agree())
    stage.complete(stage.agree())
    stage.change(status=Status.ACTIVE)
    running = stage.connection()
    gone = [Remove(document.path) for document in stage.grants()]
    stopped(stage.within, stop(stage.within, running.key), Status.DISCONNECTED, besides=gone)
    stage.complete(stage.agree())
    stage.change(status=Status.ACTIVE)
    assert (running.grant, stage.connection().grant, stage.grant().number) == (2, 3, 3)
    grant_died(stage.within, running)  # a job that began with the grant before ends
    assert stage.connection().status is Status.ACTIVE


def test_nothing_is_connected_while_a_disconnection_is_under_way(stage: Stage) -> None:
    stage.complete(stage.agree())
    stage.change(status=Status.STOPPING)
    code = stage.agree()
    assert refused(lambda: stage.complete(code)) == "stopping"
    stage.change(status=Status.PAUSED)
    assert stage.complete(code).email == EMAIL


# --- what is told to nobody -----------------------------------------------------------------------------


def test_nothing_that_is_stored_gives_a_secret_or_an_address_away(stage: Stage) -> None:
    url = begin(stage.world, practice=PRACTICE, practitioner=ADA, login_hint=EMAIL)
    seen = repr(stage.documents.find("oauth_states"))
    google_code = stage.consent.agree(url, sub=SUB, email=EMAIL)
    code = stage.receive(url, google_code)
    seen += repr(stage.documents.find("oauth_states"))
    stage.complete(code)
    seen += repr(stage.documents.find("grants"))
    assert PRACTICE in seen
    assert SUB in seen
    for secret in (*stage.secrets, google_code, "refresh-token", EMAIL):
        assert secret not in seen


def test_a_sealed_token_opens_for_its_own_connection_and_purpose_only(stage: Stage) -> None:
    stage.agree()
    (document,) = stage.consents()
    sealed, keys = given_of(document).sealed_token, stage.world.keys
    bound = [
        bound_to(purpose, keys.connection(PRACTICE, practitioner))
        for purpose in Purpose
        for practitioner in (ADA, BEA)
    ]
    opened = []
    for associated_data in bound:
        try:
            opened.append((associated_data, stage.world.sealing.open(sealed, associated_data)))
        except BlockedError:
            continue
    mine = bound_to(Purpose.GIVEN_TOKEN, keys.connection(PRACTICE, ADA))
    assert opened == [(mine, "refresh-token-1")]


def test_results_and_records_show_nothing_of_what_they_hold(stage: Stage) -> None:
    connected = stage.complete(stage.agree())
    asked_for = ConsentAsked(PRACTICE, ADA, "sealed", START)
    given = ConsentGiven(PRACTICE, ADA, SUB, "sealed", "sealed", frozenset({OWN}), START)
    for shown in map(repr, (connected, stage.grant(), asked_for, given)):
        assert "sealed" not in shown
        assert EMAIL not in shown


@pytest.mark.parametrize("reason", ["used", "unknown"])
def test_a_refusal_quotes_nothing(stage: Stage, reason: str) -> None:
    code = stage.agree()
    if reason == "used":
        stage.complete(code)
    else:
        code = f"{code}x"
    with pytest.raises(RejectedError) as caught:
        stage.complete(code)
    assert code not in f"{caught.value!r} {caught.value.__cause__!r}"


# --- records --------------------------------------------------------------------------------------------


def test_every_record_comes_back_as_it_was_stored(stage: Stage) -> None:
    first = ConsentAsked(PRACTICE, ADA, "sealed", START)
    given = ConsentGiven(PRACTICE, ADA, SUB, "token", "email", frozenset({OWN, LIST}), START, hosted=True)
    grant = StoredGrant(SUB, "token", "email", frozenset({OWN, LIST}), 3, hosted=True)
    stage.documents.commit(
        [Put("a/1", asked_data(first)), Put("a/2", given_data(given)), Put("a/3", grant_data(grant))]
    )
    found = stage.documents.get("a/1", "a/2", "a/3")
    assert (asked_of(found["a/1"]), given_of(found["a/2"]), grant_of(found["a/3"])) == (first, given, grant)
