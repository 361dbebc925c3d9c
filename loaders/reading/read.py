"""Reads one file into datasets: `read_file` is the way in.

The order is: unpack and decode, cut into cells, find the header, ask the known layouts, ask the
result tables, vote. What is not understood is refused with `Unreadable`, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from loaders import vocabulary
from loaders.formats import layouts
from loaders.model import DatasetReading, ReadOptions, Roles, SourceFile, Unreadable
from loaders.reading import grid as grids
from loaders.reading import mapping, opening, voting
from loaders.reading.describe import Context, named_after_path
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.opening import Member
from loaders.reading.top import NoHeader

if TYPE_CHECKING:
    import pyarrow as pa

#: Changes whenever the same file may be read differently.
READER_VERSION = "1"

#: Reasons for which a member or a sheet is left out beside others that are read.
_NOT_DATA = frozenset(
    {
        "empty_file",
        "header_only",
        "not_a_table",
        "no_quantities",
        "no_header",
        "binary_content",
        "undecided_roles",
    }
)


def read_file(
    source: SourceFile, *, declared_omics_type: str | None, options: ReadOptions
) -> list[DatasetReading]:
    """Reads a file.

    Args:
        source: The file.
        declared_omics_type: The omics type that the caller or the folder states, if any.
        options: Limits, and the column roles if the user gave them.

    Returns:
        One reading per dataset in the file, at least one.

    Raises:
        Unreadable: If the file is not understood. ``batches`` of a reading may raise it too.
    """
    found: list[DatasetReading] = []
    refusals: list[Unreadable] = []
    members = opening.open_members(source.local, max_unpacked_bytes=options.max_unpacked_bytes)
    for member in members:
        if isinstance(member, Unreadable):
            refusals.append(member)
            continue
        try:
            found += _member(member, declared_omics_type, options, source.path)
        except Unreadable as refusal:
            refusals.append(refusal)
    serious = [refusal for refusal in refusals if refusal.reason_code not in _NOT_DATA]
    if serious:
        raise serious[0]
    if not found:
        raise refusals[0]
    for reading in found:
        note(reading, "not_read", {r.place: r.reason_code for r in refusals})
    return found


def note(reading: Any, key: str, said: Mapping[str, object]) -> None:
    """Adds to the evidence of a reading, where there is something to say."""
    from dataclasses import replace

    if said:
        evidence = {**reading.header.role_evidence, key: dict(said)}
        reading.header = replace(reading.header, role_evidence=evidence)


def _member(
    member: Member, declared: str | None, options: ReadOptions, path: str
) -> list[DatasetReading]:
    if member.kind == "workbook":
        from loaders.reading.excel import sheets

        return _sheets(sheets(member), declared, options, path)
    text = cast(opening.TextSource, member.text)
    refuse_known_format(text.head, member.part)
    try:
        grid = grids.from_text(text, part=member.part)
    except NoHeader as refusal:
        # A known tool that writes no header has a truer reason.
        layouts.recognise(refusal.records[0], refusal.records[1:], [])
        raise
    context = Context(member.part, declared, options.reject_limit, path)
    return read_grid(grid, context, options.mapping)


def _sheets(
    found: Any, declared: str | None, options: ReadOptions, path: str
) -> list[DatasetReading]:
    readings: list[DatasetReading] = []
    refusals: list[Unreadable] = []
    for part, made in found:
        try:
            grid = made()
            context = Context(part, declared, options.reject_limit, path)
            readings += read_grid(grid, context, options.mapping)
        except Unreadable as refusal:
            refusals.append(refusal)
    serious = [refusal for refusal in refusals if refusal.reason_code not in _NOT_DATA]
    if serious:
        raise serious[0]
    if not readings:
        raise refusals[0]
    for reading in readings:
        note(reading, "sheets_not_read", {r.place: r.reason_code for r in refusals})
    return readings


def read_grid(
    grid: Grid, context: Context, given: Mapping[str, object] | None = None
) -> list[DatasetReading]:
    """Reads one table.

    Raises:
        Unreadable: If it is not understood.
    """
    first = _first(grid, context.part)
    roles = named_after_path(_roles(grid, first, context, given), context.path)
    if roles.orientation == "result_table":
        from loaders.reading.results import result_readings

        return result_readings(grid, roles, first, context)
    if roles.orientation == "features_in_rows":
        from loaders.reading.matrix import MatrixReading

        return [MatrixReading(grid, roles, first, context)]
    if roles.orientation == "samples_in_rows":
        from loaders.reading.transposed import TransposedReading

        return [TransposedReading(grid, roles, context)]
    from loaders.reading.long import LongReading

    return [LongReading(grid, roles, context)]


def _roles(
    grid: Grid, first: pa.Table, context: Context, given: Mapping[str, object] | None
) -> Roles:
    from loaders.formats import statistics

    if given is not None:
        return mapping.roles_from(given, grid.header, place=context.part)
    sample = voting.sample_rows(first, len(grid.header))
    preamble: Sequence[Sequence[str]] = [*grid.preamble, *grid.label_rows]
    known = layouts.recognise(grid.header, sample, preamble)
    known = known or statistics.recognise(grid.header, sample)
    if known is not None:
        return known
    return voting.vote(grid, sample, n_rows=first.num_rows, place=context.part)


def _first(grid: Grid, part: str) -> pa.Table:
    """Returns the first batch of the table.

    Raises:
        Unreadable: If there is no row below the header.
    """
    from loaders.reading.top import header_only

    log = RaggedLog()
    for table in grid.rows(log):
        if table.num_rows:
            return table
    raise header_only(grid.first_row - 1, grid.header, part)


@cache
def _known_formats() -> tuple[tuple[str, re.Pattern[str], bool], ...]:
    return tuple(
        (entry["name"], re.compile(entry.get("start") or entry["line"]), "line" in entry)
        for entry in vocabulary.load("refused")["formats"]
    )


def refuse_known_format(head: str, part: str) -> None:
    """Refuses text formats that are known and that this reader does not read.

    Raises:
        Unreadable: If the text is in such a format.
    """
    beginning = head[:20_000].lstrip("\ufeff")
    lines = beginning.splitlines()[:200]
    for name, pattern, by_line in _known_formats():
        hit = any(map(pattern.match, lines)) if by_line else pattern.match(beginning) is not None
        if hit:
            raise Unreadable(
                "format_not_readable_yet",
                place=part or "line 1",
                seen=f"a file in the format {name}",
                expected="delimited text or an Excel workbook",
                question=f"Can the data be exported from {name} as delimited text?",
                nearest_format=name,
            )
