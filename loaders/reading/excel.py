"""Workbooks: each sheet as a table of text, with the numbers as they were typed."""

from __future__ import annotations

import datetime
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.model import Unreadable
from loaders.reading import grid as grids
from loaders.reading.grid import Grid
from loaders.reading.opening import Member

if TYPE_CHECKING:
    from python_calamine import CalamineSheet

#: Larger sheets are refused: a workbook must be held in memory as a whole.
MAX_CELLS = 60_000_000

#: Merged cells are filled within this many rows: headings, not data.
_HEADING_ROWS = 40


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


def _sheet(workbook: Any, name: str, part: str) -> Sheet:
    sheet: CalamineSheet = workbook.get_sheet_by_name(name)
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
    records = [[""]] * 0
    values = sheet.to_python(skip_empty_area=False)
    records = [[text_of(value, dates) for value in row] for row in values]
    while records and not any(records[-1]):
        records.pop()
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
