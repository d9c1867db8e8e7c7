"""The house style that no linter knows, as ordinary tests: each says where it is broken."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 60
COMPOSITION_ROOT_LINES_MAX = 60
LEFTOVER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
WRITTEN = (
    "Makefile",
    ".ci/run",
    "pyproject.toml",
    "*.md",
    "docs/**/*.md",
    "terraform/**/*",
    "benchmarks/**/*",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(*folders: str) -> list[Path]:
    found = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert found, folders
    return found


def everywhere() -> list[Path]:
    return modules("shared", "functions", "sandbox", "tests", "tools")


def place(path: Path, node: ast.AST | None = None) -> str:
    line = f":{getattr(node, 'lineno', 1)}" if node else ""
    return f"{path.relative_to(ROOT)}{line}"


def nodes(paths: list[Path], *kinds: type[ast.AST]) -> Iterator[tuple[Path, ast.AST]]:
    for path in paths:
        yield from ((path, node) for node in ast.walk(parsed(path)) if isinstance(node, kinds))


def imported(node: ast.AST) -> set[str]:
    """Dotted names of what an import brings."""
    if isinstance(node, ast.ImportFrom):
        return {f"{node.module}.{alias.name}" for alias in node.names}
    return {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()


def test_no_function_is_longer_than_sixty_lines() -> None:
    long = [
        f"{place(path, node)} {node.name}"
        for path, node in nodes(everywhere(), ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(node, Function)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_a_composition_root_is_at_most_sixty_lines() -> None:
    mains = sorted((ROOT / "functions").glob("*/main.py"))
    lines = {place(path): len(path.read_text(encoding="utf-8").splitlines()) for path in mains}
    assert lines
    assert {name: count for name, count in lines.items() if count > COMPOSITION_ROOT_LINES_MAX} == {}


def test_nothing_is_left_for_later_in_a_comment() -> None:
    texts = {*everywhere(), *(path for pattern in WRITTEN for path in ROOT.glob(pattern) if path.is_file())}
    left = [
        f"{place(path)}:{number}"
        for path in sorted(texts)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if LEFTOVER.search(line)
    ]
    assert left == []


def test_the_product_prints_nothing() -> None:
    printed = [
        place(path, node)
        for path, node in nodes(modules("shared", "functions"), ast.Name)
        if isinstance(node, ast.Name) and node.id in ("print", "pprint", "breakpoint")
    ]
    assert printed == []


def test_every_module_of_the_product_says_what_it_is() -> None:
    silent = [
        place(path) for path in modules("shared") if parsed(path).body and not ast.get_docstring(parsed(path))
    ]
    assert silent == []


def test_fakes_obey_contracts_and_nobody_mocks() -> None:
    mocked = [
        place(path, node)
        for path, node in nodes(everywhere(), ast.Import, ast.ImportFrom)
        if any(re.match(r"(unittest\.)?mock(\.|$)", name) for name in imported(node))
    ]
    assert mocked == []
