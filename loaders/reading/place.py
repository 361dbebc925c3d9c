"""The text that stands at one place of a file: what a person would look up there.

Readers number records, see `loaders.reading.grid`; here such a number is followed back. A place is
shown only if it holds what was landed from it, so a number that counts something else (elements of
a JSON document, groups of an HDF5 file) never shows a wrong line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from loaders.model import Unreadable
from loaders.reading.opening import Member, TextSource, open_members

#: Rows of which the cells are shown where the place is a column.
_COLUMN_CELLS = 12

#: Longest text that is shown.
_SHOWN_CHARACTERS = 2000

State = Literal["found", "changed", "gone", "remote", "not_shown"]


@dataclass(frozen=True)
class Found:
    """What a file holds at a place.

    Attributes:
        state: ``found``; ``changed`` (other content), ``gone``, ``remote`` (not opened), or
            ``not_shown`` where the number does not lead to text that holds what was landed.
        text: The record or the cells of the column, cut where it is very long.
    """

    state: State
    text: str | None = None


def text_at(
    path: str,
    sha256: str,
    *,
    part: str,
    number: int,
    unit: str,
    evidence: Mapping[str, Any],
    wanted: Sequence[str],
    max_unpacked_bytes: int,
) -> Found:
    """Returns what stands at a place of a file, if the file is still the one that was read.

    Args:
        path: Path or address of the file.
        sha256: Hash of the content that was landed.
        part: Part of the file, such as ``sheet=Plate 1``.
        number: Number of the record or column, from 1.
        unit: ``column`` where columns are counted, else records are.
        evidence: Evidence of the reading; ``delimiter`` and ``quoted`` tell how cells are parted.
        wanted: Texts of which the place must hold one.
        max_unpacked_bytes: Largest size that a packed file may unpack to.
    """
    if "://" in path:
        return Found("remote")
    file = Path(path)
    try:
        if not file.is_file():
            return Found("gone")
        with file.open("rb") as stream:
            if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
                return Found("changed")
        records = _records(file, part, evidence, max_unpacked_bytes)
        text = _column(records, number) if unit == "column" else _record(records, number)
    except (Unreadable, OSError, EOFError, UnicodeError):
        return Found("not_shown")
    plain = text.replace('""', '"')
    if not any(one in plain for one in wanted):
        return Found("not_shown")
    cut = text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + " …"
    return Found("found", cut)


@dataclass(frozen=True)
class _Record:
    """A record as it stands in the file, and how it is cut into cells."""

    text: str
    cells: tuple[str, ...] | None = None
    delimiter: str = "\t"

    def cell(self, number: int) -> str | None:
        """The cell of a column, from 1; None where the record is too short."""
        from loaders.reading.dialect import Dialect, records

        cells: Sequence[str] | None = self.cells
        if cells is None:
            dialect = Dialect(self.delimiter, '"' in self.text, 0, 1.0)
            cells = next((found for _, found in records([self.text], dialect)), [])
        return cells[number - 1] if number <= len(cells) else None


def _record(records: Iterator[_Record], number: int) -> str:
    found = next(islice(records, number - 1, None), None)
    return found.text if found is not None else ""


def _column(records: Iterator[_Record], number: int) -> str:
    cells = (record.cell(number) for record in records)
    return " | ".join(islice((cell for cell in cells if cell), _COLUMN_CELLS))


def _records(
    file: Path, part: str, evidence: Mapping[str, Any], max_unpacked_bytes: int
) -> Iterator[_Record]:
    """Yields the records of the part; a part that is none of text or a sheet has none."""
    for member in open_members(file, max_unpacked_bytes=max_unpacked_bytes):
        if isinstance(member, Unreadable) or not _holds(member.part, part):
            continue
        if member.text is not None:
            yield from _lines(member.text, evidence)
            return
        if member.workbook is not None:
            yield from _sheet_rows(member, part)
            return


def _holds(outer: str, part: str) -> bool:
    return not outer or part == outer or part.startswith(outer + "/")


def _lines(text: TextSource, evidence: Mapping[str, Any]) -> Iterator[_Record]:
    delimiter = str(evidence.get("delimiter") or "\t")
    quoted = bool(evidence.get("quoted"))
    held: list[str] = []
    with text.lines() as lines:
        for line in lines:
            held.append(line)
            # A quote that is open at the end of a line carries the record on to the next.
            if quoted and sum(piece.count('"') for piece in held) % 2:
                continue
            yield _Record("".join(held).rstrip("\n"), delimiter=delimiter)
            held.clear()
    if held:
        yield _Record("".join(held).rstrip("\n"), delimiter=delimiter)


def _sheet_rows(member: Member, part: str) -> Iterator[_Record]:
    from loaders.reading.excel import sheets

    for name, made in sheets(member):
        if _holds(name, part):
            for row in made().records:
                yield _Record("\t".join(row).rstrip("\t"), tuple(row))
            return
