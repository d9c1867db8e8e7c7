"""The gRPC edge: google.firestore.v1.Firestore in front of a Database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty

from sandbox.firestore import messages, queries
from sandbox.firestore.database import Database
from sandbox.firestore.messages import Message, RefusedError, invalid, unimplemented
from sandbox.firestore.values import database_of, name_order, projected
from sandbox.firestore.writes import target
from sandbox.serving import LOOPBACK

SERVICE = "google.firestore.v1.Firestore"
THREADS = 32
PAGE_SIZE = 300
_MESSAGE_BYTES_MAX = 32 * 1024 * 1024


class Firestore:
    """The RPCs, named as in the service. Each refuses what it does not know instead of leaving it out."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get_document(self, request: Message) -> Message:
        _refuse(request, "read_time")
        found, _ = self._database.read(database_of(request.name), [request.name], request.transaction)
        if found[0] is None:
            raise RefusedError(grpc.StatusCode.NOT_FOUND, f"document {request.name!r} not found")
        return _masked(found[0], request)

    def batch_get_documents(self, request: Message) -> Iterator[Message]:
        _refuse(request, "read_time")
        transaction = self._transaction(request)
        if request.HasField("new_transaction"):
            yield messages.BatchGetDocumentsResponse(transaction=transaction)
        names = list(dict.fromkeys(request.documents))
        found, now = self._database.read(request.database, names, transaction)
        for name, document in zip(names, found, strict=True):
            response = messages.BatchGetDocumentsResponse(read_time=now)
            if document is None:
                response.missing = name
            else:
                response.found.CopyFrom(_masked(document, request))
            yield response

    def list_documents(self, request: Message) -> Message:
        _refuse(request, "read_time", "transaction")
        if request.order_by not in ("", "__name__"):
            raise unimplemented("ListDocuments with order_by")
        if not request.collection_id:
            raise unimplemented("ListDocuments without collection_id")
        names = self._database.list_names(request.parent, request.collection_id, missing=request.show_missing)
        if request.page_token:  # the last name of the page before, which may be gone by now
            after = name_order(request.page_token)
            names = [(name, document) for name, document in names if name_order(name) > after]
        page = names[: request.page_size or PAGE_SIZE]
        response = messages.ListDocumentsResponse(
            documents=[
                messages.Document(name=name) if document is None else _masked(document, request)
                for name, document in page
            ]
        )
        if len(page) < len(names):
            response.next_page_token = page[-1][0]
        return response

    def list_collection_ids(self, request: Message) -> Message:
        _refuse(request, "read_time")
        return messages.ListCollectionIdsResponse(
            collection_ids=self._database.collection_ids(request.parent)
        )

    def run_query(self, request: Message) -> Iterator[Message]:
        _refuse(request, "read_time", "explain_options")
        transaction = self._transaction(request)
        if request.HasField("new_transaction"):
            yield messages.RunQueryResponse(transaction=transaction)
        found, now = self._database.query(request.parent, request.structured_query, transaction)
        for document in found:
            yield messages.RunQueryResponse(document=document, read_time=now)
        if not found:
            yield messages.RunQueryResponse(read_time=now)

    def run_aggregation_query(self, request: Message) -> Iterator[Message]:
        _refuse(request, "read_time", "explain_options")
        transaction = self._transaction(request)
        aggregation = request.structured_aggregation_query
        found, now = self._database.query(request.parent, aggregation.structured_query, transaction)
        response = messages.RunAggregationQueryResponse(read_time=now)
        if request.HasField("new_transaction"):
            response.transaction = transaction
        for alias, value in queries.aggregate(found, aggregation.aggregations).items():
            response.result.aggregate_fields[alias].CopyFrom(value)
        yield response

    def begin_transaction(self, request: Message) -> Message:
        return messages.BeginTransactionResponse(transaction=self._begin(request.options))

    def rollback(self, request: Message) -> Message:
        self._database.rollback(request.transaction)
        return Empty()

    def commit(self, request: Message) -> Message:
        results, now = self._database.commit(request.database, request.writes, request.transaction)
        return messages.CommitResponse(write_results=results, commit_time=now)

    def batch_write(self, request: Message) -> Message:
        """Each write on its own: some may be refused, and say so in their status."""
        names = [target(write) for write in request.writes]
        if len(set(names)) < len(names):
            raise invalid("the same document cannot be written more than once in a single request")
        response = messages.BatchWriteResponse()
        for write in request.writes:
            result, status = response.write_results.add(), response.status.add()
            try:
                results, _ = self._database.commit(request.database, [write], b"")
                result.CopyFrom(results[0])
            except RefusedError as error:
                status.code, status.message = error.code.value[0], error.message
        return response

    def _transaction(self, request: Message) -> bytes:
        """The transaction a read belongs to, begun when the request asks for a new one; b"" for none."""
        if request.HasField("new_transaction"):
            return self._begin(request.new_transaction)
        transaction: bytes = request.transaction
        return transaction

    def _begin(self, options: Message) -> bytes:
        _refuse(options.read_only, "read_time")
        return self._database.begin(read_only=options.HasField("read_only"))


def _masked(document: Message, request: Message) -> Message:
    return projected(document, request.mask.field_paths) if request.HasField("mask") else document


def _refuse(request: Message, *options: str) -> None:
    """Refuse options that this server does not know."""
    for option in options:
        if request.HasField(option):
            raise unimplemented(f"{option} in {request.DESCRIPTOR.name}")


# --- serving --------------------------------------------------------------------------------------------


class Routes:
    """Finds the handler of a call; what is not known is answered with UNIMPLEMENTED and its name."""

    def __init__(self, firestore: Firestore) -> None:
        self._handlers = {f"/{SERVICE}/{name}": handler for name, handler in _handlers(firestore).items()}

    def service(self, call: Any) -> Any:
        return self._handlers.get(call.method) or grpc.stream_stream_rpc_method_handler(_unknown(call.method))


def _handlers(firestore: Firestore) -> dict[str, Any]:
    unary, stream = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    rpcs: dict[str, tuple[Callable[..., Any], Callable[[Message], Any]]] = {
        "BatchGetDocuments": (stream, firestore.batch_get_documents),
        "BatchWrite": (unary, firestore.batch_write),
        "BeginTransaction": (unary, firestore.begin_transaction),
        "Commit": (unary, firestore.commit),
        "GetDocument": (unary, firestore.get_document),
        "ListCollectionIds": (unary, firestore.list_collection_ids),
        "ListDocuments": (unary, firestore.list_documents),
        "Rollback": (unary, firestore.rollback),
        "RunAggregationQuery": (stream, firestore.run_aggregation_query),
        "RunQuery": (stream, firestore.run_query),
    }
    return {
        name: kind(
            _streamed(method) if kind is stream else _answered(method),
            request_deserializer=getattr(messages, f"{name}Request").FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )
        for name, (kind, method) in rpcs.items()
    }


def _answered(method: Callable[[Message], Message]) -> Callable[[Message, Any], Message]:
    def handle(request: Message, context: Any) -> Message:
        try:
            return method(request)
        except RefusedError as error:
            context.abort(error.code, error.message)

    return handle


def _streamed(method: Callable[[Message], Iterator[Message]]) -> Callable[[Message, Any], Iterator[Message]]:
    def handle(request: Message, context: Any) -> Iterator[Message]:
        try:
            yield from method(request)
        except RefusedError as error:
            context.abort(error.code, error.message)

    return handle


def _unknown(method: str) -> Callable[[Any, Any], Iterator[bytes]]:
    def handle(_requests: Any, context: Any) -> Iterator[bytes]:
        error = unimplemented(method)
        context.abort(error.code, error.message)
        yield b""

    return handle


def start(firestore: Firestore, port: int, host: str = LOOPBACK) -> tuple[Any, int]:
    """Serve on loopback; the running gRPC server and its port. Raises RuntimeError when the port is taken."""
    options = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", _MESSAGE_BYTES_MAX)]
    server = grpc.server(ThreadPoolExecutor(THREADS), handlers=[Routes(firestore)], options=options)
    bound = server.add_insecure_port(f"{host}:{port}")
    server.start()
    return server, bound
