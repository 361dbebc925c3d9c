"""Where the table begins: preamble, label rows, header, label rows below the header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from loaders import vocabulary
from loaders.model import Unreadable
from loaders.reading.numbers import tally

_MAX_TOP = 30
#: What the rows of annotations below a header of Perseus begin with: ``#!{Type}``, ``#!{C:Group}``.
PERSEUS = "#!{"


@dataclass(frozen=True)
class Top:
    """The rows above the data, as indices into the records.

    Attributes:
        header: Index of the header.
        preamble: Rows above the header that are not part of the table.
        labels: Rows above or below the header that describe the samples.
        data: Index of the first record of the data.
        short: Whether the header lacks the name of the first column (R's row names).
    """

    header: int
    preamble: tuple[int, ...]
    labels: tuple[int, ...]
    data: int
    short: bool


def find_top(records: Sequence[Sequence[str]], *, place: str = "") -> Top | None:
    """Finds the header by what the columns hold further down.

    Returns:
        The heading, or None where the first row already holds data.

    Raises:
        Unreadable: If this is no table, or a header with nothing below.
    """
    sizes = [_filled(record) for record in records]
    full = [index for index, size in enumerate(sizes) if size >= 2]
    if not full:
        raise Unreadable(
            "not_a_table",
            place=place or "first lines",
            seen="one cell in each line",
            expected="a table with at least two columns",
            question="Which delimiter separates the columns?",
        )
    width = _usual_width(records, full)
    numeric = _numeric_columns(records, full, width)
    if len(full) == 1:
        raise header_only(full[0] + 1, records[full[0]], place)
    if not numeric:
        header = full[0]
        return Top(header, tuple(range(header)), (), header + 1, short=False)
    first, last = _heading_rows(records, full, numeric, width)
    if last < first:
        return _numeric_header(records, first, numeric, width)
    heading = [index for index in range(first, last + 1) if sizes[index] >= 2]
    header = max(heading, key=lambda i: (_header_score(records[i], numeric, width), -i))
    below = tuple(index for index in heading if index > header)
    above = tuple(index for index in heading if index < header)
    preamble = tuple(index for index in range(header) if index not in above)
    if all(sizes[index] == 0 for index in range(last + 1, len(records))):
        raise header_only(header + 1, records[header], place)
    short = _is_short(records, header, last + 1, width)
    return Top(header, preamble, above + below, last + 1, short)


def header_only(line: int, header: Sequence[str], place: str) -> Unreadable:
    """Returns the refusal of a table without rows."""
    shown = ", ".join(cell for cell in header[:6] if cell)
    return Unreadable(
        "header_only",
        place=place or f"line {line}",
        seen=f"a header ({shown}) and no rows below it",
        expected="at least one row of data",
        question="Was the export complete?",
    )


def _filled(record: Sequence[str]) -> int:
    return len(list(filter(None, map(str.strip, record))))


def _usual_width(records: Sequence[Sequence[str]], full: Sequence[int]) -> int:
    later = full[len(full) // 3 :]
    return Counter(len(records[index]) for index in later).most_common(1)[0][0]


def _numeric_columns(
    records: Sequence[Sequence[str]], full: Sequence[int], width: int
) -> tuple[int, ...]:
    """Returns the columns that hold numbers in the later half of the rows."""
    bulk = [records[index] for index in full[len(full) // 2 :]]
    found = []
    for column in range(width):
        cells = [record[column] for record in bulk if column < len(record)]
        numbers, texts, _ = tally(cells)
        if numbers and numbers >= texts:
            found.append(column)
    return tuple(found)


def _text_share(record: Sequence[str], columns: Sequence[int], offset: int) -> tuple[float, float]:
    """Returns the shares of text and of numbers among the given columns of a row."""
    size = len(record)
    cells = [record[i - offset] for i in columns if 0 <= i - offset < size]
    numbers, texts, _ = tally(cells)
    return texts / len(columns), numbers / len(columns)


def _heading_rows(
    records: Sequence[Sequence[str]], full: Sequence[int], numeric: Sequence[int], width: int
) -> tuple[int, int]:
    """Returns the first and last row of text over the numeric columns; last < first if none."""
    first = full[0]
    last = _named_row(records, full, numeric, width)
    for index in [i for i in full if max(last, -1) < i < _MAX_TOP][:-1]:
        record = records[index]
        texts, numbers = _text_share(record, numeric, 1 if len(record) == width - 1 else 0)
        if texts >= 0.5 and texts > numbers:
            if last >= 0 and not _may_head(records, last, index, numeric):
                break
            first = index if last < 0 else first
            last = index
        elif last >= 0 and _is_label_row(record):
            last = index
        else:
            break
    # Label rows of numbers (an injection order) may stand above the header.
    while last >= 0 and first - 1 in full and _is_label_row(records[first - 1]):
        first -= 1
    if last < 0:
        return full[0], -1
    return first, last


def _may_head(
    records: Sequence[Sequence[str]], last: int, index: int, numeric: Sequence[int]
) -> bool:
    """Whether a second row of text can still be part of the heading, rather than bad data."""
    record = records[index]
    if _is_label_row(record) or _names_a_column(record, numeric):
        return True
    # Rows like ",,,SAMPLE_NAME,s1,s2" above the header leave their first cell empty.
    return not records[last][0].strip()


def _named_row(
    records: Sequence[Sequence[str]], full: Sequence[int], numeric: Sequence[int], width: int
) -> int:
    """Returns the last row of text that names a column by a known word; -1 if there is none.

    Rows of labels, of words or of numbers, may stand above such a header.
    """
    rows = [i for i in full if i < _MAX_TOP][:-1]
    # The words first: few rows have one, and the shares of the others need no counting.
    named = _name_a_column([records[index] for index in rows], numeric)
    for index in reversed([index for index, names in zip(rows, named, strict=True) if names]):
        record = records[index]
        if _is_label_row(record):
            continue
        texts, _ = _text_share(record, numeric, 1 if len(record) == width - 1 else 0)
        if texts >= 0.8:
            return index
    return -1


@cache
def _column_words() -> frozenset[str]:
    return vocabulary.words("headers", "feature") | vocabulary.words("headers", "sample")


def _names_a_column(record: Sequence[str], numeric: Sequence[int]) -> bool:
    return _name_a_column([record], numeric)[0]


def _name_a_column(records: Sequence[Sequence[str]], numeric: Sequence[int]) -> list[bool]:
    """Tells of each row whether a cell that stands over no numbers is the name of a column."""
    known = _column_words()
    measured = set(numeric)
    others = [at for at in range(max(map(len, records), default=0)) if at not in measured]
    normalise = vocabulary.normalise
    return [
        any(normalise(record[at]) in known for at in others if at < len(record) and record[at])
        for record in records
    ]


def _key(record: Sequence[str]) -> str:
    """Returns the first filled cell, folded: what a label row is named by."""
    return next((vocabulary.normalise(cell) for cell in record if cell.strip()), "")


def _is_label_row(record: Sequence[str]) -> bool:
    if record and record[0].startswith(PERSEUS):
        return True
    return _key(record) in vocabulary.words("headers", "label")


def _header_score(record: Sequence[str], numeric: Sequence[int], width: int) -> float:
    cells = [record[column].strip() for column in numeric if column < len(record)]
    filled = [cell for cell in cells if cell]
    score = len(set(filled)) / max(1, len(numeric))
    score += 0.5 * _filled(record) / max(1, width)
    if _names_a_column(record, numeric):
        score += 2
    if _is_label_row(record):
        score -= 1
    return score


def _numeric_header(
    records: Sequence[Sequence[str]], first: int, numeric: Sequence[int], width: int
) -> Top | None:
    """Accepts a header whose samples are numbers; None where the row is data."""
    record = records[first]
    measured = set(numeric)
    others = [cell for i, cell in enumerate(record) if i not in measured]
    short = len(record) == width - 1
    names = [cell.strip() for cell in record if cell.strip()]
    named = _names_a_column(record, numeric) or (others and not others[0].strip())
    if (named or short) and len(set(names)) == len(names):
        return Top(first, tuple(range(first)), (), first + 1, short=short)
    return None


class NoHeader(Unreadable):
    """Data that begin without a header; ``records`` are the first of them."""

    records: Sequence[Sequence[str]] = ()


def no_header(records: Sequence[Sequence[str]], line: int, place: str) -> NoHeader:
    """Returns the refusal of data without a header."""
    record = records[0] if records else []
    refusal = NoHeader(
        "no_header",
        place=place or f"line {line}",
        seen=f"numbers where names are expected: {', '.join(record[:5])}",
        expected="a first row that names the columns",
        question="What does each column hold? Add a header line that says so.",
    )
    refusal.records = records
    return refusal


def _is_short(records: Sequence[Sequence[str]], header: int, data: int, width: int) -> bool:
    """Whether the header has one cell less than the rows, and the rows do fill their last cell."""
    if len(records[header]) != width - 1:
        return False
    rows = [record for record in records[data:] if len(record) == width]
    return any(record[-1].strip() for record in rows)
