"""Every query that the product makes, and the index that Firestore answers it from.

`SITES` is written by hand, for a reader; one test holds it to the calls in the code, another to what
Terraform declares. Emulators answer without an index what the real store refuses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
CALLS = ("find", "count")
STORES = ("documents", "_documents")


@dataclass(frozen=True)
class Index:
    collection: str
    fields: tuple[str, ...]
    group: bool = False
    contains: bool = False
    """Of what is in an array."""


@dataclass(frozen=True)
class Query:
    collection: str
    equal: tuple[str, ...] = ()
    """Fields compared with `==` or `in`."""
    contains: str | None = None
    """The field of an array."""
    ordered: str | None = None
    """The field of a range, which is also that of the order."""
    group: bool = False
    """In every collection of that name, wherever it stands."""

    @property
    def index(self) -> Index | None:
        """One field: its own index; more: a composite one. Without fields the order of names is enough."""
        return (
            Index(self.collection, self.fields, self.group, self.contains is not None)
            if self.fields
            else None
        )

    @property
    def fields(self) -> tuple[str, ...]:
        return (*self.equal, *(each for each in (self.contains, self.ordered) if each))


_OPEN = (Query("items", ordered="retry_at"), Query("series", ordered="retry_at"))
_BY_SUB = (Query("connections", equal=("sub",)),)
_BY_CONNECTION = (Query("calendars", equal=("connection",)),)
SITES: dict[str, tuple[Query, ...]] = {
    "activity_pages._pages": (Query("activity", contains="appointments"), Query("activity")),
    "accounts.pause": _BY_SUB,
    "concerned._mapped": (Query("items", equal=("practice", "appointment_id"), group=True),),
    "connect.revoke_unless_shared": (Query("grants", equal=("sub",)), Query("oauth_states", equal=("sub",))),
    "connections.calendar_documents": _BY_CONNECTION,
    "feed._connections": (Query("connections", equal=("practice",)),),
    "items._first_stored": _OPEN,
    "items._load_all": (Query("items"), Query("series")),
    "items.load_named": (Query("items", equal=("appointment_id",)), Query("items", equal=("event_id",))),
    "items.load_open": _OPEN,
    "leftovers._left_behind": _BY_SUB,
    "notices.due": (Query("notices", ordered="send_at"),),
    "notices.notices_of": (Query("notices", equal=("connection",)),),
    "notices.unseen_of": (Query("notices", equal=("unseen",)),),
    "renewals._due": (Query("calendars", ordered="due_at"),),
    "renewals._looks": (Query("calendars", equal=("look_slot",)),),
    "renewals._polls": (Query("practices", equal=("poll_slot",)),),
    "review_answers.reviews_of_connection": (Query("reviews", equal=("connection",)),),
    "roster._listed": (Query("connections", equal=("practice",)), Query("invites", equal=("practice",))),
    "set_aside.set_aside_of": (Query("items", ordered="aside"), Query("series", ordered="retry_at")),
    "set_up._shares_account": _BY_SUB,
    "start_over._remove_all": (Query("items"), Query("series")),
    "state._open": (Query("items", ordered="aside"), *_OPEN),
    "tools.external_calendars": _BY_CONNECTION,
}


@dataclass(frozen=True)
class Site:
    """What the text of a function tells of its queries."""

    fields: frozenset[str]
    named_elsewhere: bool
    """A field is not a literal."""
    group: bool


def sites() -> dict[str, Site]:
    """By `module.function`: every function that asks the store for more than named documents."""
    found: dict[str, Site] = {}
    for path in sorted((ROOT / "shared").rglob("*.py")):
        for name, function in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
            if any(_asks(call) for call in calls):
                found[f"{path.stem}.{name}"] = _site(calls)
    return found


def conditions() -> set[str]:
    """By `module.function`: wherever a condition is made."""
    found = set()
    for path in sorted((ROOT / "shared/app").rglob("*.py")):
        for name, function in _functions(ast.parse(path.read_text(encoding="utf-8"))):
            calls = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
            if any(isinstance(each, ast.Name) and each.id == "Where" for each in calls):
                found.add(f"{path.stem}.{name}")
    return found


def _functions(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """With whatever is defined inside them."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        else:
            yield from _functions(node)


def _asks(call: ast.Call) -> bool:
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in CALLS:
        return False
    store = call.func.value
    return (store.attr if isinstance(store, ast.Attribute) else getattr(store, "id", "")) in STORES


def _site(calls: list[ast.Call]) -> Site:
    fields: list[ast.expr] = []
    for call in calls:
        if isinstance(call.func, ast.Name) and call.func.id == "Where":
            fields.append(call.args[0])
        if _asks(call):
            fields += [each.value for each in call.keywords if each.arg == "order_by"]
    literals = {each.value for each in fields if isinstance(each, ast.Constant)}
    keywords = [each for call in calls if _asks(call) for each in call.keywords]
    return Site(
        frozenset(str(literal) for literal in literals),
        any(not isinstance(each, ast.Constant) for each in fields),
        any(each.arg == "group" for each in keywords),
    )
