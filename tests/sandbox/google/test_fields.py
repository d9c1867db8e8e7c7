"""The `fields` parameter."""

from __future__ import annotations

import pytest

from sandbox.google.errors import ApiError
from sandbox.google.fields import SCHEMAS, answer
from tests.sandbox.google.discovery import document
from tests.sandbox.google.schema import schema_of

PAGE = {
    "kind": "calendar#events",
    "nextPageToken": "t",
    "items": [
        {"id": "1", "start": {"dateTime": "x", "timeZone": "y"}, "creator": {"email": "e", "self": True}},
        {"id": "2", "extendedProperties": {"private": {"k": "1", "g": "2"}}},
    ],
}


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ("kind", {"kind": "calendar#events"}),
        ("kind,nextPageToken", {"kind": "calendar#events", "nextPageToken": "t"}),
        ("items/id", {"items": [{"id": "1"}, {"id": "2"}]}),
        ("items(id)", {"items": [{"id": "1"}, {"id": "2"}]}),
        ("items(id,start(dateTime))", {"items": [{"id": "1", "start": {"dateTime": "x"}}, {"id": "2"}]}),
        ("items/start/timeZone", {"items": [{"start": {"timeZone": "y"}}, {}]}),
        (
            "items(start/timeZone, id), kind",
            {
                "kind": "calendar#events",
                "items": [{"start": {"timeZone": "y"}, "id": "1"}, {"id": "2"}],
            },
        ),
        ("items/id,items/start", {"items": [{"id": "1", "start": PAGE["items"][0]["start"]}, {"id": "2"}]}),  # type: ignore[index]
        (
            "items/extendedProperties/private/k",
            {"items": [{}, {"extendedProperties": {"private": {"k": "1"}}}]},
        ),
        ("items,items/id", {"items": PAGE["items"]}),
        ("*", PAGE),
        ("items(*)", {"items": PAGE["items"]}),
        ("nextSyncToken", {}),
        ("", PAGE),
    ],
)
def test_a_mask_selects(mask: str, expected: object) -> None:
    assert answer(PAGE, "events", {"fields": mask}) == expected


@pytest.mark.parametrize(
    "mask",
    [
        "items(id",
        "items)",
        "items(",
        "items//id",
        ",kind",
        "kind,",
        "items()",
        "ki nd!",
        "/id",
        "foo",
        "items/foo",
    ],
)
def test_a_mask_that_cannot_be_is_refused(mask: str) -> None:
    with pytest.raises(ApiError, match="Invalid field selection") as caught:
        answer(PAGE, "events", {"fields": mask})
    assert (caught.value.reason, caught.value.location) == ("invalidParameter", "fields")


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_mask_may_name_what_google_describes_and_nothing_else(kind: str) -> None:
    schema = document()["schemas"][schema_of(kind)]
    assert set(SCHEMAS[kind]) == set(schema["properties"])
    if "items" in SCHEMAS[kind]:
        row = document()["schemas"][schema["properties"]["items"]["items"]["$ref"]]
        assert set(SCHEMAS[kind]["items"]) == set(row["properties"])


def test_a_deeply_nested_mask_is_refused() -> None:
    with pytest.raises(ApiError):
        answer(PAGE, "events", {"fields": "items/extendedProperties/private" + "/a" * 5000})
