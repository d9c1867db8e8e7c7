"""Google's own description of the API, as its Python client carries it."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

Json = dict[str, Any]


@cache
def document() -> Json:
    folder = importlib.resources.files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((folder / "calendar.v3.json").read_text(encoding="utf-8")))


def _described() -> Iterator[tuple[str, Json]]:
    for resource in document()["resources"].values():
        for method in resource["methods"].values():
            yield method["id"].removeprefix("calendar."), method


@cache
def methods() -> dict[str, Json]:
    """Every method by its id without `calendar.`."""
    return dict(_described())
