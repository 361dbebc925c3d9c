"""What counts as a number or as missing, cell by cell; `values` does the same for whole columns."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, lru_cache

from loaders import vocabulary

#: A number with either decimal mark, with or without marks between thousands.
LOOSE_NUMBER = re.compile(
    r"\s*[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+|\d{1,3}(?:[.,' \u00a0\u202f]\d{3})+(?:[.,]\d+)?)"
    r"(?:[eE][-+]?\d+)?\s*\Z"
)
_INFINITE = frozenset({"inf", "-inf", "+inf", "infinity", "-infinity", "+infinity"})


@cache
def missing_spellings() -> frozenset[str]:
    """Returns every spelling of a missing quantity, in the cases in which it occurs."""
    found: set[str] = set()
    for entry in vocabulary.load("values")["missing"]:
        found |= {entry, entry.lower(), entry.upper(), entry.title(), entry.capitalize()}
    return frozenset(found)


@cache
def _missing_pattern() -> re.Pattern[str]:
    return vocabulary.pattern("values", "missing_patterns")


#: Letters that begin no number: infinity and NaN are the only numbers that begin with one.
_BEGINS_WORD = frozenset("ABCDEFGHJKLMOPQRSTUVWXYZabcdefghjklmopqrstuvwxyz")

NUMBER, TEXT, MISSING = "number", "text", "missing"


def classify(cell: str) -> str:
    """Tells number, missing and text apart.

    >>> classify("1e5"), classify("1,5"), classify("nan"), classify("PC 34:1")
    ('number', 'number', 'missing', 'text')
    """
    if cell[:1] in _BEGINS_WORD:
        return _kind_of_word(cell)  # an exception takes longer than to look the word up
    try:
        value = float(cell)
    except ValueError:
        if not cell:
            return MISSING
    else:
        if value == value and "_" not in cell:
            return NUMBER
    return _kind_of_word(cell)


# Remembered, because files share the names of their molecules: at best 0.05 ms per 60 cells.
@lru_cache(maxsize=16_384)
def _kind_of_word(cell: str) -> str:
    if is_missing(cell):
        return MISSING
    return NUMBER if is_number(cell) else TEXT


def tally(cells: Sequence[str]) -> tuple[int, int, int]:
    """Counts numbers, texts and missing cells; a column of plain numbers is counted at once.

    >>> tally(["1.5", "2", "NA", "x"])
    (2, 1, 1)
    """
    try:
        values = list(map(float, cells))
    except ValueError:
        pass
    else:
        total = sum(values)
        if total == total and "_" not in "".join(cells):
            return len(cells), 0, 0
    kinds = [classify(cell) for cell in cells]
    return kinds.count(NUMBER), kinds.count(TEXT), kinds.count(MISSING)


def is_missing(cell: str) -> bool:
    """Whether a cell spells a missing quantity.

    >>> is_missing(" NA "), is_missing("< LOD"), is_missing("0")
    (True, True, False)
    """
    text = cell.strip()
    return text in missing_spellings() or _missing_pattern().fullmatch(text) is not None


def is_number(cell: str) -> bool:
    """Whether a cell is a number with either decimal mark.

    >>> is_number("1,5"), is_number("-2.5E+03"), is_number("1,234,567"), is_number("1_000")
    (True, True, True, False)
    """
    return LOOSE_NUMBER.match(cell) is not None or cell.strip().casefold() in _INFINITE
