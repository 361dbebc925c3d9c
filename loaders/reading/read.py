"""Reads one file into datasets: `read_file` is the way in.

The order is: unpack and decode, ask the formats with a structure of their own, cut into cells,
find the header, ask the known layouts, ask the result tables, vote. What is not understood is
refused with `Unreadable`, never guessed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from loaders import vocabulary
from loaders.formats import layouts, registry
from loaders.formats.protocol import HEAD_CHARACTERS, HEAD_LINES, Content, Head
from loaders.model import OMICS_TYPES, DatasetReading, ReadOptions, Roles, SourceFile, Unreadable
from loaders.reading import grid as grids
from loaders.reading import mapping, opening, plain, study, voting
from loaders.reading.describe import Context, fingerprint, named_after_path, stub_of
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.opening import Member
from loaders.reading.top import NoHeader

if TYPE_CHECKING:
    import pyarrow as pa

#: Changes whenever the same file may be read differently.
READER_VERSION = "4"

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
    if source.members:
        from loaders.reading.together import read_together

        return read_together(source, declared_omics_type=declared_omics_type, options=options)
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
        raise _most_telling(refusals)
    for reading in found:
        note(reading, "not_read", {r.place: r.reason_code for r in refusals})
    return found


def warm_up() -> None:
    """Reads a small table, so that word lists are loaded and patterns compiled: 0.4 s."""
    table = "Lipid Species,S1,S2\n" + "".join(f"PC {n}:1,{n}.5,2.5\n" for n in range(30, 60))
    text = opening.TextSource(lambda: io.BytesIO(table.encode()), "utf-8", 0, table, True, False)
    for reading in _member(Member("", "text", text=text), None, ReadOptions(), ""):
        for _ in reading.batches():
            pass


def _most_telling(refusals: Sequence[Unreadable]) -> Unreadable:
    """Returns the refusal of the part that comes nearest to a table of results."""
    order = ("undecided_roles", "no_header", "no_quantities", "header_only")
    ranked = {code: at for at, code in enumerate(order)}
    return min(refusals, key=lambda refusal: ranked.get(refusal.reason_code, len(order)))


def note(reading: Any, key: str, said: Mapping[str, object]) -> None:
    """Adds to the evidence of a reading, where there is something to say."""
    if said:
        evidence = {**reading.header.role_evidence, key: dict(said)}
        reading.header = replace(reading.header, role_evidence=evidence)


def _member(
    member: Member, declared: str | None, options: ReadOptions, path: str
) -> list[DatasetReading]:
    context = Context(member.part, declared, options.reject_limit, path)
    if member.kind == "workbook":
        from loaders.reading.excel import sheets

        return _sheets(sheets(member), declared, options, path)
    if member.kind == "binary":
        return _binary(member, context, options)
    text = cast(opening.TextSource, member.text)
    head = Head("text", text=text.head[:HEAD_CHARACTERS])
    claimed = _claimed(Content(head, text=text), context, options)
    if claimed is not None:
        return claimed
    refuse_known_format(text.head, member.part)
    try:
        grid = grids.from_text(text, part=member.part)
    except NoHeader as refusal:
        # A known tool that writes no header has a truer reason.
        layouts.recognise(refusal.records[0], refusal.records[1:], [])
        raise
    return read_grid(grid, context, options)


def _claimed(
    content: Content, context: Context, options: ReadOptions
) -> list[DatasetReading] | None:
    """Lets the format that claims the content read it; None if none does.

    Roles of columns that the user gives stand above any format.
    """
    if content.binary is None and options.mapping is not None and "columns" in options.mapping:
        return None
    if (
        context.declared is None
        and options.mapping is not None
        and "columns" not in options.mapping
    ):
        declared = options.mapping.get("omics_type")
        context = replace(context, declared=str(declared) if declared in OMICS_TYPES else None)
    claimed = registry.claim(content.head)
    if claimed is None:
        return None
    found, said = claimed
    readings = found.read(content, context, options)
    for reading in readings:
        note(reading, "recognised_by", {"evidence": said.evidence, "confidence": said.confidence})
    return readings


def read_matrix_parts(
    source: SourceFile, declared: str | None, options: ReadOptions
) -> list[DatasetReading] | None:
    """Reads the files of a sparse matrix; None for a group that is no such matrix.

    Raises:
        Unreadable: If a file is damaged or does not fit the others.
    """
    held: dict[str, Content] = {}
    matrix: Content | None = None
    for member in source.members[:4]:
        opened = opening.open_members(member.local, max_unpacked_bytes=options.max_unpacked_bytes)
        text = next((m.text for m in opened if isinstance(m, Member)), None)
        if text is None:
            return None
        content = Content(Head("text", text=text.head[:HEAD_CHARACTERS]), text=text)
        if text.head.startswith("%%MatrixMarket"):
            matrix = content
        else:
            held[member.path] = content
    if matrix is None:
        return None
    context = Context("", declared, options.reject_limit, source.path)
    return _claimed(replace(matrix, members=held), context, options)


def _binary(member: Member, context: Context, options: ReadOptions) -> list[DatasetReading]:
    head = Head("binary", first=member.first)
    claimed = _claimed(Content(head, binary=member.binary), context, options)
    if claimed is not None:
        return claimed
    raise opening.not_text(member)


def _sheets(
    found: Any, declared: str | None, options: ReadOptions, path: str
) -> list[DatasetReading]:
    readings: list[DatasetReading] = []
    refusals: list[Unreadable] = []
    read: list[tuple[str, Any]] = []
    copies: dict[str, str] = {}
    for part, made in found:
        try:
            sheet = made()
            original = next((name for name, held in read if held == sheet.records), None)
            if original is not None:
                # Some tools write a table twice; as two datasets it would count twice.
                copies[part] = f"the same as {original}"
                continue
            read.append((part, sheet.records))
            context = Context(part, declared, options.reject_limit, path)
            head = Head("sheet", cells=tuple(map(tuple, sheet.records[:HEAD_LINES])))
            claimed = _claimed(Content(head, cells=sheet.records), context, options)
            if claimed is None:
                claimed = read_grid(sheet.grid(part), context, options)
            readings += claimed
        except Unreadable as refusal:
            refusals.append(refusal)
    serious = [refusal for refusal in refusals if refusal.reason_code not in _NOT_DATA]
    if serious:
        raise serious[0]
    if not readings and not refusals:
        # Damage can leave a workbook that opens and lists no sheet.
        raise Unreadable(
            "empty_file",
            place="workbook",
            seen="no sheet",
            expected="a workbook with a sheet of results",
        )
    if not readings:
        raise _most_telling(refusals)
    for reading in readings:
        note(reading, "sheets_not_read", {r.place: r.reason_code for r in refusals} | copies)
    return readings


def read_grid(
    grid: Grid, context: Context, options: ReadOptions | None = None
) -> list[DatasetReading]:
    """Reads one table.

    Raises:
        Unreadable: If it is not understood.
    """
    first = _first(grid, context.part)
    found: list[DatasetReading] = []
    chosen = options or ReadOptions(context.reject_limit)
    several = _roles(grid, first, context, chosen)
    if several[0].orientation == "long":
        from loaders.reading.long import long_readings

        return long_readings(grid, [(roles, context) for roles in several])
    for at, roles in enumerate(several):
        roles = named_after_path(roles, context.path)
        roles, facts = study.checked(roles, grid, context.path)
        # The preferred quantity keeps the name of the file or sheet; the others are parts of it.
        place = with_part(context, f"quantity={roles.quantity}") if at else context
        readings = read_roles(grid, roles, first, place)
        found += [study.described(reading, facts) for reading in readings] if facts else readings
    return found


def with_part(context: Context, name: str) -> Context:
    """Returns the context of a dataset inside a file or sheet.

    >>> with_part(Context("sheet=A", None, 0.05), "quantity=iBAQ").part
    'sheet=A/quantity=iBAQ'
    """
    return replace(context, part=f"{context.part}/{name}" if context.part else name)


def read_roles(grid: Grid, roles: Roles, first: pa.Table, context: Context) -> list[DatasetReading]:
    """Reads a table whose columns are understood.

    Raises:
        Unreadable: If its omics type or decimal mark is undecided.
    """
    if roles.orientation == "result_table":
        from loaders.reading.results import result_readings

        return result_readings(grid, roles, first, context)
    if roles.orientation == "features_in_rows":
        from loaders.reading.matrix import MatrixReading

        return [MatrixReading(grid, roles, first, context)]
    if roles.orientation == "samples_in_rows":
        from loaders.reading.transposed import TransposedReading

        return [TransposedReading(grid, roles, context)]
    from loaders.reading.long import long_readings

    return long_readings(grid, [(roles, context)])


def _roles(grid: Grid, first: pa.Table, context: Context, options: ReadOptions) -> list[Roles]:
    """Decides the roles, one entry for each quantity: by a mapping, the layouts, the vote.

    Raises:
        Unreadable: If they are undecided; it then says which known format comes nearest.
    """
    from loaders.reading import kinds

    given = options.mapping
    if given is not None and "columns" in given and mapping.is_for(given, context.part):
        roles = mapping.roles_from(given, grid.header, place=context.part)
        return [mapping.with_kind(roles, given, grid.header)]
    sample = voting.sample_rows(first, len(grid.header))
    match = None
    if options.remembered:
        signature = fingerprint(grid.header)
        match = kinds.find(grid.header, sample, options.remembered, signature)
    if match is not None and match.exact:
        return [mapping.from_match(match, grid.header, place=context.part)]
    try:
        if known := _known_roles(grid, sample):
            return known
        if match is None:
            voted = voting.vote(grid, sample, n_rows=first.num_rows, place=context.part)
            return [plain.named(grid, voted, sample)]
    except Unreadable as refusal:
        if match is None:
            raise _with_nearest(refusal, grid, sample, context, options) from None
    return [mapping.from_match(match, grid.header, place=context.part)]


def _known_roles(grid: Grid, sample: Sequence[Sequence[str]]) -> list[Roles]:
    from loaders.formats import statistics

    known = layouts.recognise_all(grid.header, sample, [*grid.preamble, *grid.label_rows])
    if known:
        return list(known)
    results = statistics.recognise(grid.header, sample)
    return [] if results is None else [results]


def _with_nearest(
    refusal: Unreadable,
    grid: Grid,
    sample: Sequence[Sequence[str]],
    context: Context,
    options: ReadOptions,
) -> Unreadable:
    """Adds the nearest known format, and its roles where they are better than none."""
    from loaders.reading import nearest

    if refusal.nearest_format is not None:
        return refusal
    near = nearest.nearest(grid.header, sample, options.remembered)
    if near is None:
        return refusal
    refusal.nearest_format, refusal.differs = near.name, near.differs
    preamble = [*grid.preamble, *grid.label_rows]
    roles = nearest.proposal(near, grid.header, sample, preamble)
    if roles is not None and roles.orientation in mapping.ORIENTATIONS:
        refusal.mapping_stub = stub_of(grid, roles, part=context.part)
    return refusal


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
    lines: list[str] = []
    for name, pattern, by_line in _known_formats():
        if by_line:
            lines = lines or beginning.splitlines()[:200]
            hit = any(map(pattern.match, lines))
        else:
            hit = pattern.match(beginning) is not None
        if hit:
            raise Unreadable(
                "format_not_readable_yet",
                place=part or "line 1",
                seen=f"a file in the format {name}",
                expected="delimited text or an Excel workbook",
                question=f"Can the data be exported from {name} as delimited text?",
                nearest_format=name,
            )
