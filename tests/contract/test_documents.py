"""What the state store must do, said once for every implementation of it.

`memory` is the one that simulations use; `sandbox` and `emulator` are the real adapter, against our own
server and against Google's.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.adapters.firestore import FirestoreDocuments
from shared.core.errors import RetryableError, StaleError
from shared.ports import COMMIT_WRITES_MAX, Documents, Expect, Put, Remove, Where
from tests.fakes.documents import MemoryDocuments

pytest_plugins = ["tests.firestores"]

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


@pytest.fixture(params=["memory", "sandbox", "emulator"])
def store(request: pytest.FixtureRequest, project: str) -> Iterator[Documents]:
    if request.param == "memory":
        yield MemoryDocuments()
        return
    store = FirestoreDocuments(project, host=request.getfixturevalue(f"{request.param}_firestore"))
    yield store
    store.close()


def put(store: Documents, path: str, **data: object) -> str:
    return store.commit([Put(path, data)])[0]


def data_of(store: Documents, path: str) -> dict[str, object]:
    return dict(store.get(path)[path].data)


def paths(store: Documents, collection: str, *where: Where, **how: object) -> list[str]:
    return [document.path for document in store.find(collection, *where, **how)]  # type: ignore[arg-type]


# --- get ------------------------------------------------------------------------------------------------


def test_what_was_put_is_read_with_its_path_id_and_version(store: Documents) -> None:
    version = put(store, "connections/c1/items/i1", kind="appointment")
    document = store.get("connections/c1/items/i1")["connections/c1/items/i1"]
    assert (document.path, document.id, document.version) == ("connections/c1/items/i1", "i1", version)
    assert document.data == {"kind": "appointment"}


def test_missing_documents_are_left_out(store: Documents) -> None:
    put(store, "items/there", n=1)
    assert list(store.get("items/there", "items/missing", "items/there")) == ["items/there"]
    assert store.get() == {}


def test_a_document_is_not_there_because_something_below_it_is(store: Documents) -> None:
    put(store, "connections/c1/items/i1", n=1)
    assert store.get("connections/c1") == {}


def test_any_number_of_documents_is_read(store: Documents) -> None:
    written = [f"items/{n:04}" for n in range(700)]
    for start in range(0, len(written), COMMIT_WRITES_MAX):
        store.commit([Put(path, {"path": path}) for path in written[start : start + COMMIT_WRITES_MAX]])
    found = store.get(*written)
    assert {path: document.data["path"] for path, document in found.items()} == {
        path: path for path in written
    }


# --- values ---------------------------------------------------------------------------------------------

VALUES: dict[str, object] = {
    "none": None,
    "true": True,
    "false": False,
    "zero": 0,
    "beyond_double": 2**53 + 1,
    "int_max": 2**63 - 1,
    "int_min": -(2**63),
    "half": 0.5,
    "whole_float": 2.0,
    "infinity": math.inf,
    "empty_text": "",
    "text": "Müller 日本 \U0001f600 \x00 \n",
    "bytes": bytes(range(256)),
    "empty_bytes": b"",
    "microseconds": NOON,
    "before_epoch": datetime(1934, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
    "first_year": datetime(1, 1, 1, tzinfo=UTC),
    "last_year": datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    "list": [1, "a", None, {"in": [b"x", NOON]}, True],
    "empty_list": [],
    "map": {"a": {"b": {"c": [1.5]}}, "with.dot": 1, "with space": 2, "ü`\\": 3},
    "empty_map": {},
    "map_of_empties": {"list": [], "map": {}},
}


@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_as_it_was(store: Documents, name: str) -> None:
    value = VALUES[name]
    put(store, "values/one", value=value)
    read = data_of(store, "values/one")["value"]
    assert read == value
    assert type(read) is type(value)


def test_a_datetime_of_another_zone_comes_back_in_utc(store: Documents) -> None:
    put(store, "values/one", at=NOON.astimezone(timezone(timedelta(hours=5, minutes=45))))
    at = data_of(store, "values/one")["at"]
    assert isinstance(at, datetime)
    assert (at, at.tzinfo) == (NOON, UTC)


def test_nan_comes_back_as_nan(store: Documents) -> None:
    put(store, "values/one", x=math.nan)
    x = data_of(store, "values/one")["x"]
    assert isinstance(x, float)
    assert math.isnan(x)


def test_an_empty_document_exists(store: Documents) -> None:
    put(store, "values/empty")
    assert data_of(store, "values/empty") == {}


def test_a_large_blob_is_kept(store: Documents) -> None:
    blob = bytes(range(256)) * 4000
    put(store, "values/blob", blob=blob)
    assert data_of(store, "values/blob")["blob"] == blob


def test_twenty_levels_are_kept(store: Documents) -> None:
    nested: object = 1
    for level in range(20):
        nested = {"a": nested} if level % 2 else [nested]
    put(store, "values/deep", nested=nested)
    assert data_of(store, "values/deep") == {"nested": nested}


@dataclass
class Row:
    n: int


UNSTORABLE: dict[str, tuple[object, type[Exception]]] = {
    "tuple": ((1, 2), TypeError),
    "set": ({1}, TypeError),
    "dataclass": (Row(1), TypeError),
    "date": (NOON.date(), TypeError),
    "timedelta": (timedelta(1), TypeError),
    "enum": (Expect.ABSENT, TypeError),
    "bytearray": (bytearray(b"x"), TypeError),
    "int_key": ({1: 2}, TypeError),
    "naive_datetime": (datetime(2026, 3, 1), ValueError),  # noqa: DTZ001 - it is what is refused
    "list_in_list": ([[1]], ValueError),
    "list_in_list_below": ({"a": [{"b": [[1]]}]}, ValueError),
    "int_of_65_bits": (2**63, ValueError),
    "lone_surrogate": ("\ud800", ValueError),
    "empty_key": ({"": 1}, ValueError),
    "reserved_key": ({"__a__": 1}, ValueError),
    "over_a_mebibyte": (bytes(1_048_576), ValueError),
    "over_a_mebibyte_together": ([bytes(600_000), bytes(600_000)], ValueError),
}


@pytest.mark.parametrize("name", UNSTORABLE)
def test_a_value_that_cannot_be_stored_is_refused_and_nothing_is_written(store: Documents, name: str) -> None:
    value, error = UNSTORABLE[name]
    with pytest.raises(error):
        store.commit([Put("values/good", {}), Put("values/bad", {"value": value})])
    assert store.get("values/good", "values/bad") == {}


def test_twenty_one_levels_are_refused(store: Documents) -> None:
    nested: object = 1
    for _ in range(21):
        nested = {"a": nested}
    with pytest.raises(ValueError, match="nested"):
        put(store, "values/deep", nested=nested)


def test_the_caller_and_the_store_share_nothing(store: Documents) -> None:
    inner = [1]
    data = {"list": inner, "map": {"a": inner}}
    store.commit([Put("values/one", data)])
    inner.append(2)
    read = store.get("values/one")["values/one"].data["list"]
    assert isinstance(read, list)
    read.append(3)
    assert data_of(store, "values/one") == {"list": [1], "map": {"a": [1]}}


# --- commit ---------------------------------------------------------------------------------------------


def test_a_put_replaces_the_whole_document(store: Documents) -> None:
    put(store, "items/a", old=1, kept=1)
    put(store, "items/a", kept=2)
    assert data_of(store, "items/a") == {"kept": 2}


def test_a_commit_answers_the_versions_in_order(store: Documents) -> None:
    put(store, "items/gone", n=1)
    versions = store.commit([Put("items/b", {"n": 1}), Remove("items/gone"), Put("items/a", {"n": 2})])
    found = store.get("items/a", "items/b", "items/gone")
    assert versions == [found["items/b"].version, "", found["items/a"].version]
    assert "items/gone" not in found


def test_a_change_makes_a_new_version(store: Documents) -> None:
    versions = [put(store, "items/a", n=n) for n in (1, 2, 1)]
    assert len(set(versions)) == 3


@pytest.mark.parametrize("expect_version", [False, True])
def test_a_write_that_changes_nothing_keeps_the_version(store: Documents, expect_version: bool) -> None:  # noqa: FBT001 - a pytest parameter
    data = {"n": 1, "at": NOON, "blob": b"x", "list": [{"a": None}], "map": {}}
    version = store.commit([Put("items/a", data)])[0]
    expect = version if expect_version else Expect.ANYTHING
    assert store.commit([Put("items/a", data, expect)]) == [version]
    assert store.get("items/a")["items/a"].version == version


@pytest.mark.parametrize(
    ("before", "after"), [(1, 1.0), (1, True), (0.0, -0.0), ("a", b"a"), ([], {}), (0, None)]
)
def test_another_type_of_value_is_a_change(store: Documents, before: object, after: object) -> None:
    version = put(store, "items/a", x=before)
    assert put(store, "items/a", x=after) != version
    assert repr(data_of(store, "items/a")["x"]) == repr(after)


def test_a_document_made_again_has_another_version(store: Documents) -> None:
    version = put(store, "items/a", n=1)
    store.commit([Remove("items/a")])
    assert put(store, "items/a", n=1) != version


def test_an_empty_commit_does_nothing(store: Documents) -> None:
    assert store.commit([]) == []


def test_400_writes_go_in_one_commit_and_401_do_not(store: Documents) -> None:
    writes = [Put(f"items/{n}", {"n": n}) for n in range(COMMIT_WRITES_MAX + 1)]
    with pytest.raises(ValueError, match="401"):
        store.commit(writes)
    assert store.count("items") == 0
    assert len(set(store.commit(writes[:-1]))) >= 1
    assert store.count("items") == COMMIT_WRITES_MAX


def test_a_commit_over_ten_mebibytes_is_refused(store: Documents) -> None:
    writes = [Put(f"items/{n}", {"blob": bytes(1_000_000)}) for n in range(11)]
    with pytest.raises(ValueError, match="bytes in one commit"):
        store.commit(writes)
    store.commit(writes[:4])  # Google's emulator takes no message over 4 MiB; Firestore does
    assert store.count("items") == 4


@pytest.mark.parametrize("second", [Put("items/a", {"n": 2}), Remove("items/a")])
def test_the_same_document_twice_in_a_commit_is_refused(store: Documents, second: Put | Remove) -> None:
    with pytest.raises(ValueError, match="twice"):
        store.commit([Put("items/a", {"n": 1}), second])
    assert store.get("items/a") == {}


BAD_PATHS = {
    "empty": "",
    "collection": "items",
    "collection_below": "items/a/parts",
    "empty_part": "items//parts/b",
    "leading_slash": "/items/a",
    "trailing_slash": "items/a/parts/",
    "dot": "items/.",
    "dots": "items/..",
    "reserved": "items/__a__",
    "too_long": f"items/{'a' * 1501}",
    "too_long_in_bytes": f"items/{'ü' * 751}",
}


@pytest.mark.parametrize("name", BAD_PATHS)
def test_a_bad_path_is_refused(store: Documents, name: str) -> None:
    path = BAD_PATHS[name]
    attempts: list[Callable[[], object]] = [
        lambda: store.get(path),
        lambda: store.commit([Put(path, {})]),
        lambda: store.commit([Remove(path)]),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError, match="path"):
            attempt()


@pytest.mark.parametrize(
    "path", ["items/ü 日本", "items/a.b", "items/*~[]`", f"items/{'a' * 1500}", "__a/b_"]
)
def test_an_odd_path_is_a_path(store: Documents, path: str) -> None:
    version = put(store, path, n=1)
    assert store.get(path)[path].version == version
    assert paths(store, path.split("/", 1)[0]) == [path]


# --- preconditions --------------------------------------------------------------------------------------


def test_absent_is_expected_and_true(store: Documents) -> None:
    [version] = store.commit([Put("items/a", {"n": 1}, Expect.ABSENT)])
    assert store.get("items/a")["items/a"].version == version


def test_absent_is_expected_and_false(store: Documents) -> None:
    put(store, "items/a", n=1)
    with pytest.raises(StaleError):
        store.commit([Put("items/a", {"n": 2}, Expect.ABSENT)])
    assert data_of(store, "items/a") == {"n": 1}


def test_a_version_is_expected_and_true(store: Documents) -> None:
    version = put(store, "items/a", n=1, old=True)
    [after] = store.commit([Put("items/a", {"n": 2}, version)])
    assert after != version
    assert data_of(store, "items/a") == {"n": 2}


@pytest.mark.parametrize("write", [lambda v: Put("items/a", {"n": 9}, v), lambda v: Remove("items/a", v)])
def test_a_version_is_expected_and_another_one_is_there(
    store: Documents, write: Callable[[str], Put | Remove]
) -> None:
    old = put(store, "items/a", n=1)
    put(store, "items/a", n=2)
    with pytest.raises(StaleError):
        store.commit([write(old)])
    assert data_of(store, "items/a") == {"n": 2}


@pytest.mark.parametrize("write", [lambda v: Put("items/a", {"n": 9}, v), lambda v: Remove("items/a", v)])
def test_a_version_is_expected_and_nothing_is_there(
    store: Documents, write: Callable[[str], Put | Remove]
) -> None:
    old = put(store, "items/a", n=1)
    store.commit([Remove("items/a")])
    with pytest.raises(StaleError):
        store.commit([write(old)])
    assert store.get("items/a") == {}


def test_a_removal_under_its_version_removes(store: Documents) -> None:
    version = put(store, "items/a", n=1)
    assert store.commit([Remove("items/a", version)]) == [""]
    assert store.get("items/a") == {}


def test_removing_what_is_absent_is_fine(store: Documents) -> None:
    assert store.commit([Remove("items/a"), Remove("items/b", Expect.ABSENT)]) == ["", ""]


def test_a_removal_that_expects_absence_is_stale_when_something_is_there(store: Documents) -> None:
    put(store, "items/a", n=1)
    with pytest.raises(StaleError):
        store.commit([Remove("items/a", Expect.ABSENT)])
    assert data_of(store, "items/a") == {"n": 1}


def test_the_version_of_a_removal_cannot_be_expected(store: Documents) -> None:
    [version] = store.commit([Remove("items/a")])
    with pytest.raises(ValueError, match="version"):
        store.commit([Put("items/a", {}, version)])


@pytest.mark.parametrize("position", [0, 1, 2])
def test_one_failed_precondition_and_nothing_is_written(store: Documents, position: int) -> None:
    put(store, "items/there", n=1)
    put(store, "items/kept", n=1)
    writes: list[Put | Remove] = [Put("items/new", {"n": 1}, Expect.ABSENT), Remove("items/kept")]
    writes.insert(position, Put("items/there", {"n": 2}, Expect.ABSENT))
    with pytest.raises(StaleError):
        store.commit(writes)
    found = store.get("items/new", "items/kept", "items/there")
    assert {path: document.data for path, document in found.items()} == {
        "items/kept": {"n": 1},
        "items/there": {"n": 1},
    }


# --- writers at the same time ---------------------------------------------------------------------------


def race(attempts: list[Callable[[], object]]) -> list[bool]:
    """Run all at the same time; which of them won. The others must be told to read or to come again."""
    together = threading.Barrier(len(attempts))

    def run(attempt: Callable[[], object]) -> bool:
        together.wait()
        try:
            attempt()
        except (StaleError, RetryableError):
            return False
        return True

    with ThreadPoolExecutor(len(attempts)) as pool:
        return list(pool.map(run, attempts))


def test_of_two_writers_of_one_version_exactly_one_wins(store: Documents) -> None:
    version = put(store, "leases/a", holder="nobody")
    won = race(
        [
            lambda: store.commit([Put("leases/a", {"holder": "first"}, version)]),
            lambda: store.commit([Put("leases/a", {"holder": "second"}, version)]),
        ]
    )
    assert sorted(won) == [False, True]
    assert data_of(store, "leases/a") == {"holder": "first" if won[0] else "second"}


def test_of_many_creators_exactly_one_wins(store: Documents) -> None:
    def create(n: int) -> Callable[[], object]:
        return lambda: store.commit([Put("leases/a", {"holder": n}, Expect.ABSENT)])

    won = race([create(n) for n in range(6)])
    assert won.count(True) == 1
    assert data_of(store, "leases/a") == {"holder": won.index(True)}


def test_no_increment_under_versions_is_lost(store: Documents) -> None:
    put(store, "counters/a", n=0)

    def increment() -> bool:
        for _ in range(200):
            document = store.get("counters/a")["counters/a"]
            n = document.data["n"]
            assert isinstance(n, int)
            try:
                store.commit([Put("counters/a", {"n": n + 1}, document.version)])
            except (StaleError, RetryableError):
                continue
            return True
        return False

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: increment(), range(24)))
    assert data_of(store, "counters/a") == {"n": 24}


# --- find -----------------------------------------------------------------------------------------------


@pytest.fixture
def people(store: Documents) -> Documents:
    """Five documents that differ in every way a condition can see."""
    rows: dict[str, dict[str, object]] = {
        "a": {"slot": 3, "state": "active", "tags": ["x", "y"], "due": NOON},
        "b": {"slot": 1, "state": "paused", "tags": ["y"], "due": NOON + timedelta(microseconds=1)},
        "c": {"slot": 2, "state": "active", "tags": [], "due": None},
        "d": {"slot": "3", "state": None, "tags": "x", "nested": {"deep": {"n": 1}}},
        "e": {"state": "active", "slot": 3.0, "blob": b"\x00\xff"},
    }
    store.commit([Put(f"people/{name}", data) for name, data in rows.items()])
    store.commit([Put("people/a/people/below", {"slot": 3}), Put("peoples/other", {"slot": 3})])
    return store


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Where("slot", "==", 3), "ae"),
        (Where("slot", "==", 3.0), "ae"),
        (Where("slot", "==", "3"), "d"),
        (Where("slot", "==", 9), ""),
        (Where("state", "==", None), "d"),
        (Where("tags", "==", []), "c"),
        (Where("tags", "==", ["x", "y"]), "a"),
        (Where("due", "==", NOON), "a"),
        (Where("blob", "==", b"\x00\xff"), "e"),
        (Where("nested.deep.n", "==", 1), "d"),
        (Where("nested", "==", {"deep": {"n": 1}}), "d"),
        (Where("slot", "in", [1, "3"]), "bd"),
        (Where("state", "in", [f"s{n}" for n in range(29)] + ["paused"]), "b"),
        (Where("tags", "array-contains", "y"), "ab"),
        (Where("tags", "array-contains", "x"), "a"),
        (Where("missing", "==", None), ""),
    ],
)
def test_a_condition_finds_what_meets_it(people: Documents, where: Where, found: str) -> None:
    assert paths(people, "people", where) == [f"people/{name}" for name in found]
    assert people.count("people", where) == len(found)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Where("slot", "<", 3), "bc"),
        (Where("slot", "<=", 3), "bcae"),
        (Where("slot", ">", 1), "cae"),
        (Where("slot", ">=", 2), "cae"),
        (Where("slot", ">=", ""), "d"),
        (Where("due", "<=", NOON), "a"),
        (Where("due", ">", NOON), "b"),
        (Where("state", ">", "active"), "b"),
        (Where("slot", ">", 3), ""),
    ],
)
def test_a_range_finds_values_of_its_own_type_only(people: Documents, where: Where, found: str) -> None:
    assert paths(people, "people", where, order_by=where.field) == [f"people/{name}" for name in found]
    assert people.count("people", where) == len(found)


def test_every_condition_must_be_met(people: Documents) -> None:
    active, three = Where("state", "==", "active"), Where("slot", "==", 3)
    assert paths(people, "people", active, three) == ["people/a", "people/e"]
    assert paths(people, "people", active, Where("slot", "<", 3), order_by="slot") == ["people/c"]
    between = (Where("slot", ">=", 1), Where("slot", "<", 3))
    assert paths(people, "people", *between, order_by="slot") == ["people/b", "people/c"]
    assert people.count("people", active, *between) == 1


def test_a_collection_is_neither_its_namesakes_nor_what_is_below_it(people: Documents) -> None:
    assert paths(people, "people") == [f"people/{name}" for name in "abcde"]
    assert paths(people, "people/a/people") == ["people/a/people/below"]
    assert paths(people, "people/b/people") == []
    assert (people.count("people"), people.count("nothing")) == (5, 0)


def test_a_collection_group_is_found_wherever_it_stands(people: Documents) -> None:
    three = Where("slot", "==", 3)
    found = ["people/a", "people/a/people/below", "people/e"]
    assert paths(people, "people", three, group=True) == found
    assert people.count("people", three, group=True) == len(found)
    assert paths(people, "people", Where("slot", ">", 2), group=True, order_by="slot", limit=2) == found[:2]


def test_a_group_is_ordered_by_path_part_by_part(store: Documents) -> None:
    expected = ["a/1/items/2", "a/10/items/1", "a-b/1/items/1", "items/Z", "items/a", "items/é"]
    store.commit([Put(path, {}) for path in reversed(expected)])
    assert paths(store, "items", group=True) == expected


def test_found_documents_carry_data_and_version(store: Documents) -> None:
    version = put(store, "items/a", at=NOON, blob=b"x")
    [document] = store.find("items")
    assert (document.path, document.version, document.data) == (
        "items/a",
        version,
        {"at": NOON, "blob": b"x"},
    )


def test_order_is_by_the_field_then_by_path_and_needs_the_field(people: Documents) -> None:
    assert paths(people, "people", order_by="slot") == [f"people/{name}" for name in "bcaed"]
    assert paths(people, "people", order_by="due") == [f"people/{name}" for name in "cab"]
    assert paths(people, "people", order_by="nested.deep.n") == ["people/d"]
    assert paths(people, "people", order_by="slot", limit=2) == ["people/b", "people/c"]


def test_values_of_all_types_have_one_order(store: Documents) -> None:
    ordered: list[object] = [
        *(None, False, True, math.nan, -math.inf, -1, -0.5, 0, 0.5, 2**53, 2**53 + 1, math.inf),
        *(datetime(1969, 1, 1, tzinfo=UTC), NOON, NOON + timedelta(microseconds=1)),
        *("", "Z", "a", "aa", "ä", "\uffff", "\U0001f600"),
        *(b"", b"\x00", b"a", b"\xff"),
        *([], [1], [1, 2], ["a"]),
        *({}, {"a": 1}, {"a": 1, "b": 0}, {"a": 2}, {"b": 0}),
    ]
    shuffled = sorted(range(len(ordered)), key=lambda n: n * 7919 % 101)
    store.commit([Put(f"values/{n * 7919 % 101:03}", {"x": ordered[n], "n": n}) for n in shuffled])
    assert [document.data["n"] for document in store.find("values", order_by="x")] == list(
        range(len(ordered))
    )


def test_pages_follow_each_other_without_gap_or_repetition(store: Documents) -> None:
    expected = sorted(f"items/{n}" for n in range(23))
    store.commit([Put(path, {"odd": index % 2}) for index, path in enumerate(expected)])
    found: list[str] = []
    for _ in range(6):
        found += paths(store, "items", limit=5, after=found[-1] if found else None)
    assert found == expected
    odd = [path for index, path in enumerate(expected) if index % 2]
    first = paths(store, "items", Where("odd", "==", 1), limit=5)
    assert first + paths(store, "items", Where("odd", "==", 1), after=first[-1]) == odd


def test_a_page_goes_on_after_a_document_that_is_gone(store: Documents) -> None:
    store.commit([Put(f"items/{name}", {}) for name in "abcd"])
    store.commit([Remove("items/b")])
    assert paths(store, "items", after="items/b") == ["items/c", "items/d"]
    assert paths(store, "items", after="items/d") == []


def test_pages_of_a_group_follow_each_other(store: Documents) -> None:
    expected = sorted(
        (f"owners/{owner}/items/{n}" for owner in "ab" for n in range(4)), key=lambda p: p.split("/")
    )
    store.commit([Put(path, {}) for path in expected])
    found: list[str] = []
    for _ in range(4):
        found += paths(store, "items", group=True, limit=3, after=found[-1] if found else None)
    assert found == expected


REFUSED_QUERIES: dict[str, Callable[[Documents], object]] = {
    "a document as collection": lambda store: store.find("items/a"),
    "an empty collection": lambda store: store.find(""),
    "a path as group": lambda store: store.find("owners/a/items", group=True),
    "an unknown operator": lambda store: store.find("items", Where("n", "!=", 1)),
    "a bad field path": lambda store: store.find("items", Where("a..b", "==", 1)),
    "a reserved field": lambda store: store.find("items", Where("__name__", "==", "a")),
    "a bad order": lambda store: store.find("items", order_by="a b"),
    "no limit at all": lambda store: store.find("items", limit=0),
    "after with another order": lambda store: store.find("items", order_by="n", after="items/a"),
    "after of another collection": lambda store: store.find("items", after="others/a"),
    "after of another group": lambda store: store.find("items", group=True, after="items/a/others/b"),
    "a range without its order": lambda store: store.find("items", Where("n", ">", 1)),
    "a range with another order": lambda store: store.find("items", Where("n", ">", 1), order_by="m"),
    "31 values": lambda store: store.find("items", Where("n", "in", list(range(31)))),
    "36 combinations": lambda store: store.find("items", *(Where(f, "in", list(range(6))) for f in "ab")),
    "two array-contains": lambda store: store.find("items", *(Where(f, "array-contains", 1) for f in "ab")),
    "no values": lambda store: store.count("items", Where("n", "in", [])),
    "one value as list": lambda store: store.count("items", Where("n", "in", 1)),
    "None in a list": lambda store: store.count("items", Where("n", "in", [1, None])),
    "a range of None": lambda store: store.count("items", Where("n", "<=", None)),
    "a range of NaN": lambda store: store.count("items", Where("n", "<=", math.nan)),
    "a naive datetime": lambda store: store.count("items", Where("n", "==", NOON.replace(tzinfo=None))),
}


@pytest.mark.parametrize("name", REFUSED_QUERIES)
def test_a_query_that_firestore_would_refuse_or_misread_is_refused(store: Documents, name: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        REFUSED_QUERIES[name](store)


def test_nan_is_found_as_equal_to_nan_and_in_no_range(store: Documents) -> None:
    put(store, "items/nan", x=math.nan)
    put(store, "items/one", x=1)
    assert paths(store, "items", Where("x", "==", math.nan)) == ["items/nan"]
    assert paths(store, "items", Where("x", "<=", 1), order_by="x") == ["items/one"]
