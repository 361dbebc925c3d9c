"""Reads one file of the source `programs`: sheets, ISA-Tab, SDRF, sample facts of result files."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import cast

from loaders.model import ReadOptions, SourceFile, TablesReading, Unreadable
from loaders.programs import cells, columns, investigation, mwtab, series_matrix, sheets, studies
from loaders.programs.cells import Table
from loaders.programs.records import Sheet, SheetReading
from loaders.reading.opening import Member, TextSource

_ENDINGS = re.compile(r"(\.(gz|bz2|xz|zip))?$|\.[A-Za-z0-9]{1,5}(\.(gz|bz2|xz|zip))?$")


def read_file(source: SourceFile, *, options: ReadOptions) -> list[TablesReading]:
    """Reads every sheet of a file.

    Raises:
        Unreadable: No sheet in it is understood.
    """
    found: list[Sheet] = []
    left_out: dict[str, str] = {}
    for member in cells.members_of(source.local, max_unpacked_bytes=options.max_unpacked_bytes):
        found += _member(member, source.path, left_out)
    if not found:
        raise _undecided(left_out)
    for sheet in found:
        if left_out:
            sheet.evidence["not_read"] = left_out
    return [SheetReading(sheet, options) for sheet in found]


def recognise(source: SourceFile, options: ReadOptions) -> str | None:
    """Returns why a file surely describes programs, experiments, datasets or samples, or None.

    Result files that also describe their samples (series matrix, mwTab) are not claimed.
    """
    for member in cells.members_of(source.local, max_unpacked_bytes=options.max_unpacked_bytes):
        for table in cells.tables(member, head_only=True):
            if not table.records:
                continue
            if investigation.is_investigation(table):
                return "an ISA-Tab investigation"
            if studies.is_study_table(table.records[0]):
                return "study table: characteristics or factor values of named samples"
            layout = sheets.layout_of(table, stem=_stem(source.path), declared=False)
            if layout is not None and sheets.is_sure(table, layout):
                known = ", ".join(layout.fields)
                return f"a sheet of {layout.kind}s with the columns {known}"
    return None


def _member(member: Member, path: str, left_out: dict[str, str]) -> list[Sheet]:
    if member.kind == "text":
        text = cast(TextSource, member.text)
        if series_matrix.is_series_matrix(text.head):
            return [series_matrix.read(text, member.part)]
        if mwtab.is_mwtab(text.head):
            return [mwtab.read(text, member.part)]
    found = []
    for table in cells.tables(member):
        sheet = _sheet(table, path)
        if sheet is None:
            left_out[table.part or "file"] = "no known columns" if table.records else "empty"
        elif sheet.rows_read == sum(sheet.skipped.values()):
            left_out[table.part or "file"] = "no rows below the header"
        else:
            found.append(sheet)
    return found


def _sheet(table: Table, path: str) -> Sheet | None:
    if not table.records:
        return None
    if investigation.is_investigation(table):
        return investigation.read(table)
    if studies.is_study_table(table.records[0]):
        return studies.read(table)
    layout = sheets.layout_of(table, stem="" if table.name else _stem(path), declared=True)
    return sheets.read(table, layout) if layout is not None else None


def _stem(path: str) -> str:
    """Returns the file name without folder and endings.

    >>> _stem("/data/programs/samples.csv.gz")
    'samples'
    """
    return _ENDINGS.sub("", PurePosixPath(path).name)


def _undecided(left_out: dict[str, str]) -> Unreadable:
    kinds = [columns.kind_of_sheet(kind) for kind in columns.KINDS]
    seen = "; ".join(f"{place}: {why}" for place, why in left_out.items()) or "nothing"
    keys = "; ".join(
        f"{kind.kind}: {' or '.join(field.name for field in kind.fields if field.name in kind.key)}"
        for kind in kinds
    )
    return Unreadable(
        "undecided_kind",
        place=next(iter(left_out), "file"),
        seen=seen,
        expected=f"a header with the columns of one kind of sheet ({keys})",
        question="Does the sheet describe programs, experiments, datasets or samples? Name it so. "
        "Or does it hold results? Then load it with its omics type: omics load metabolomics "
        "--file FILE.",
    )
