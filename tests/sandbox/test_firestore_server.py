"""The sandbox's Firestore behind the unmodified client, and Google's emulator beside it.

Whatever runs on both must be the same on both. The contract of the state store is tested elsewhere; here is
what else the client can ask.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.api_core import exceptions as google_errors
from google.cloud import firestore as library
from google.cloud.firestore_v1 import types
from google.cloud.firestore_v1.base_query import And, FieldFilter, Or
from google.cloud.firestore_v1.field_path import FieldPath

from sandbox.serving import listen
from tests.servers import server

pytest_plugins = ["tests.firestores"]

firestore: Any = library  # it carries no types
Client = Any

ROOT = Path(__file__).resolve().parent.parent.parent
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connected(monkeypatch: pytest.MonkeyPatch, host: str, project: str) -> Client:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", host)
    return firestore.Client(project=project)


@pytest.fixture
def client(firestore_host: str, project: str, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The client on each of the servers."""
    return connected(monkeypatch, firestore_host, project)


@pytest.fixture
def sandbox(sandbox_firestore: str, project: str, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The client on our own server, for what Google's emulator does in another way."""
    return connected(monkeypatch, sandbox_firestore, project)


def ids(found: Any) -> list[str]:
    return [snapshot.id for snapshot in found]


# --- documents ------------------------------------------------------------------------------------------


def test_a_document_lives_from_create_to_delete(client: Client) -> None:
    document = client.document("items/a")
    created = document.create({"n": 1, "map": {"x": 1, "y": 2}})
    with pytest.raises(google_errors.AlreadyExists):
        document.create({})
    updated = document.update({"map.x": 9, "map.y": firestore.DELETE_FIELD})
    assert document.get().to_dict() == {"n": 1, "map": {"x": 9}}
    assert document.get().create_time == created.update_time < updated.update_time
    document.delete()
    assert not document.get().exists
    with pytest.raises(google_errors.NotFound):
        document.update({"n": 2})


def test_a_merge_keeps_what_it_does_not_name(client: Client) -> None:
    document = client.document("items/a")
    document.set({"a": 1, "map": {"x": 1}, "scalar": 1})
    document.set({"map": {"y": 2}, "scalar": {"deep": 3}}, merge=True)
    assert document.get().to_dict() == {"a": 1, "map": {"x": 1, "y": 2}, "scalar": {"deep": 3}}


def test_field_names_of_any_characters_are_reached_by_quoted_paths(client: Client) -> None:
    document = client.document("items/a")
    document.set({"a.b": 1, "c`d\\": 2, "ü": 3})
    document.update({FieldPath("a.b").to_api_repr(): 10, FieldPath("c`d\\").to_api_repr(): 20})
    assert document.get().to_dict() == {"a.b": 10, "c`d\\": 20, "ü": 3}
    assert document.get(["`ü`"]).to_dict() == {"ü": 3}


def test_an_update_under_the_last_update_time(client: Client) -> None:
    document = client.document("items/a")
    old = document.set({"n": 1}).update_time
    document.set({"n": 2})
    with pytest.raises(google_errors.FailedPrecondition):
        document.update({"n": 3}, option=client.write_option(last_update_time=old))
    current = document.get().update_time
    document.update({"n": 3}, option=client.write_option(last_update_time=current))
    assert document.get().get("n") == 3


def test_update_times_strictly_increase_in_microseconds(client: Client) -> None:
    document = client.document("items/a")
    times = [document.set({"n": n}).update_time for n in range(20)]
    assert times == sorted(set(times))
    assert all(time.nanosecond % 1000 == 0 for time in times)


def test_a_timestamp_is_kept_to_the_microsecond(client: Client) -> None:
    at = types.Value.wrap(types.Value.pb()(timestamp_value={"seconds": 5, "nanos": 123_456_789}))
    raw_write(client, "items/a", {"at": at, "list": array(at)})
    stored = raw_read(client, "items/a")
    times = [stored["at"], stored["list"].array_value.values[0]]
    assert [time.timestamp_value.nanos for time in times] == [123_456_000] * 2


def test_references_and_places_come_back(client: Client) -> None:
    data = {"ref": client.document("items/b"), "place": firestore.GeoPoint(47.5, 19.0)}
    client.document("items/a").set(data)
    assert client.document("items/a").get().to_dict() == data
    found = client.collection("items").where(filter=FieldFilter("ref", "==", data["ref"])).stream()
    assert ids(found) == ["a"]


def test_writes_in_one_commit_see_each_other(client: Client) -> None:
    batch = client.batch()
    batch.set(client.document("items/a"), {"n": 1})
    batch.update(client.document("items/a"), {"m": 2})
    batch.set(client.document("items/b"), {"n": 1})
    batch.delete(client.document("items/b"))
    batch.commit()
    assert client.document("items/a").get().to_dict() == {"n": 1, "m": 2}
    assert not client.document("items/b").get().exists


def test_databases_and_projects_are_apart(
    client: Client, firestore_host: str, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.document("items/a").set({"n": 1})
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore_host)
    for other in (
        firestore.Client(project=project, database="other"),
        firestore.Client(project=f"{project}-2"),
    ):
        assert not other.document("items/a").get().exists


def test_a_document_of_another_database_is_refused(sandbox: Client, project: str) -> None:
    write = types.Write(delete=f"projects/{project}/databases/other/documents/items/a")
    request = types.CommitRequest(database=sandbox._database_string, writes=[write])
    with pytest.raises(google_errors.InvalidArgument, match="not in the database"):
        sandbox._firestore_api.commit(request=request)


# --- transforms -----------------------------------------------------------------------------------------


def test_transforms_apply_to_what_is_stored(client: Client) -> None:
    document = client.document("items/a")
    document.set(
        {"n": 1, "half": 1, "text": "x", "max": 5, "min": 5, "tags": ["a", "b"], "less": [1, 1.0, 2, 2]}
    )
    document.update(
        {
            "n": firestore.Increment(2),
            "half": firestore.Increment(0.5),
            "text": firestore.Increment(1),
            "new.deep": firestore.Increment(1),
            "max": firestore.Maximum(7),
            "min": firestore.Minimum(7),
            "tags": firestore.ArrayUnion(["b", "c", "c"]),
            "less": firestore.ArrayRemove([1]),
        }
    )
    assert document.get().to_dict() == {
        "n": 3,
        "half": 1.5,
        "text": 1,
        "new": {"deep": 1},
        "max": 7,
        "min": 5,
        "tags": ["a", "b", "c"],
        "less": [2, 2],
    }


def test_increments_stop_at_64_bits(client: Client) -> None:
    document = client.document("items/a")
    document.set({"up": 2**63 - 1, "down": -(2**63)})
    document.update({"up": firestore.Increment(1), "down": firestore.Increment(-1)})
    assert document.get().to_dict() == {"up": 2**63 - 1, "down": -(2**63)}


def test_the_servers_time_is_one_for_a_commit(client: Client) -> None:
    document = client.document("items/a")
    result = document.set({"a": firestore.SERVER_TIMESTAMP, "map": {"b": firestore.SERVER_TIMESTAMP}})
    stored = document.get().to_dict()
    assert stored["a"] == stored["map"]["b"] <= result.update_time
    assert stored["a"].microsecond % 1000 == 0


def test_no_increment_is_lost_between_threads(client: Client) -> None:
    document = client.document("items/a")
    document.set({"n": 0})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: document.update({"n": firestore.Increment(1)}), range(20)))
    assert document.get().get("n") == 20


# --- queries --------------------------------------------------------------------------------------------


@pytest.fixture
def numbers(client: Client) -> Any:
    collection = client.collection("numbers")
    batch = client.batch()
    rows = {"a": 1, "b": 2, "c": 3, "d": None, "e": float("nan"), "f": "text", "g": [1, 2], "h": [3]}
    for name, value in rows.items():
        batch.set(collection.document(name), {"x": value, "y": name})
    batch.set(collection.document("z"), {"y": "z"})
    batch.commit()
    return collection


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("!=", 2, "eacfgh"),
        ("!=", None, "eabcfgh"),
        ("!=", float("nan"), "abcfgh"),
        ("not-in", [1, 2], "ecfgh"),
        ("not-in", [None], ""),
        ("in", [1, None, "text"], "af"),
        ("in", [float("nan")], ""),
        ("==", None, "d"),
        ("==", float("nan"), "e"),
        ("<=", 2, "ab"),
        ("array_contains_any", [2, 3], "gh"),
        ("array_contains", 3, "h"),
    ],
)
def test_a_comparison_finds(numbers: Any, operator: str, value: object, found: str) -> None:
    assert ids(numbers.where(filter=FieldFilter("x", operator, value)).stream()) == list(found)


def test_alternatives_are_joined(numbers: Any) -> None:
    either = Or([FieldFilter("x", "==", 1), FieldFilter("y", "in", ["d", "z"])])
    assert ids(numbers.where(filter=either).stream()) == ["a", "d", "z"]
    both = numbers.where(filter=either).where(filter=FieldFilter("y", ">", "a"))
    assert ids(both.stream()) == ["d", "z"]


def test_order_runs_both_ways_and_over_several_fields(client: Client) -> None:
    collection = client.collection("rows")
    for name, (x, y) in {"a": (1, 1), "b": (1, 2), "c": (2, 1), "d": (2, 2)}.items():
        collection.document(name).set({"x": x, "y": y})
    descending = firestore.Query.DESCENDING
    assert ids(collection.order_by("x", direction=descending).stream()) == ["d", "c", "b", "a"]
    assert ids(collection.order_by("x").order_by("y", direction=descending).stream()) == ["b", "a", "d", "c"]
    assert ids(collection.order_by("x", direction=descending).order_by("y").stream()) == ["c", "d", "a", "b"]


@pytest.mark.parametrize(
    ("cursor", "found"),
    [
        (lambda query: query.start_at({"x": 2}), "bc"),
        (lambda query: query.start_after({"x": 2}), "c"),
        (lambda query: query.end_at({"x": 2}), "ab"),
        (lambda query: query.end_before({"x": 2}), "a"),
        (lambda query: query.start_at({"x": 2}).end_at({"x": 2}), "b"),
        (lambda query: query.offset(1).limit(1), "b"),
        (lambda query: query.limit_to_last(2), "bc"),
        (lambda query: query.limit(0), ""),
    ],
)
def test_cursors_offset_and_limit_cut(numbers: Any, cursor: Callable[[Any], Any], found: str) -> None:
    ordered = numbers.where(filter=FieldFilter("x", ">", 0)).order_by("x")
    assert ids(cursor(ordered).get()) == list(found)


def test_descending_cursors_cut_the_other_way(numbers: Any) -> None:
    query = numbers.where(filter=FieldFilter("x", ">", 0)).order_by("x", direction=firestore.Query.DESCENDING)
    assert ids(query.start_after({"x": 3}).stream()) == ["b", "a"]
    assert ids(query.end_before({"x": 1}).stream()) == ["c", "b"]


def test_a_page_starts_after_a_snapshot(numbers: Any) -> None:
    query = numbers.where(filter=FieldFilter("x", ">", 0)).order_by("x").limit(2)
    first = list(query.stream())
    assert ids(query.start_after(first[-1]).stream()) == ["c"]


def test_documents_are_found_by_their_names(numbers: Any) -> None:
    by_name = FieldFilter("__name__", ">=", numbers.document("g"))
    assert ids(numbers.where(filter=by_name).stream()) == ["g", "h", "z"]
    several = FieldFilter("__name__", "in", [numbers.document("a"), numbers.document("missing")])
    assert ids(numbers.where(filter=several).stream()) == ["a"]


def test_only_selected_fields_come_back(client: Client) -> None:
    client.document("items/a").set({"x": 1, "y": 2, "map": {"p": 1, "q": 2}})
    [snapshot] = client.collection("items").select(["x", "map.q", "missing"]).stream()
    assert snapshot.to_dict() == {"x": 1, "map": {"q": 2}}
    [snapshot] = client.collection("items").select([]).stream()
    assert (snapshot.to_dict(), snapshot.id) == ({}, "a")


def test_numbers_are_added_up(numbers: Any) -> None:
    ((total,),) = numbers.sum("x", alias="total").get()
    ((average,),) = numbers.avg("x", alias="average").get()
    assert (total.alias, str(total.value), str(average.value)) == ("total", "nan", "nan")
    finite = numbers.where(filter=FieldFilter("x", ">", 0))
    several = finite.count(alias="n").sum("x", alias="total").avg("x", alias="average")
    assert {part.alias: part.value for part in several.get()[0]} == {"n": 3, "total": 6, "average": 2.0}


def test_of_nothing_the_sum_is_zero_and_the_average_is_null(client: Client) -> None:
    field = {"field": {"field_path": "x"}}
    request = types.RunAggregationQueryRequest(
        parent=f"{client._database_string}/documents",
        structured_aggregation_query={
            "structured_query": {"from_": [{"collection_id": "nothing"}]},
            "aggregations": [{"alias": "total", "sum": field}, {"alias": "average", "avg": field}],
        },
    )
    [answer] = client._firestore_api.run_aggregation_query(request=request)
    values = answer.result.aggregate_fields
    assert types.Value.pb(values["total"]).WhichOneof("value_type") == "integer_value"
    assert types.Value.pb(values["average"]).WhichOneof("value_type") == "null_value"


def test_several_aggregations_are_over_documents_that_have_all_their_fields(numbers: Any) -> None:
    assert numbers.count(alias="n").get()[0][0].value == 9
    both = numbers.count(alias="n").sum("x", alias="total").get()[0]
    assert {part.alias: part.value for part in both}["n"] == 8


def test_a_sum_beyond_64_bits_is_a_double(client: Client) -> None:
    for name in "ab":
        client.document(f"items/{name}").set({"x": 2**62})
    ((total,),) = client.collection("items").sum("x", alias="total").get()
    assert total.value == float(2**63)


@pytest.mark.parametrize(
    "query",
    [
        lambda numbers: numbers.where(filter=FieldFilter("x", "in", list(range(31)))),
        lambda numbers: numbers.where(filter=FieldFilter("x", "not-in", list(range(11)))),
        lambda numbers: numbers.where(filter=FieldFilter("x", "array_contains_any", list(range(31)))),
        lambda numbers: numbers.where(filter=FieldFilter("x", "in", [])),
        lambda numbers: numbers.where(filter=FieldFilter("x", ">", 1)).order_by("__name__"),
        lambda numbers: numbers.where(filter=And([FieldFilter(f, "in", list(range(6))) for f in "xy"])),
        lambda numbers: numbers.where(filter=And([FieldFilter(f, "array_contains", 1) for f in "xy"])),
        lambda numbers: numbers.limit(-1),
        lambda numbers: numbers.offset(-1),
    ],
)
def test_a_query_beyond_the_limits_is_refused(numbers: Any, query: Callable[[Any], Any]) -> None:
    with pytest.raises(google_errors.InvalidArgument):
        query(numbers).get()


# --- what may not be stored -----------------------------------------------------------------------------


def raw_write(client: Client, path: str, fields: dict[str, Any]) -> None:
    write = types.Write(
        update=types.Document(name=f"{client._database_string}/documents/{path}", fields=fields)
    )
    client._firestore_api.commit(
        request=types.CommitRequest(database=client._database_string, writes=[write])
    )


def raw_read(client: Client, path: str) -> Any:
    """The fields as they are on the wire; the client would round them."""
    name = f"{client._database_string}/documents/{path}"
    return types.Document.pb(client._firestore_api.get_document(request={"name": name})).fields


def array(*items: types.Value) -> types.Value:
    return types.Value(array_value=types.ArrayValue(values=items))


def nested(levels: int) -> types.Value:
    value = types.Value(integer_value=1)
    for _ in range(levels):
        value = types.Value(map_value=types.MapValue(fields={"a": value}))
    return value


def blob(length: int) -> types.Value:
    return types.Value(bytes_value=bytes(length))


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("items/a", {"x": array(array())}),
        ("items/a", {"x": nested(21)}),
        ("items/a", {"x": types.Value()}),
        ("items/a", {"": types.Value(null_value=0)}),
        ("items/a", {"__x__": types.Value(null_value=0)}),
        ("items/a", {"x" * 1501: types.Value(null_value=0)}),
        ("items/a", {"x": blob(1_048_488)}),
        ("items/a", {"x": blob(600_000), "y": blob(600_000)}),
        ("items/.", {}),
        ("items/__x__", {}),
        ("items", {}),
        (f"items/{'x' * 1501}", {}),
    ],
)
def test_what_firestore_does_not_store_is_refused(client: Client, path: str, fields: dict[str, Any]) -> None:
    with pytest.raises(google_errors.InvalidArgument):
        raw_write(client, path, fields)


def test_what_is_just_within_the_limits_is_stored(client: Client) -> None:
    raw_write(
        client, "items/a", {"x": nested(20), "list": array(types.Value(map_value={"fields": {"y": array()}}))}
    )
    raw_write(client, "items/b", {"x": blob(1_048_487)})
    raw_write(client, f"items/{'x' * 1500}", {"y" * 1500: types.Value(null_value=0)})
    # path 6 + 2 + 16, document 32, name of the field 2, names of the entries 11 each, numbers 8 each
    entries = (1_048_576 - 6 - 2 - 16 - 32 - 2) // 19
    full = {f"{n:010}": types.Value(integer_value=n) for n in range(entries)}
    raw_write(client, "items/c", {"x": types.Value(map_value=types.MapValue(fields=full))})
    full["0123456789a"] = types.Value(integer_value=1)
    with pytest.raises(google_errors.InvalidArgument):
        raw_write(client, "items/c", {"x": types.Value(map_value=types.MapValue(fields=full))})


# --- transactions ---------------------------------------------------------------------------------------


def in_transaction(client: Client, function: Callable[[Any], object], **how: Any) -> object:
    return firestore.transactional(function)(client.transaction(**how))


def test_a_transaction_reads_and_writes(client: Client) -> None:
    document = client.document("items/a")
    document.set({"n": 1})

    def increment(transaction: Any) -> int:
        n: int = document.get(transaction=transaction).get("n")
        transaction.update(document, {"n": n + 1})
        return n

    assert in_transaction(client, increment) == 1
    assert document.get().get("n") == 2


def test_a_transaction_that_raises_writes_nothing(client: Client) -> None:
    document = client.document("items/a")

    def fail(transaction: Any) -> None:
        transaction.create(document, {"n": 1})
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        in_transaction(client, fail)
    assert not document.get().exists


def test_no_increment_is_lost_between_transactions(sandbox: Client) -> None:
    """Not on Google's emulator, where contended transactions wait for each other for seconds."""
    document = sandbox.document("items/a")
    document.set({"n": 0})

    def increment(transaction: Any) -> None:
        transaction.update(document, {"n": document.get(transaction=transaction).get("n") + 1})

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: in_transaction(sandbox, increment, max_attempts=50), range(20)))
    assert document.get().get("n") == 20


INTERFERENCES: dict[str, Callable[[Client], object]] = {
    "a changed document": lambda client: client.document("items/a").set({"n": 2}),
    "a deleted document": lambda client: client.document("items/a").delete(),
    "a new document": lambda client: client.document("items/missing").set({}),
    "a document that is found now": lambda client: client.document("items/new").set({"n": 1}),
    "a document that is not found any more": lambda client: client.document("items/other").set({"n": 5}),
}


@pytest.mark.parametrize("name", INTERFERENCES)
def test_a_transaction_whose_reads_have_changed_is_aborted_and_tried_again(
    sandbox: Client, name: str
) -> None:
    """Sandbox only: it is optimistic, Google's emulator lets the other writer wait."""
    for path in ("items/a", "items/other"):
        sandbox.document(path).set({"n": 1})
    attempts = []

    def look(transaction: Any) -> None:
        list(
            sandbox.get_all(
                [sandbox.document("items/a"), sandbox.document("items/missing")], transaction=transaction
            )
        )
        list(
            sandbox.collection("items")
            .where(filter=FieldFilter("n", "==", 1))
            .stream(transaction=transaction)
        )
        attempts.append(1)
        if len(attempts) == 1:
            INTERFERENCES[name](sandbox)
        transaction.set(sandbox.document("results/a"), {"attempt": len(attempts)})

    in_transaction(sandbox, look)
    assert sandbox.document("results/a").get().get("attempt") == 2


def test_a_transaction_that_meets_contention_each_time_gives_up(sandbox: Client) -> None:
    document = sandbox.document("items/a")
    document.set({"n": 0})

    def unlucky(transaction: Any) -> None:
        n = document.get(transaction=transaction).get("n")
        document.set({"n": n + 1})
        transaction.set(document, {"n": -1})

    with pytest.raises(ValueError, match="Failed to commit transaction in 3 attempts"):
        in_transaction(sandbox, unlucky, max_attempts=3)
    assert document.get().get("n") == 3


def test_a_transaction_of_nobody_is_refused(client: Client) -> None:
    request = types.CommitRequest(database=client._database_string, transaction=b"unknown")
    with pytest.raises(google_errors.InvalidArgument):
        client._firestore_api.commit(request=request)


def test_a_read_only_transaction_reads_and_does_not_write(client: Client) -> None:
    client.document("items/a").set({"n": 1})

    def look(transaction: Any) -> object:
        return client.document("items/a").get(transaction=transaction).get("n")

    assert in_transaction(client, look, read_only=True) == 1
    begun = client._firestore_api.begin_transaction(
        request={"database": client._database_string, "options": {"read_only": {}}},
        metadata=client._rpc_metadata,
    )
    write = types.Write(delete=f"{client._database_string}/documents/items/a")
    with pytest.raises(google_errors.InvalidArgument, match="read-only"):
        client._firestore_api.commit(
            request=types.CommitRequest(
                database=client._database_string, transaction=begun.transaction, writes=[write]
            )
        )
    assert client.document("items/a").get().exists


# --- many documents -------------------------------------------------------------------------------------


def test_collections_and_documents_are_listed(client: Client) -> None:
    for path in ("a/1", "a/2/b/1", "a/2/b/2/c/1", "d/1"):
        client.document(path).set({})
    assert [collection.id for collection in client.collections()] == ["a", "d"]
    assert [collection.id for collection in client.document("a/2").collections()] == ["b"]
    assert [document.id for document in client.collection("a").list_documents()] == ["1", "2"]


def test_pages_of_a_listing_go_on_after_what_is_deleted_meanwhile(client: Client) -> None:
    for path in ("a/1", "a/2", "a/3"):
        client.document(path).set({})
    listed = []
    for document in client.collection("a").list_documents(page_size=1):
        listed.append(document.id)
        document.delete()
    assert listed == ["1", "2", "3"]


def test_a_recursive_delete_takes_all_below_and_nothing_beside(client: Client) -> None:
    below = ["a/1", "a/1/b/1", "a/1/b/2/c/1", "a/2/b/1"]
    beside = ["a-b/1", "aa/1", "b/1"]
    for path in below + beside:
        client.document(path).set({})
    assert client.recursive_delete(client.collection("a")) == len(below)
    assert [client.document(path).get().exists for path in below] == [False] * len(below)
    assert [client.document(path).get().exists for path in beside] == [True] * len(beside)


def test_a_document_is_deleted_with_all_below(client: Client) -> None:
    for path in ("a/1", "a/1/b/1", "a/2/b/1"):
        client.document(path).set({})
    client.recursive_delete(client.document("a/1"))
    assert [client.document(path).get().exists for path in ("a/1", "a/1/b/1", "a/2/b/1")] == [
        False,
        False,
        True,
    ]


def test_each_write_of_a_batch_write_stands_alone(client: Client) -> None:
    root = f"{client._database_string}/documents/items"
    writes = [
        types.Write(update=types.Document(name=f"{root}/a")),
        types.Write(update=types.Document(name=f"{root}/missing"), current_document={"exists": True}),
        types.Write(update=types.Document(name=f"{root}/b")),
    ]

    def batch_write(*chosen: types.Write) -> Any:
        request = types.BatchWriteRequest(database=client._database_string, writes=chosen)
        return client._firestore_api.batch_write(request=request, metadata=client._rpc_metadata)

    assert [status.code for status in batch_write(*writes).status] == [0, 5, 0]
    assert ids(client.collection("items").stream()) == ["a", "b"]
    with pytest.raises(google_errors.InvalidArgument):
        batch_write(writes[0], writes[0])


# --- the server -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda api, db: list(api.partition_query(request={"parent": f"{db}/documents"})), "PartitionQuery"),
        (lambda api, db: api.create_document(request={"parent": f"{db}/documents"}), "CreateDocument"),
        (lambda api, db: list(api.listen(requests=iter([types.ListenRequest(database=db)]))), "Listen"),
        (
            lambda api, db: api.get_document(request={"name": f"{db}/documents/a/b", "read_time": NOON}),
            "read_time",
        ),
        (
            lambda api, db: api.list_documents(
                request={"parent": f"{db}/documents", "collection_id": "a", "order_by": "x"}
            ),
            "order_by",
        ),
    ],
)
def test_what_the_sandbox_does_not_know_is_named(
    sandbox: Client, call: Callable[[Any, str], object], name: str
) -> None:
    with pytest.raises(google_errors.MethodNotImplemented, match=name):
        call(sandbox._firestore_api, sandbox._database_string)


def test_a_restart_empties(project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with server("sandbox.firestore") as first:
        client = connected(monkeypatch, first, project)
        client.document("items/a").set({"n": 1})
        assert client.document("items/a").get().exists
    with server("sandbox.firestore") as second:
        assert not connected(monkeypatch, second, project).document("items/a").get().exists


def test_a_port_that_is_taken_is_said_in_one_sentence() -> None:
    with listen(0) as sock:
        port = sock.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "sandbox.firestore", "--port", str(port)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    said = f"port {port} on 127.0.0.1 is in use; choose another with --port\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", said)


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "sandbox.firestore", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as child:
        yield child
        child.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_asked(process: subprocess.Popen[str], number: signal.Signals) -> None:
    assert process.stdout is not None
    assert process.stdout.readline().startswith("sandbox firestore on 127.0.0.1:")
    process.send_signal(number)
    assert process.wait(30) == 0
    assert process.stdout.read() == ""
