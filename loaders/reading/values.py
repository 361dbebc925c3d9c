"""Columns of text as quantities: missing spellings, decimal marks, what is not a number.

Text stays text: a quantity keeps the digits of the file. Columns are checked at once by casting;
only where that fails are cells looked at one by one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from loaders import vocabulary
from loaders.model import Unreadable
from loaders.reading.numbers import missing_spellings

Mark = Literal[".", ","]

_NUMBER = r"(?i)^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$"
_INFINITY = r"(?i)^([-+]?)inf(inity)?$"
_NONZERO_MANTISSA = r"^[-+]?[0.]*[1-9]"


@dataclass(frozen=True)
class NumberStyle:
    """The decimal mark of a file and the mark between its thousands, if any."""

    decimal: Mark = "."
    thousands: str = ""

    @property
    def plain(self) -> bool:
        """Whether numbers can be cast as they stand."""
        return self.decimal == "." and not self.thousands


@dataclass(frozen=True)
class Parsed:
    """Quantities as text (null: missing), the same as numbers, and which cells are neither.

    Attributes:
        text: Text of each quantity as Postgres reads it; null where missing or bad.
        numbers: The quantities as doubles; null where missing or bad.
        bad: Cells that are neither number nor missing, or None if there is none.
        zeros: Number of quantities that are zero.
    """

    text: Any
    numbers: Any
    bad: Any | None
    zeros: int = 0


@cache
def _missing_set(extra: tuple[str, ...]) -> Any:
    import pyarrow as pa

    return pa.array(sorted(missing_spellings() | set(extra)), pa.string())


@cache
def _missing_regex() -> str:
    return "^(" + "|".join(vocabulary.load("values")["missing_patterns"]) + ")$"


@cache
def _grouped(mark: str, decimal: str) -> str:
    point = re.escape(decimal)
    return rf"^[-+]?\d{{1,3}}({re.escape(mark)}\d{{3}})+({point}\d*)?([eE][-+]?\d+)?$"


def parse(cells: Any, style: NumberStyle, extra_missing: tuple[str, ...] = ()) -> Parsed:
    """Reads an Arrow array of text as quantities."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if style.plain and not extra_missing and (whole := _only_numbers(cells)):
        return whole
    missing = pc.is_in(cells, value_set=_missing_set(extra_missing))
    none = pa.scalar(None, pa.string())
    text = pc.if_else(missing, none, cells)
    bad: Any | None = None
    if not style.plain:
        text, bad = _to_point(text, style)
    try:
        numbers = pc.cast(text, pa.float64())
    except pa.ArrowInvalid:
        text, more = _repaired(text, extra_missing)
        bad = more if bad is None else pc.or_(bad, more)
        numbers = pc.cast(text, pa.float64())
    # A finite sum proves that there is neither NaN nor infinity, in one pass.
    total = pc.sum(numbers).as_py()
    if total is not None and (total != total or total in (float("inf"), float("-inf"))):
        text, numbers, more = _special(text, numbers)
        bad = more if bad is None else pc.or_(bad, more)
    if bad is not None and not pc.any(bad).as_py():
        bad = None
    zeros = int(pc.sum(pc.equal(numbers, 0)).as_py() or 0)
    return Parsed(text, numbers, bad, zeros)


def _only_numbers(cells: Any) -> Parsed | None:
    """Reads cells that are all finite numbers, at half the cost; None where one is not.

    No general spelling of a missing quantity reads as a finite number, so none is among them.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        numbers = pc.cast(cells, pa.float64())
    except pa.ArrowInvalid:
        return None
    if numbers.null_count:
        return None
    doubles = numbers.to_numpy()
    if not np.isfinite(doubles).all():
        return None
    return Parsed(cells, numbers, None, len(doubles) - int(np.count_nonzero(doubles)))


def understand(
    cells: Any, extra_missing: tuple[str, ...], *, delimiter: str | None, place: str
) -> tuple[NumberStyle, Parsed]:
    """Decides how numbers are written, and reads the cells so.

    Raises:
        Unreadable: If the decimal mark is undecided.
    """
    plain = parse(cells, NumberStyle(), extra_missing)
    if plain.bad is None:
        return NumberStyle(), plain
    style = decide_style(cells, delimiter=delimiter, place=place)
    return style, plain if style.plain else parse(cells, style, extra_missing)


def missing_counts(cells: Any, parsed: Parsed) -> dict[str, int]:
    """Counts the spellings of the missing cells."""
    import pyarrow.compute as pc

    if parsed.text.null_count == 0:
        return {}
    gone = pc.is_null(parsed.text)
    if parsed.bad is not None:
        gone = pc.and_(gone, pc.invert(parsed.bad))
    counts = pc.value_counts(pc.utf8_trim_whitespace(pc.filter(cells, gone)))
    return {str(entry["values"]): int(entry["counts"]) for entry in counts.to_pylist()}


def _to_point(text: Any, style: NumberStyle) -> tuple[Any, Any]:
    """Writes numbers with a decimal point; cells in another style are bad."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.scalar(None, pa.string())
    text = pc.utf8_trim_whitespace(text)
    bad = pa.array([False] * len(text))
    other = "," if style.decimal == "." else "."
    if style.thousands:
        marked = pc.fill_null(pc.match_substring(text, style.thousands), False)
        fits = pc.match_substring_regex(text, _grouped(style.thousands, style.decimal))
        bad = pc.fill_null(pc.and_(marked, pc.invert(fits)), False)
        text = pc.replace_substring(text, style.thousands, "")
    if style.thousands != other:
        foreign = pc.fill_null(pc.match_substring(text, other), False)
        bad = pc.or_(bad, foreign)
    if style.decimal == ",":
        text = pc.replace_substring(text, ",", ".")
    return pc.if_else(bad, none, text), bad


def _repaired(text: Any, extra_missing: tuple[str, ...]) -> tuple[Any, Any]:
    """Looks at cells one by one: trims, sees missing spellings again, sets bad ones apart."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.scalar(None, pa.string())
    text = pc.utf8_trim_whitespace(text)
    missing = pc.or_(
        pc.is_in(text, value_set=_missing_set(extra_missing)),
        pc.fill_null(pc.match_substring_regex(text, _missing_regex()), False),
    )
    text = pc.if_else(missing, none, text)
    fits = pc.or_(
        pc.match_substring_regex(text, _NUMBER), pc.match_substring_regex(text, _INFINITY)
    )
    bad = pc.fill_null(pc.invert(fits), False)
    return pc.if_else(bad, none, text), bad


def _special(text: Any, numbers: Any) -> tuple[Any, Any, Any]:
    """Names infinities as Postgres does, drops NaN, and refuses numbers out of range."""
    import pyarrow as pa
    import pyarrow.compute as pc

    none_text, none_number = pa.scalar(None, pa.string()), pa.scalar(None, pa.float64())
    nan = pc.fill_null(pc.is_nan(numbers), False)
    infinite = pc.fill_null(pc.is_inf(numbers), False)
    spelled = pc.fill_null(pc.match_substring_regex(text, _INFINITY), False)
    bad = pc.and_(infinite, pc.invert(spelled))
    sign = pc.if_else(pc.greater(numbers, 0), "Infinity", "-Infinity")
    text = pc.if_else(pc.and_(infinite, spelled), sign, text)
    gone = pc.or_(nan, bad)
    return pc.if_else(gone, none_text, text), pc.if_else(gone, none_number, numbers), bad


def all_bad(parsed: Parsed) -> Any | None:
    """Returns which cells are no quantity, or None if all are fine.

    Beside what cannot be read, these are numbers such as 1e-400, which Postgres refuses as out of
    range: zeros written with digits other than 0.
    """
    import pyarrow.compute as pc

    if not parsed.zeros:
        return parsed.bad
    zero = pc.fill_null(pc.equal(parsed.numbers, 0), False)
    written = pc.match_substring_regex(pc.filter(parsed.text, zero), _NONZERO_MANTISSA)
    if not pc.any(written).as_py():
        return parsed.bad
    digits = pc.fill_null(pc.match_substring_regex(parsed.text, _NONZERO_MANTISSA), False)
    lost = pc.and_(zero, digits)
    return lost if parsed.bad is None else pc.or_(parsed.bad, lost)


def decide_style(cells: Any, *, delimiter: str | None, place: str = "") -> NumberStyle:
    """Decides the decimal mark of a file from an Arrow array with its numeric cells.

    One reading wins with 95 of 100 marked cells; cells of the other kind are rejects later.

    Raises:
        Unreadable: If the cells fit both readings, or both have their share.
    """
    import pyarrow.compute as pc

    commas = pc.match_substring(cells, ",")
    if not pc.any(commas).as_py():
        several = pc.match_substring_regex(cells, r"\..*\.")
        if not pc.any(several).as_py():
            return NumberStyle()
        return _without_commas(_texts(pc.filter(cells, pc.match_substring(cells, "."))))
    comma_cells = [cell for cell in _texts(pc.filter(cells, commas)) if _MARKED.match(cell)]
    kinds: dict[str, list[str]] = {"decimal": [], "thousands": [], "open": []}
    for cell in comma_cells:
        kinds[_comma_is(cell)].append(cell)
    plain = _texts(pc.filter(cells, pc.invert(commas)))
    points = [cell for cell in plain if "." in cell and _MARKED.match(cell)]
    lone = [cell for cell in points if not _GROUPED_POINT.match(cell)]
    decimal, group = kinds["decimal"], kinds["thousands"] + lone
    whole = sum(1 for cell in plain if cell.isdigit())
    if 0 < len(decimal) < _FEW and whole >= 10 * len(decimal) and not group and delimiter != ";":
        # One comma among whole numbers, such as counts, is a slip and no decimal mark.
        return NumberStyle()
    if decimal and len(decimal) >= 19 * len(group):
        grouped = any("." in cell for cell in decimal) or (points and not lone)
        return NumberStyle(",", "." if grouped else "")
    if decimal and len(group) < 19 * len(decimal):
        raise _undecided("mixed_decimal_marks", place, decimal[0], group[0])
    if kinds["thousands"]:
        return NumberStyle(".", ",")
    if lone:
        return NumberStyle(".", "," if len(kinds["open"]) > 1 else "")
    if not kinds["open"]:
        return NumberStyle()
    if any(cell.isdigit() and len(cell) > 3 for cell in plain):
        # Whole numbers above 999 stand without a mark, so the comma does not part thousands.
        is_slip = len(kinds["open"]) < _FEW and whole >= 10 * len(kinds["open"])
        return NumberStyle() if is_slip and delimiter != ";" else NumberStyle(",", "")
    if delimiter == ",":
        return NumberStyle(".", ",")
    raise _undecided("undecided_decimal_mark", place, kinds["open"][0], "")


def _texts(cells: Any, limit: int = 50_000) -> list[str]:
    return [str(cell).strip() for cell in cells[:limit].to_pylist()]


#: Fewer cells than this decide no decimal mark against many whole numbers.
_FEW = 3
_GROUPED_POINT = re.compile(r"[-+]?\d{1,3}(\.\d{3})+\Z")
_MARKED = re.compile(r"[-+]?[\d.,' ]*\d[\d.,]*([eE][-+]?\d+)?\Z")
_SEVERAL_GROUPS = re.compile(r"[-+]?\d{1,3}(,\d{3}){2,}(\.\d*)?\Z|[-+]?\d{1,3}(,\d{3})+\.\d*\Z")
_ONE_GROUP = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}\Z")


def _comma_is(cell: str) -> str:
    if _SEVERAL_GROUPS.match(cell):
        return "thousands"
    if _ONE_GROUP.match(cell):
        return "open"
    return "decimal" if cell.count(",") == 1 else "open"


def _without_commas(cells: Sequence[str]) -> NumberStyle:
    """Only points, some numbers with several: marks between thousands if all fit that."""
    if all(_GROUPED_POINT.match(cell) for cell in cells if _MARKED.match(cell)):
        return NumberStyle(",", ".")
    return NumberStyle()


def _undecided(code: str, place: str, one: str, other: str) -> Unreadable:
    seen = f"numbers such as {one!r}" + (f" beside {other!r}" if other else "")
    return Unreadable(
        code,
        place=place or "numeric columns",
        seen=seen,
        expected="one decimal mark in the whole file",
        question=f"Is the comma in {one!r} a decimal mark or a mark between thousands?",
    )
