"""What the Firestore adapter does beyond the contract of the state store: errors, retries, connecting."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.api_core import exceptions as api_core_exceptions
from google.auth import exceptions as auth_exceptions
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport

from sandbox.firestore.database import Database
from sandbox.firestore.messages import Message, RefusedError
from sandbox.firestore.server import Firestore, start
from shared.adapters import firestore as adapter
from shared.adapters.firestore import FirestoreDocuments, translate
from shared.core.errors import BlockedError, RetryableError, StaleError
from shared.ports import Expect, Put, Where
from tests.adapters.cloud_error_classes import CREDENTIAL_ERRORS, GOOGLE_ERROR_CLASSES, made

google_errors: Any = api_core_exceptions  # their constructors carry no types
auth_errors: Any = auth_exceptions

BUG = None

# --- errors ---------------------------------------------------------------------------------------------

GOOGLE_ERRORS: dict[str, tuple[type | None, type | None]] = {
    # class: (in a call with preconditions, in one without)
    "Aborted": (RetryableError, RetryableError),
    "AlreadyExists": (StaleError, BUG),
    "AsyncRestUnsupportedParameterError": (BUG, BUG),
    "BadGateway": (RetryableError, RetryableError),
    "BadRequest": (BUG, BUG),
    "Cancelled": (RetryableError, RetryableError),
    "ClientError": (BUG, BUG),
    "Conflict": (BUG, BUG),
    "DataLoss": (BUG, BUG),
    "DeadlineExceeded": (RetryableError, RetryableError),
    "DuplicateCredentialArgs": (BUG, BUG),
    "FailedPrecondition": (StaleError, BlockedError),
    "Forbidden": (BlockedError, BlockedError),
    "GatewayTimeout": (RetryableError, RetryableError),
    "GoogleAPICallError": (BUG, BUG),
    "GoogleAPIError": (BUG, BUG),
    "InternalServerError": (RetryableError, RetryableError),
    "InvalidArgument": (BUG, BUG),
    "LengthRequired": (BUG, BUG),
    "MethodNotAllowed": (BUG, BUG),
    "MethodNotImplemented": (BUG, BUG),
    "MissingStatusHeaderError": (BUG, BUG),
    "MovedPermanently": (BUG, BUG),
    "NotFound": (StaleError, BlockedError),
    "NotModified": (BUG, BUG),
    "OutOfRange": (BUG, BUG),
    "PermissionDenied": (BlockedError, BlockedError),
    "PreconditionFailed": (BUG, BUG),
    "Redirection": (BUG, BUG),
    "RequestRangeNotSatisfiable": (BUG, BUG),
    "ResourceExhausted": (RetryableError, RetryableError),
    "ResumableTransferError": (BUG, BUG),
    "ResumeIncomplete": (BUG, BUG),
    "RetryError": (RetryableError, RetryableError),
    "ServerError": (BUG, BUG),
    "ServiceUnavailable": (RetryableError, RetryableError),
    "TemporaryRedirect": (BUG, BUG),
    "TooManyRequests": (RetryableError, RetryableError),
    "TransferStalledError": (BUG, BUG),
    "Unauthenticated": (BlockedError, BlockedError),
    "Unauthorized": (BlockedError, BlockedError),
    "Unknown": (RetryableError, RetryableError),
    "UnseekableStreamError": (BUG, BUG),
    "UploadCancelledError": (BUG, BUG),
}


def test_every_error_of_the_library_has_its_place() -> None:
    assert sorted(GOOGLE_ERROR_CLASSES) == sorted(GOOGLE_ERRORS)


@pytest.mark.parametrize("name", GOOGLE_ERRORS)
def test_a_foreign_error_is_named_by_its_remedy(name: str) -> None:
    error = made(GOOGLE_ERROR_CLASSES[name])
    remedies = tuple(
        None if known is None else type(known)
        for known in (translate(error, expecting=True), translate(error, expecting=False))
    )
    assert remedies == GOOGLE_ERRORS[name]


@pytest.mark.parametrize("kind", CREDENTIAL_ERRORS)
def test_errors_of_credentials_block_unless_they_pass(kind: type[Exception]) -> None:
    expected = RetryableError if issubclass(kind, auth_errors.TransportError) else BlockedError
    assert isinstance(translate(made(kind), expecting=True), expected)


def test_a_reason_is_a_code_and_carries_nothing_of_the_answer() -> None:
    error = google_errors.ServiceUnavailable("details of projects/p/databases/d/documents/secret")
    known = translate(error, expecting=False)
    assert known is not None
    assert known.reason == "store_unavailable"
    assert str(known) == "store_unavailable"


# --- calls ----------------------------------------------------------------------------------------------


class Faulty(Firestore):
    """A Firestore whose next answers are lost, or that refuses its next calls."""

    def __init__(self) -> None:
        super().__init__(Database())
        self.lost: list[grpc.StatusCode] = []
        self.refused: list[grpc.StatusCode] = []
        self.calls: list[str] = []

    def commit(self, request: Message) -> Message:
        self._called("commit")
        response = super().commit(request)
        if self.lost:
            raise RefusedError(self.lost.pop(0), "the answer is lost")
        return response

    def batch_get_documents(self, request: Message) -> Iterator[Message]:
        self._called("get")
        yield from super().batch_get_documents(request)

    def run_query(self, request: Message) -> Iterator[Message]:
        self._called("find")
        yield from super().run_query(request)

    def run_aggregation_query(self, request: Message) -> Iterator[Message]:
        self._called("count")
        yield from super().run_aggregation_query(request)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.refused:
            raise RefusedError(self.refused.pop(0), "refused")


@pytest.fixture
def firestore() -> Faulty:
    return Faulty()


@pytest.fixture
def store(firestore: Faulty) -> Iterator[FirestoreDocuments]:
    server, port = start(firestore, 0)
    store = FirestoreDocuments("demo-adapter", host=f"127.0.0.1:{port}")
    yield store
    store.close()
    server.stop(1).wait()


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_a_commit_whose_answer_is_lost_is_not_sent_again(
    store: FirestoreDocuments, firestore: Faulty, code: grpc.StatusCode
) -> None:
    firestore.lost = [code]
    with pytest.raises(RetryableError):
        store.commit([Put("items/a", {"n": 1}, Expect.ABSENT)])
    assert firestore.calls == ["commit"]
    assert store.get("items/a")["items/a"].data == {"n": 1}


CALLS: dict[str, Callable[[FirestoreDocuments], object]] = {
    "get": lambda store: store.get("items/a"),
    "find": lambda store: store.find("items"),
    "count": lambda store: store.count("items"),
    "commit": lambda store: store.commit([Put("items/a", {})]),
}


@pytest.mark.parametrize("call", ["get", "find", "count"])
def test_a_read_is_sent_again(store: FirestoreDocuments, firestore: Faulty, call: str) -> None:
    firestore.refused = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL]
    CALLS[call](store)
    assert firestore.calls == [call] * 3


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (grpc.StatusCode.ABORTED, RetryableError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, RetryableError),
        (grpc.StatusCode.PERMISSION_DENIED, BlockedError),
        (grpc.StatusCode.UNAUTHENTICATED, BlockedError),
        (grpc.StatusCode.NOT_FOUND, BlockedError),
        (grpc.StatusCode.FAILED_PRECONDITION, BlockedError),
        (grpc.StatusCode.INVALID_ARGUMENT, google_errors.InvalidArgument),
    ],
)
def test_what_firestore_says_is_translated_in_every_call(
    store: FirestoreDocuments, firestore: Faulty, call: str, code: grpc.StatusCode, remedy: type[Exception]
) -> None:
    firestore.refused = [code]
    with pytest.raises(remedy):
        CALLS[call](store)
    assert firestore.calls == [call]


def test_a_store_that_cannot_be_reached_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "READ_SECONDS", 0.3)
    store = FirestoreDocuments("demo-adapter", host="127.0.0.1:1")
    for call in CALLS.values():
        with pytest.raises(RetryableError):
            call(store)
    store.close()


def test_a_commit_without_writes_asks_nobody(store: FirestoreDocuments, firestore: Faulty) -> None:
    store.commit([])
    store.get()
    assert firestore.calls == []


def test_many_documents_are_asked_for_in_chunks(store: FirestoreDocuments, firestore: Faulty) -> None:
    store.get(*(f"items/{n}" for n in range(2 * adapter.GET_CHUNK + 1)))
    assert firestore.calls == ["get"] * 3


def test_a_kind_of_value_that_we_do_not_write_is_not_guessed(
    store: FirestoreDocuments, firestore: Faulty
) -> None:
    store.commit([Put("items/a", {"n": 1})])
    name = "projects/demo-adapter/databases/(default)/documents/items/a"
    stored, _ = firestore._database.read("projects/demo-adapter/databases/(default)", [name], b"")
    assert stored[0] is not None
    stored[0].fields["n"].geo_point_value.latitude = 1.0
    with pytest.raises(TypeError, match="geo_point_value"):
        store.get("items/a")


def test_a_version_of_another_store_is_a_bug(store: FirestoreDocuments) -> None:
    with pytest.raises(ValueError, match="version"):
        store.commit([Put("items/a", {}, "7")])


# --- connecting -----------------------------------------------------------------------------------------


def test_nothing_connects_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc, "insecure_channel", lambda *_a, **_k: pytest.fail("connected"))
    store = FirestoreDocuments("demo-adapter", host="127.0.0.1:1")
    assert store.commit([]) == []
    store.close()


def test_threads_that_come_first_together_share_one_client(
    store: FirestoreDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients = []

    def client(**how: Any) -> Any:
        clients.append(how)
        return FirestoreClient(**how)

    monkeypatch.setattr("shared.adapters.firestore.FirestoreClient", client)
    together = threading.Barrier(8)

    def first(n: int) -> None:
        together.wait()
        store.commit([Put(f"items/{n}", {"n": n})])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(first, range(8)))
    assert (len(clients), store.count("items", Where("n", ">=", 0))) == (1, 8)


def test_a_closed_store_connects_again(store: FirestoreDocuments) -> None:
    store.commit([Put("items/a", {"n": 1})])
    store.close()
    assert store.count("items") == 1


def test_the_emulator_variable_is_not_looked_at(
    store: FirestoreDocuments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    assert store.commit([Put("items/a", {})]) != []


def test_without_a_host_the_channel_is_firestores_own_with_the_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []

    def create_channel(**how: Any) -> Any:
        asked.append(how)
        return grpc.insecure_channel("127.0.0.1:1")

    monkeypatch.setattr(FirestoreGrpcTransport, "create_channel", create_channel)
    credentials: Any = object()
    store = FirestoreDocuments("demo-adapter", credentials=credentials)
    with pytest.raises(RetryableError):
        store.commit([Put("items/a", {})])
    store.close()
    assert [how["credentials"] for how in asked] == [credentials]


def test_missing_default_credentials_block(monkeypatch: pytest.MonkeyPatch) -> None:
    def create_channel(**_how: Any) -> Any:
        raise auth_errors.DefaultCredentialsError("none were found")

    monkeypatch.setattr(FirestoreGrpcTransport, "create_channel", create_channel)
    with pytest.raises(BlockedError, match="store_unauthenticated"):
        FirestoreDocuments("demo-adapter").get("items/a")


def test_credentials_do_not_travel_over_a_plain_channel() -> None:
    credentials: Any = object()
    with pytest.raises(ValueError, match="plain channel"):
        FirestoreDocuments("demo-adapter", host="127.0.0.1:1", credentials=credentials)
