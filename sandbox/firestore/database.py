"""The documents: one lock, serialised atomic commits, optimistic transactions."""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from sandbox.firestore import queries
from sandbox.firestore.messages import Message, RefusedError, WriteResult, invalid
from sandbox.firestore.values import check_document_name, database_of, name_order
from sandbox.firestore.writes import applied, check_precondition, target

TRANSACTION_SECONDS = 270
TRANSACTIONS_MAX = 10_000
"""Open transactions; the oldest is given up for a new one."""


@dataclass
class Transaction:
    """What a transaction has read: at its commit all of it must still be so (optimistic concurrency)."""

    read_only: bool
    begun_at: float
    documents: dict[str, Message | None] = field(default_factory=dict)
    """Update time by name; None where there was no document."""
    queries: list[tuple[str, Message, list[tuple[str, int, int]]]] = field(default_factory=list)
    """Parent, query and what it found."""


class Database:
    """All databases of all projects, by full resource names. Safe between threads.

    Stored documents are never changed, only replaced: what was handed out stays as it was.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._collections: dict[str, dict[str, Message]] = {}
        self._transactions: OrderedDict[bytes, Transaction] = OrderedDict()
        self._transaction_ids = itertools.count(1)
        self._last_micros = 0

    # --- reading ---

    def read(
        self, database: str, names: Sequence[str], transaction: bytes
    ) -> tuple[list[Message | None], Message]:
        """The documents (None where there is none) and the time of this snapshot."""
        for name in names:
            check_document_name(name, database)
        with self._lock:
            documents = [self._stored(name) for name in names]
            if transaction:
                seen = self._transaction(transaction).documents
                for name, document in zip(names, documents, strict=True):
                    seen.setdefault(name, None if document is None else document.update_time)
            return documents, self._now()

    def query(self, parent: str, query: Message, transaction: bytes) -> tuple[list[Message], Message]:
        """What a structured query finds below `parent`, and the time of this snapshot."""
        database_of(parent)
        with self._lock:
            found = self._run(parent, query)
            if transaction:
                self._transaction(transaction).queries.append((parent, query, _fingerprint(found)))
            return found, self._now()

    def list_names(
        self, parent: str, collection_id: str, *, missing: bool
    ) -> list[tuple[str, Message | None]]:
        """One collection in order of names; with `missing` also ids that only have children."""
        database_of(parent)
        collection = f"{parent}/{collection_id}"
        with self._lock:
            found: dict[str, Message | None] = dict(self._collections.get(collection, {}))
            if missing:
                for other in self._collections:
                    if other.startswith(f"{collection}/"):
                        document_id = other.removeprefix(f"{collection}/").split("/", 1)[0]
                        found.setdefault(f"{collection}/{document_id}", None)
            return sorted(found.items(), key=lambda item: name_order(item[0]))

    def collection_ids(self, parent: str) -> list[str]:
        """Ids of the collections directly below `parent` that hold documents at any depth."""
        database_of(parent)
        with self._lock:
            below = [name for name in self._collections if name.startswith(f"{parent}/")]
        return sorted({name.removeprefix(f"{parent}/").split("/", 1)[0] for name in below})

    # --- transactions ---

    def begin(self, *, read_only: bool) -> bytes:
        with self._lock:
            if len(self._transactions) >= TRANSACTIONS_MAX:
                self._transactions.popitem(last=False)
            transaction = b"transaction-%d" % next(self._transaction_ids)
            self._transactions[transaction] = Transaction(read_only, time.monotonic())
            return transaction

    def rollback(self, transaction: bytes) -> None:
        with self._lock:
            self._transactions.pop(transaction, None)

    # --- writing ---

    def commit(
        self, database: str, writes: Sequence[Message], transaction: bytes
    ) -> tuple[list[Message], Message]:
        """Apply all writes in order, or none; a result for each, and the time of the commit."""
        for write in writes:
            check_document_name(target(write), database)
        with self._lock:
            if transaction:
                self._close(transaction, writing=bool(writes))
            now = self._now()
            staged: dict[str, Message | None] = {}
            results = []
            for write in writes:
                name = target(write)
                before = staged[name] if name in staged else self._stored(name)
                check_precondition(write, before)
                after, transformed = applied(write, before, now)
                staged[name] = after
                updated = None if after is None else after.update_time
                results.append(WriteResult(update_time=updated, transform_results=transformed))
            for name, document in staged.items():
                self._store(name, document)
            return results, now

    # --- with the lock held ---

    def _stored(self, name: str) -> Message | None:
        return self._collections.get(name.rpartition("/")[0], {}).get(name)

    def _store(self, name: str, document: Message | None) -> None:
        collection = name.rpartition("/")[0]
        if document is not None:
            self._collections.setdefault(collection, {})[name] = document
            return
        documents = self._collections.get(collection, {})
        documents.pop(name, None)
        if not documents:
            self._collections.pop(collection, None)

    def _run(self, parent: str, query: Message) -> list[Message]:
        return queries.run(self._selected(parent, queries.selector(query)), query)

    def _selected(self, parent: str, selector: Message) -> Iterator[Message]:
        """Documents of the collections that a query is about; without a collection id: of all of them."""
        for collection, documents in self._collections.items():
            above, _, collection_id = collection.rpartition("/")
            below = above == parent or (selector.all_descendants and above.startswith(f"{parent}/"))
            if below and selector.collection_id in ("", collection_id):
                yield from documents.values()

    def _transaction(self, transaction: bytes) -> Transaction:
        found = self._transactions.get(transaction)
        if found is None or time.monotonic() - found.begun_at > TRANSACTION_SECONDS:
            raise invalid("transaction is invalid or closed")
        return found

    def _close(self, transaction: bytes, *, writing: bool) -> None:
        """End a transaction; ABORTED when something it has read is not so any more."""
        read = self._transaction(transaction)
        del self._transactions[transaction]
        if read.read_only and writing:
            raise invalid("cannot modify entities in a read-only transaction")
        documents = {name: self._stored(name) for name in read.documents}
        versions = {name: None if found is None else found.update_time for name, found in documents.items()}
        if versions != read.documents or any(
            _fingerprint(self._run(parent, query)) != found for parent, query, found in read.queries
        ):
            raise RefusedError(
                grpc.StatusCode.ABORTED, "too much contention on these documents; please try again"
            )

    def _now(self) -> Message:
        """The time, in microseconds, strictly increasing."""
        self._last_micros = max(time.time_ns() // 1000, self._last_micros + 1)
        seconds, micros = divmod(self._last_micros, 1_000_000)
        return Timestamp(seconds=seconds, nanos=micros * 1000)


def _fingerprint(documents: Sequence[Message]) -> list[tuple[str, int, int]]:
    return [
        (document.name, document.update_time.seconds, document.update_time.nanos) for document in documents
    ]
