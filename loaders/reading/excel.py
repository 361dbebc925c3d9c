"""Workbooks: each sheet as a table of text, with the numbers as they were typed."""

from __future__ import annotations

import datetime
import io
import re
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.model import Unreadable
from loaders.reading import grid as grids
from loaders.reading.grid import Grid
from loaders.reading.opening import Member

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

#: Larger sheets are refused: a workbook must be held in memory as a whole.
MAX_CELLS = 8_000_000

#: Merged cells are filled within this many rows: headings, not data.
_HEADING_ROWS = 40
_NOTHING: list[str] = []
#: A cell of a sheet that holds something: cells that are only coloured close themselves.
_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"[^>]*(?<!/)>')


@dataclass(frozen=True)
class Sheet:
    """Rows of a sheet as text, the empty ones at its end left out.

    Attributes:
        records: Rows; ``records[0]`` is row 1 of the sheet.
        evidence: What was met while cells became text, JSON-able.
    """

    records: list[list[str]]
    evidence: dict[str, Any]

    def grid(self, part: str) -> Grid:
        """Finds the table in the sheet.

        Raises:
            Unreadable: If there is none.
        """
        return grids.from_records(self.records, part=part, evidence=self.evidence)


def sheets(member: Member) -> Iterator[tuple[str, Callable[[], Sheet]]]:
    """Yields each sheet's part and the function that reads its cells.

    Raises:
        Unreadable: If the workbook cannot be opened.
    """
    import python_calamine

    _refuse_far_cells(member)
    held = member.workbook
    source = str(held) if isinstance(held, Path) else io.BytesIO(held or b"")
    try:
        workbook = python_calamine.load_workbook(source)
    except python_calamine.PasswordError as error:
        raise _broken("encrypted", member.part, "a workbook locked with a password") from error
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise _broken("broken_workbook", member.part, str(error)) from error
    for sheet in workbook.sheets_metadata:
        if sheet.typ != python_calamine.SheetTypeEnum.WorkSheet:
            continue
        name = f"sheet={sheet.name}"
        part = f"{member.part}/{name}" if member.part else name
        yield part, partial(_sheet, workbook, sheet.name, part)


def _refuse_far_cells(member: Member) -> None:
    """Refuses a workbook whose cells span more than can be held, before it is opened.

    A sheet is held as a rectangle: one forgotten cell at its far end would take gigabytes.

    Raises:
        Unreadable: If a sheet is too large.
    """
    held = member.workbook
    source = held if isinstance(held, Path) else io.BytesIO(held or b"")
    try:
        with zipfile.ZipFile(source) as archive:
            for info in archive.infolist():
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml"):
                    with archive.open(info) as xml:
                        _refuse_far_cells_of(xml, member.part or info.filename)
    except (zipfile.BadZipFile, OSError, EOFError, zlib.error, ValueError, RuntimeError):
        # No zip (an old workbook), or a damaged one: opening it says what is wrong.
        return


def _refuse_far_cells_of(xml: Any, place: str) -> None:
    """Finds the rectangle that the filled cells of a sheet span."""
    left = top = sys.maxsize
    right = bottom = 0
    rest = b""
    while chunk := xml.read(1024**2):
        text = rest + chunk
        for column, row in _CELL.findall(text):
            number = _column_number(column)
            left, right = min(left, number), max(right, number)
            top, bottom = min(top, int(row)), max(bottom, int(row))
        rest = text[-200:]
    width, height = right - left + 1, bottom - top + 1
    if right and width * height > MAX_CELLS:
        raise Unreadable(
            "sheet_too_large",
            place=place,
            seen=f"filled cells that span {height:,} rows of {width:,} columns",
            expected=f"at most {MAX_CELLS:,} cells in a sheet",
            question="Is there a forgotten cell far from the table? Clear it, or save the sheet as "
            "tab-separated text.",
        )


@lru_cache(maxsize=20_000)
def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet(workbook: Any, name: str, part: str) -> Sheet:
    import python_calamine

    try:
        return _cells(workbook.get_sheet_by_name(name), name, part)
    except python_calamine.CalamineError as error:
        # The list of sheets can be read, and the cells of this one are damaged.
        raise _broken("broken_workbook", part, str(error)) from error


def _cells(sheet: CalamineSheet, name: str, part: str) -> Sheet:
    if sheet.width * sheet.height > MAX_CELLS:
        raise Unreadable(
            "sheet_too_large",
            place=part,
            seen=f"{sheet.height:,} rows of {sheet.width:,} columns",
            expected=f"at most {MAX_CELLS:,} cells in a sheet",
            question="Can the sheet be saved as tab-separated text?",
        )
    dates: list[str] = []
    offset = sheet.start[0] if sheet.start else 0
    records: list[list[str]] = [[]] * offset
    last = -1
    # One row after the other: a sheet may have a million blank rows below its table.
    for row in sheet.iter_rows():
        if row.count("") == len(row):
            records.append(_NOTHING)
            continue
        texts = [text_of(value, dates) for value in row]
        if any(texts):
            last = len(records)
        records.append(texts)
    del records[last + 1 :]
    width = max(map(len, records), default=0)
    blank = [""] * width
    # Blank rows below the headings are one list: there may be a million of them.
    records = [
        row + blank[len(row) :] if row or at < _HEADING_ROWS else blank
        for at, row in enumerate(records)
    ]
    if not records:
        raise Unreadable(
            "empty_file",
            place=part,
            seen="a sheet without cells",
            expected="a table with a header and rows",
        )
    _fill_merged(records, sheet.merged_cell_ranges or [])
    evidence: dict[str, Any] = {"sheet": name}
    if offset:
        evidence["blank_rows_above"] = offset
    if dates:
        # Excel turns names of genes such as MARCH7 into dates; they cannot be turned back.
        evidence["excel_dates"] = {"count": len(dates), "examples": dates[:5]}
    return Sheet(records, evidence)


def text_of(value: object, dates: list[str] | None = None) -> str:
    """Writes a cell as Excel shows its value: whole numbers without ``.0``, dates as ISO text.

    >>> text_of(17.4), text_of(29.0), text_of(True), text_of("001")
    ('17.4', '29', 'TRUE', '001')
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time, datetime.timedelta)):
        midnight = isinstance(value, datetime.datetime) and value.time() == datetime.time()
        shown = str(value).split(" ")[0] if midnight else str(value)
        if dates is not None:
            dates.append(shown)
        return shown
    return "" if value is None else str(value)


def _fill_merged(
    records: list[list[str]], ranges: list[tuple[tuple[int, int], tuple[int, int]]]
) -> None:
    """Writes the text of a merged heading into every cell that it spans."""
    for (top, left), (bottom, right) in ranges:
        if top >= min(_HEADING_ROWS, len(records)) or left >= len(records[top]):
            continue
        text = records[top][left]
        for row in range(top, min(bottom + 1, len(records), _HEADING_ROWS)):
            for column in range(left, min(right + 1, len(records[row]))):
                records[row][column] = records[row][column] or text


def _broken(code: str, part: str, seen: str) -> Unreadable:
    return Unreadable(
        code,
        place=part or "workbook",
        seen=seen,
        expected="an Excel workbook that opens without a password",
        question="Does the workbook open in Excel? Save it again, or as text.",
    )
