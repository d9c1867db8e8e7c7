"""The state store on Firestore (google-cloud-firestore, its generated client).

The generated client and not the convenient one: replacing a whole document under a version, which leases
and cursors need, can only be said there (`Write` without a mask, with `update_time`); and it takes its
channel, its retries and its timeouts from us instead of from the environment.

A commit is sent once. The library would send it again after UNAVAILABLE, and a create whose first answer was
lost would then be told that the document exists already: its own. So a lost answer is a RetryableError: the
commit was applied or it was not, and the caller reads before it writes again. Reads are sent again by the
library, within READ_SECONDS.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry, if_exception_type
from google.auth.credentials import Credentials
from google.cloud.firestore_v1.services.firestore import FirestoreClient
from google.cloud.firestore_v1.services.firestore.transports import FirestoreGrpcTransport
from google.cloud.firestore_v1.types import document as document_types
from google.cloud.firestore_v1.types import firestore as request_types
from google.cloud.firestore_v1.types import query as query_types
from google.cloud.firestore_v1.types import write as write_types

from shared import cloud_errors
from shared.core.errors import BlockedError, StaleError, SyncError
from shared.documents import check_conditions, check_document_path, check_page, check_writes, expects
from shared.ports import Document, Expect, Put, Remove, Where

DEFAULT_DATABASE = "(default)"
READ_SECONDS = 20.0
COMMIT_SECONDS = 20.0
GET_CHUNK = 300
"""Documents asked for in one call; each call is one consistent snapshot."""

_PRECONDITION = (google_errors.AlreadyExists, google_errors.FailedPrecondition, google_errors.NotFound)
_READ_AGAIN = (
    google_errors.InternalServerError,
    google_errors.ResourceExhausted,
    google_errors.ServiceUnavailable,
)
_VERSION = re.compile(r"(\d+)\.(\d{9})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The plain protobuf messages; the library's wrappers around them cost most of a call's time.
_CommitRequest = request_types.CommitRequest.pb()
_BatchGetRequest = request_types.BatchGetDocumentsRequest.pb()
_RunQueryRequest = request_types.RunQueryRequest.pb()
_RunAggregationRequest = request_types.RunAggregationQueryRequest.pb()
_Query = query_types.StructuredQuery.pb()
_Value = document_types.Value.pb()
_Write = write_types.Write.pb()

_OPERATORS = {
    "==": _Query.FieldFilter.EQUAL,
    "<": _Query.FieldFilter.LESS_THAN,
    "<=": _Query.FieldFilter.LESS_THAN_OR_EQUAL,
    ">": _Query.FieldFilter.GREATER_THAN,
    ">=": _Query.FieldFilter.GREATER_THAN_OR_EQUAL,
    "in": _Query.FieldFilter.IN,
    "array-contains": _Query.FieldFilter.ARRAY_CONTAINS,
}

_SCALARS: dict[type, str] = {
    bool: "boolean_value",
    int: "integer_value",
    float: "double_value",
    str: "string_value",
    bytes: "bytes_value",
}


def translate(error: Exception, *, expecting: bool) -> SyncError | None:
    """The remedy of a foreign error; None for a bug of ours, which crashes as it is.

    `expecting`: the call carried preconditions. Without them NOT_FOUND means that there is no such database,
    and FAILED_PRECONDITION that an index is missing or the database is of another kind.
    """
    if isinstance(error, _PRECONDITION):
        if expecting:
            return StaleError("store_precondition")
        return None if isinstance(error, google_errors.AlreadyExists) else BlockedError("store_misconfigured")
    return cloud_errors.translate(error, "store")


def _translated(*, expecting: bool = False) -> AbstractContextManager[None]:
    return cloud_errors.translated(lambda error: translate(error, expecting=expecting))


class FirestoreDocuments:
    """Documents in one Firestore database. Safe between threads; connects on first use.

    Without `host`: Firestore itself, with `credentials` or else the application default ones. With `host`
    (`127.0.0.1:8080`): an emulator, on a plain channel and without credentials. FIRESTORE_EMULATOR_HOST is
    not looked at: where to connect is never decided behind the caller's back.
    """

    def __init__(
        self,
        project: str,
        database: str = DEFAULT_DATABASE,
        *,
        host: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        if host and credentials:
            raise ValueError("credentials are not sent over a plain channel")
        self._database = f"projects/{project}/databases/{database}"
        self._root = f"{self._database}/documents"
        self._host = host
        self._credentials = credentials
        self._metadata = (("google-cloud-resource-prefix", self._database),)
        self._lock = threading.Lock()
        self._client: Any = None

    def get(self, *paths: str) -> dict[str, Document]:
        for path in paths:
            check_document_path(path)
        found: dict[str, Document] = {}
        names = [self._name(path) for path in dict.fromkeys(paths)]
        for start in range(0, len(names), GET_CHUNK):
            request = _BatchGetRequest(database=self._database, documents=names[start : start + GET_CHUNK])
            with _translated():
                for answer in self._stream(
                    "batch_get_documents", request_types.BatchGetDocumentsRequest, request
                ):
                    if answer.HasField("found"):
                        document = self._document(answer.found)
                        found[document.path] = document
        return found

    def commit(self, writes: Sequence[Put | Remove]) -> list[str]:
        check_writes(writes)
        if not writes:
            return []
        request = _CommitRequest(database=self._database, writes=[self._write(write) for write in writes])
        with _translated(expecting=expects(writes)):
            response = self._connected().commit(
                request=request_types.CommitRequest.wrap(request),
                retry=None,
                timeout=COMMIT_SECONDS,
                metadata=self._metadata,
            )
        results = request_types.CommitResponse.pb(response).write_results
        return [
            _version(result.update_time) if isinstance(write, Put) else ""
            for write, result in zip(writes, results, strict=True)
        ]

    def find(
        self,
        collection: str,
        *where: Where,
        group: bool = False,
        order_by: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> list[Document]:
        check_conditions(collection, where, group=group)
        check_page(collection, where, group=group, order_by=order_by, limit=limit, after=after)
        parent, query = self._query(collection, where, group=group)
        for field in (order_by, "__name__"):
            if field:
                query.order_by.add(direction=_Query.ASCENDING).field.field_path = field
        if limit is not None:
            query.limit.value = limit
        if after is not None:
            query.start_at.values.add(reference_value=self._name(after))
        request = _RunQueryRequest(parent=parent, structured_query=query)
        with _translated():
            answers = self._stream("run_query", request_types.RunQueryRequest, request)
            return [self._document(answer.document) for answer in answers if answer.HasField("document")]

    def count(self, collection: str, *where: Where, group: bool = False) -> int:
        check_conditions(collection, where, group=group)
        parent, query = self._query(collection, where, group=group)
        request = _RunAggregationRequest(parent=parent)
        request.structured_aggregation_query.structured_query.CopyFrom(query)
        request.structured_aggregation_query.aggregations.add(alias="count").count.SetInParent()
        with _translated():
            answers = list(
                self._stream("run_aggregation_query", request_types.RunAggregationQueryRequest, request)
            )
        return int(answers[-1].result.aggregate_fields["count"].integer_value)

    def close(self) -> None:
        """Let the connection go; a later call connects again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.transport.close()

    def _connected(self) -> Any:
        with self._lock:
            if self._client is None:
                self._client = FirestoreClient(transport=self._transport())
            return self._client

    def _transport(self) -> Any:
        options = [
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", -1),
            ("grpc.keepalive_time_ms", 30_000),
        ]
        if self._host:
            channel = grpc.insecure_channel(self._host, options=[*options, ("grpc.enable_http_proxy", 0)])
        else:
            channel = FirestoreGrpcTransport.create_channel(credentials=self._credentials, options=options)
        return FirestoreGrpcTransport(channel=channel)

    def _stream(self, method: str, request_type: Any, request: Any) -> Iterator[Any]:
        """The answers of a reading call, as plain protobuf messages."""
        call = getattr(self._connected(), method)
        retry = Retry(
            predicate=if_exception_type(*_READ_AGAIN), initial=0.1, maximum=2.0, timeout=READ_SECONDS
        )
        answers = call(
            request=request_type.wrap(request), retry=retry, timeout=READ_SECONDS, metadata=self._metadata
        )
        for answer in answers:
            yield type(answer).pb(answer)

    def _name(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _document(self, message: Any) -> Document:
        path = message.name.removeprefix(f"{self._root}/")
        return Document(path, _decoded_fields(message.fields), _version(message.update_time))

    def _write(self, write: Put | Remove) -> Any:
        message = _Write()
        if isinstance(write, Put):
            message.update.name = self._name(write.path)
            _encode_fields(write.data, message.update.fields)
        else:
            message.delete = self._name(write.path)
        if write.expect is Expect.ABSENT:
            message.current_document.exists = False
        elif isinstance(write.expect, str):
            seconds, nanos = _update_time(write.expect)
            message.current_document.update_time.seconds = seconds
            message.current_document.update_time.nanos = nanos
        return message

    def _query(self, collection: str, where: Sequence[Where], *, group: bool) -> tuple[str, Any]:
        """The parent and the query of a collection, with its conditions; without order, limit and cursor."""
        above, _, collection_id = collection.rpartition("/")
        query = _Query()
        query.from_.add(collection_id=collection_id, all_descendants=group)
        filters = [_filter(condition) for condition in where]
        if len(filters) == 1:
            query.where.CopyFrom(filters[0])
        elif filters:
            query.where.composite_filter.op = _Query.CompositeFilter.AND
            query.where.composite_filter.filters.extend(filters)
        return (self._name(above) if above else self._root), query


def _filter(condition: Where) -> Any:
    message = _Query.Filter()
    unary = _unary(condition)
    if unary is not None:
        message.unary_filter.op = unary
        message.unary_filter.field.field_path = condition.field
    else:
        message.field_filter.op = _OPERATORS[condition.operator]
        message.field_filter.field.field_path = condition.field
        _encode(condition.value, message.field_filter.value)
    return message


def _unary(condition: Where) -> Any | None:
    """Null and NaN equal nothing in Firestore; they have operators of their own."""
    if condition.value is None:
        return _Query.UnaryFilter.IS_NULL
    if condition.value != condition.value:  # true of NaN alone
        return _Query.UnaryFilter.IS_NAN
    return None


def _version(update_time: Any) -> str:
    return f"{update_time.seconds}.{update_time.nanos:09}"


def _update_time(version: str) -> tuple[int, int]:
    """Seconds and nanoseconds of a version. Raises ValueError when it is none of this store."""
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError("not a version of this store")
    return int(match[1]), int(match[2])


def _encode_fields(fields: Mapping[str, object], into: Any) -> None:
    for name, value in fields.items():
        _encode(value, into[name])


def _encode(value: object, into: Any) -> None:
    """Write a checked value into a protobuf Value."""
    match value:
        case None:
            into.null_value = 0
        case datetime():
            since = value - _EPOCH
            into.timestamp_value.seconds = since.days * 86_400 + since.seconds
            into.timestamp_value.nanos = since.microseconds * 1000
        case list():
            into.array_value.SetInParent()
            for item in value:
                _encode(item, into.array_value.values.add())
        case Mapping():
            into.map_value.SetInParent()
            _encode_fields(value, into.map_value.fields)
        case _:
            setattr(into, _SCALARS[type(value)], value)


def _decoded_fields(fields: Any) -> dict[str, object]:
    return {name: _decoded(value) for name, value in fields.items()}


def _decoded(value: Any) -> object:
    kind = value.WhichOneof("value_type")
    match kind:
        case "null_value":
            return None
        case "timestamp_value":
            stamp = value.timestamp_value
            return _EPOCH + timedelta(seconds=stamp.seconds, microseconds=stamp.nanos // 1000)
        case "array_value":
            return [_decoded(item) for item in value.array_value.values]
        case "map_value":
            return _decoded_fields(value.map_value.fields)
    if kind not in _SCALARS.values():
        raise TypeError(f"the store holds a {kind}; we write none")
    plain: object = getattr(value, kind)
    return plain
