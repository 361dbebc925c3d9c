"""Cells of the sheets in a file: every record with the line that it begins on; nothing decided."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from loaders.model import Unreadable
from loaders.reading import dialect as dialects
from loaders.reading import opening
from loaders.reading.opening import Member, TextSource

#: Sheets are typed by people; more text than this is something else.
MAX_TEXT = 256 * 1024**2

#: How much of a text is cut to recognise it.
HEAD_TEXT = 256 * 1024


@dataclass(frozen=True)
class Table:
    """Records of one text or worksheet.

    Attributes:
        part: Part of the file, for example ``sheet=Samples``; empty for the file itself.
        name: Name of the worksheet, empty for text.
        lines: Line (or row of the worksheet) on which each record begins, counted from 1.
        records: Cells of each record.
        delimiter: What separates the cells of a text.
    """

    part: str
    name: str
    lines: tuple[int, ...]
    records: tuple[tuple[str, ...], ...]
    delimiter: str = ""


def tables(member: Member, *, head_only: bool = False) -> Iterator[Table]:
    """Yields the tables of a member of a file.

    Raises:
        Unreadable: The workbook or the text cannot be taken apart.
    """
    if member.kind == "workbook":
        from loaders.reading.excel import sheets

        for part, made in sheets(member):
            name = part.rsplit("sheet=", 1)[-1]
            try:
                records = made().records
            except Unreadable as refusal:
                if refusal.reason_code != "empty_file":
                    raise
                records = []
            yield Table(
                part,
                name,
                tuple(range(1, len(records) + 1)),
                tuple(tuple(map(str.strip, record)) for record in records),
            )
        return
    if member.kind == "binary":
        if head_only:
            return
        raise opening.not_text(member)
    yield from_text(cast(TextSource, member.text), part=member.part, head_only=head_only)


def from_text(text: TextSource, *, part: str = "", head_only: bool = False) -> Table:
    """Cuts a text into records.

    Raises:
        Unreadable: It is longer than any sheet.
    """
    if head_only or text.whole:
        content = text.head[:HEAD_TEXT] if head_only else text.head
    else:
        with text.utf8() as stream:
            raw = stream.read(MAX_TEXT + 1)
        if len(raw) > MAX_TEXT:
            raise Unreadable(
                "sheet_too_large",
                place=part or "file",
                seen=f"more than {MAX_TEXT:,} bytes of text",
                expected="a sheet of programs, experiments, datasets or samples",
                question="Is this file a table of results? Then name its omics type.",
            )
        content = raw.decode("utf-8")
    content = content.replace("\r\n", "\n").replace("\r", "\n")
    first = dialects.first_lines(content)
    found = dialects.sniff(first)
    delimiter, quoted = (found.delimiter, found.quoted) if found else ("\t", False)
    lines: list[int] = []
    records: list[tuple[str, ...]] = []
    for line, record in _records(content, delimiter, quoted=quoted):
        lines.append(line)
        records.append(tuple(cell.strip().strip("\ufeff") for cell in record))
    return Table(part, "", tuple(lines), tuple(records), delimiter)


def _records(content: str, delimiter: str, *, quoted: bool) -> Iterator[tuple[int, Sequence[str]]]:
    rows = content.split("\n")
    if rows and not rows[-1]:
        rows.pop()
    if not quoted:
        for number, row in enumerate(rows, start=1):
            yield number, row.split(delimiter) if row else []
        return
    reader = csv.reader((f"{row}\n" for row in rows), delimiter=delimiter)
    begins = 1
    try:
        for record in reader:
            yield begins, record
            begins = reader.line_num + 1
    except csv.Error as error:
        raise Unreadable(
            "quote_not_closed",
            place=f"line {begins}",
            seen=str(error),
            expected="quotation marks in pairs",
            question="Is a quotation mark opened and never closed?",
        ) from error


def members_of(source: Path, *, max_unpacked_bytes: int) -> Iterator[Member]:
    """Yields the readable members of a file.

    Raises:
        Unreadable: The file, or its only member, cannot be opened.
    """
    refused: Unreadable | None = None
    any_read = False
    for member in opening.open_members(source, max_unpacked_bytes=max_unpacked_bytes):
        if isinstance(member, Unreadable):
            refused = refused or member
            continue
        any_read = True
        yield member
    if refused is not None and not any_read:
        raise refused
