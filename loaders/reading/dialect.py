"""How a text is cut into cells: delimiter and quoting, decided by evidence over its first lines."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from loaders.reading.numbers import tally

DELIMITERS = ("\t", ",", ";", "|")

_MARKS = ' \r\n"' + "".join(DELIMITERS)
_SNIFF_LINES = 60
_MOST_LINES = 10_000
_SNIFF_CHARACTERS = 400_000
_MIN_LINES = 6


@dataclass(frozen=True)
class Dialect:
    """Delimiter and whether cells may be quoted, with the share of lines that agree."""

    delimiter: str
    quoted: bool
    width: int
    consistency: float


def first_lines(text: str, *, limit: int = _SNIFF_LINES) -> list[str]:
    """Returns the first lines with their ends; CR, LF and CRLF all end a line.

    Lines that begin with ``#`` above the first other one are beside the limit.
    """
    if not text.startswith("#") and "\r" not in text[:_SNIFF_CHARACTERS]:
        # Most files: 5 instead of 44 us for the first 60 lines.
        plain = text[: _SNIFF_CHARACTERS + 1].split("\n", limit)
        if len(plain) > limit and sum(map(len, plain[:limit])) <= _SNIFF_CHARACTERS - limit:
            return [f"{line}\n" for line in plain[:limit]]
    lines: list[str] = []
    total = counted = 0
    for line in islice(io.StringIO(text, newline=""), _MOST_LINES):
        lines.append(line)
        if line.startswith("#") and not counted:
            continue
        counted += 1
        total += len(line)
        if counted >= limit or (total > _SNIFF_CHARACTERS and counted >= _MIN_LINES):
            break
    return lines


def sniff(lines: Sequence[str]) -> Dialect | None:
    """Returns the way of cutting that gives the steadiest table; None if there is no table."""
    joined = "".join(lines)
    has_quotes = '"' in joined
    # Lines of marks alone are blank rows of a spreadsheet: they say nothing of the others.
    lines = [line for line in lines if line.strip(_MARKS)]
    plain = [line for line in lines if not line.startswith("#")]
    best: tuple[float, Dialect] | None = None
    for rank, delimiter in enumerate(DELIMITERS):
        if delimiter not in joined:
            continue
        as_they_stand = [line.count(delimiter) + 1 for line in plain]
        for quoted in (False, True) if has_quotes else (False,):
            counts, count = as_they_stand, len(lines)
            if quoted:
                counts, count = _quoted_counts(lines, delimiter)
            if not counts:
                continue
            if count < len(lines) and delimiter == "\t" and _is_complete(as_they_stand):
                # Lines are complete as they stand: a stray mark must not join some into one.
                continue
            dialect, score = _rate(counts, delimiter, quoted=quoted)
            if dialect.width < 2:
                continue
            if quoted and not quotes_enclose(lines, delimiter):
                score -= 0.05
            elif quoted:
                score += 0.05
            score -= rank * 0.001
            if best is None or score > best[0]:
                best = (score, dialect)
    if best is None or best[1].consistency < 1:
        return _by_blanks(plain) or (best[1] if best else None)
    return best[1]


_BLANKS = re.compile(r"(?:\"[^\"]*\"|[^\s\"]+)(?: (?:\"[^\"]*\"|[^\s\"]+))+")


def _by_blanks(lines: Sequence[str]) -> Dialect | None:
    """Recognises cells parted by single blanks, as R's ``write.table`` does where nobody says else.

    Prose has blanks too, so every line must fit: as many cells as the first line or one more, three
    at least, numbers in one column, and no word last.
    """
    lines = [line.rstrip("\r\n") for line in lines]
    if len(lines) > 1 and not _BLANKS.fullmatch(lines[-1]):
        lines.pop()  # cut off
    if len(lines) < 3 or not all(map(_BLANKS.fullmatch, lines)):
        return None
    cut = list(csv.reader(lines, delimiter=" "))
    width = len(cut[1])
    if width < 3 or len(cut[0]) not in (width, width - 1):
        return None
    if any(len(record) != width for record in cut[1:]):
        return None
    tallies = [tally([record[at] for record in cut[1:]]) for at in range(1, width)]
    if tallies[-1][1] or not any(numbers and not texts for numbers, texts, _ in tallies):
        return None
    return Dialect(" ", any('"' in line for line in lines), width, 1.0)


def records(lines: Sequence[str], dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yields records of the first lines, each with the number of lines read up to its end."""
    if not dialect.quoted:
        for number, line in enumerate(lines, start=1):
            text = line.rstrip("\r\n")
            yield number, text.split(dialect.delimiter) if text else []
        return
    reader = csv.reader(lines, delimiter=dialect.delimiter)
    for record in reader:
        yield reader.line_num, record


def _is_complete(counts: Sequence[int]) -> bool:
    """Whether all lines below the first wide one have as many cells as it."""
    width = Counter(counts).most_common(1)[0][0]
    return width > 1 and all(count == width for count in counts[counts.index(width) :])


def _quoted_counts(lines: Sequence[str], delimiter: str) -> tuple[list[int], int]:
    """Returns the sizes of the records that are no comments, and the number of all records."""
    try:
        # Lines that the reader joins into one record show that a quote was opened and not closed.
        found = [record for record in csv.reader(lines, delimiter=delimiter) if record]
    except csv.Error:
        return [], 0
    return [len(record) for record in found if not record[0].startswith("#")], len(found)


def _rate(counts: Sequence[int], delimiter: str, *, quoted: bool) -> tuple[Dialect, float]:
    """Rates by how many lines have the usual number of cells, and whether the first ones do."""
    later = counts[len(counts) // 3 :]
    width = Counter(later).most_common(1)[0][0]
    fitting = counts.count(width)
    consistency = fitting / len(counts)
    near = (fitting + counts.count(width - 1)) / len(counts)
    begins = counts[0] in (width, width - 1) and counts[0] > 1
    score = 0.7 * consistency + 0.3 * near + (0.1 if begins else 0.0)
    return Dialect(delimiter, quoted, width, round(consistency, 4)), score


def quotes_enclose(lines: Sequence[str], delimiter: str) -> bool:
    """Whether quotation marks stand around whole cells, as CSV has it, and nowhere else."""
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")) and lines[-1].count('"') % 2:
        # The file, or the part of it that is looked at, ends within a cell.
        lines = lines[:-1]
    mark = re.escape(delimiter)
    # CR alone may end a line, which `^` does not know.
    enclosed = re.compile(rf'(?:(?<=[{mark}\r\n])|\A)"(?:[^"]|"")*"(?={mark}|\r|\n|\Z)')
    left, found = enclosed.subn("", "".join(lines))
    return found > 0 and '"' not in left
