"""A FHIR server in memory whose searches are as odd as they come: it knows dates, references,
ids and changes.

What it is asked is in `asked`. Strictness is read over, as many do: a parameter in `ignores` has no effect.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from shared.adapters.fhir import Answer

Json = dict[str, Any]
BASE = "https://ehr.example/fhir/"


@dataclass
class OddServer:
    """`Exchange`. `rows`: any resources. Every `Appointment` and `Slot` needs a start to be found by time."""

    rows: list[Json]
    page: int = 10
    link: str = "{type}?{query}"
    """How it writes the link to the next page."""
    ignores: frozenset[str] = frozenset()
    """Parameters without effect: `actor`, `date`, `date:ge`, `date:lt`, `_id`, …"""
    refuses: frozenset[str] = frozenset()
    """Parameters that are a 400."""
    needs: frozenset[str] = frozenset()
    """Of a search of appointments by time."""
    blind: frozenset[str] = frozenset()
    """Parameters with which nothing is found."""
    unsorted: bool = False
    statement: Json | None = None
    """Of `/metadata`; None: there is none."""
    repeats: int = 0
    """Rows of a page that stand on the next one too."""
    asked: list[tuple[str, list[tuple[str, str]]]] = field(default_factory=list)

    def __call__(
        self,
        method: str,
        url: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        assert (method, body) == ("GET", None), "nothing is written to find out or to read"
        parts = urlsplit(url)
        query = [*parse_qsl(parts.query), *params]
        resource_type, _, resource_id = parts.path.removeprefix("/").removeprefix("fhir/").partition("/")
        self.asked.append((resource_type, query))
        if resource_type == "metadata":
            return Answer(200, self.statement) if self.statement else Answer(404)
        if resource_id:
            return self._read(resource_type, resource_id)
        assert (headers or {})["Prefer"] == "handling=strict"
        return self._search(resource_type, query)

    def _read(self, resource_type: str, resource_id: str) -> Answer:
        found = [row for row in self._of(resource_type) if row["id"] == resource_id]
        return Answer(200, found[0]) if found else Answer(404)

    def _search(self, resource_type: str, query: list[tuple[str, str]]) -> Answer:
        names = {name for name, _ in query}
        bounds = {value[:2] for name, value in query if name == "date"}
        lacking = resource_type == "Appointment" and "_id" not in names and not names >= self.needs
        if self.refuses & names or lacking or ("date" in self.needs and bounds != {"ge", "lt"}):
            return Answer(400)
        first = int(dict(query).get("page", "0"))
        rows = [row for row in self._of(resource_type) if all(self._fits(row, *each) for each in query)]
        if "_sort" in names and not self.unsorted:
            rows.sort(key=_stamp, reverse=dict(query)["_sort"].startswith("-"))
        last = first + min(self.page, int(dict(query).get("_count", self.page)))
        page = rows[max(0, first - self.repeats) : last]
        self_url = f"{BASE}{resource_type}?{urlencode([each for each in query if self._acts(*each)])}"
        links = [{"relation": "self", "url": self_url}]
        if last < len(rows):
            further = urlencode([*(each for each in query if each[0] != "page"), ("page", str(last))])
            url = self.link.format(type=resource_type, query=further, base=BASE)
            links.append({"relation": "next", "url": url})
        entries = [{"resource": row} for row in page]
        return Answer(200, {"resourceType": "Bundle", "link": links, "entry": entries})

    def _of(self, resource_type: str) -> list[Json]:
        return [row for row in self.rows if row["resourceType"] == resource_type]

    def _acts(self, name: str, value: str) -> bool:
        return not {name, f"{name}:{value[:2]}"} & self.ignores

    def _fits(self, row: Json, name: str, value: str) -> bool:
        if not self._acts(name, value):
            return True
        if name in self.blind:
            return False
        if name in ("date", "start"):
            return "start" in row and _compares(row["start"], value)
        if name == "_lastUpdated":
            return _compares(_stamp(row), value)
        if name in ("actor", "practitioner"):
            who = row["participant"] if "participant" in row else [{"actor": each} for each in row["actor"]]
            return any(part["actor"]["reference"].endswith(value) for part in who)
        if name == "schedule":
            return row["schedule"]["reference"] in value.split(",")
        if name in ("appointment", "encounter", "context"):
            return bool(row[name]["reference"] == value)
        return row["id"] in value.split(",") if name == "_id" else True


def _stamp(row: Json) -> str:
    return str(row["meta"]["lastUpdated"])


def _compares(start: str, value: str) -> bool:
    begins, bound = datetime.fromisoformat(start), datetime.fromisoformat(value[2:])
    return begins >= bound if value.startswith("ge") else begins < bound
