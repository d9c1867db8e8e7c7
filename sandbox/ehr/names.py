"""Names of many shapes for people who do not exist."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True)
class Name:
    given: tuple[str, ...] = ()
    family: str | None = None
    text: str | None = None
    maiden: str | None = None
    """A family name of before, listed first: not every list begins with what counts."""


_SHAPES = (
    Name(("Testa",), "van der Berg"),
    Name(("Mary-Ann",), "Example-Placeholder"),
    Name(text="Mononym"),
    Name(("Åsa",), "Exempelsson"),
    Name(("试",), "李", "李试"),
    Name(("Zoë", "Maria"), "Testowska"),
    Name(("D'Arcy",), "O'Sample"),
    Name(("José",), "de la Prueba y Muestra"),
    Name(family="Family-Only"),
    Name(("X",), "Æbletest"),
    Name(("Ame\u0301lie",), "E\u0301xample"),
    Name(("🙂 Smiley",), "👩‍👩‍👧 Testfamily"),
    Name(("Anna", "Maria", "Theresia"), "von Probe"),
    Name(text="Dr. Text Only, Jr."),
    Name(("Nadia",), "Married-Example", maiden="Maiden-Sample"),
    Name(("דוגמה",), "לדוגמה"),
    Name(),
)
_GIVEN = ("Alex", "Blake", "Casey", "Devon", "Emery", "Frankie", "Harper", "Jules", "Kai", "Morgan")
_FAMILY = ("Sample", "Example", "Testcase", "Mockley", "Demoson")


def names() -> Iterator[Name]:
    """Different names, more than sixty; the odd shapes first."""
    yield from _SHAPES
    yield from (Name((given,), family) for family, given in product(_FAMILY, _GIVEN))
