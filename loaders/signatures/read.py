"""Reads one signature file: ``read_file`` is the way in, ``recognise`` looks at first lines."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import cast

from loaders.model import ReadOptions, SourceFile, TablesReading, Unreadable
from loaders.reading import dialect as dialects
from loaders.reading import opening
from loaders.reading.opening import Member
from loaders.signatures import component_table, gene_sets, msigdb, words
from loaders.signatures.model import Definitions
from loaders.signatures.reading import SignaturesReading
from loaders.vocabulary import normalise

Line = tuple[int, list[str]]

#: What is looked at to tell whose a file is.
_HEAD_BYTES = 64 * 1024
#: Sheets and members that hold no table are left out where others do.
_NOT_DATA = frozenset({"empty_file", "header_only", "no_components", "not_a_signature"})


def read_file(source: SourceFile, *, options: ReadOptions) -> list[TablesReading]:
    """Reads a file.

    Returns:
        One reading per sheet or member with signatures, at least one.

    Raises:
        Unreadable: If there are none, or they are not understood.
    """
    found: list[TablesReading] = []
    refusals: list[Unreadable] = []
    members = opening.open_members(source.local, max_unpacked_bytes=options.max_unpacked_bytes)
    for member in members:
        if isinstance(member, Unreadable):
            refusals.append(member)
            continue
        for made in _definitions(member, _stem(source.path)):
            if isinstance(made, Unreadable):
                refusals.append(made)
                continue
            try:
                found.append(SignaturesReading(made, reject_limit=options.reject_limit))
            except Unreadable as refusal:
                refusals.append(refusal)
    serious = [refusal for refusal in refusals if refusal.reason_code not in _NOT_DATA]
    if serious or not found:
        raise (serious or refusals)[0]
    return found


def recognise(source: SourceFile, options: ReadOptions) -> str | None:
    """Returns why a file is surely one of signatures, else None; looks at its beginning only."""
    with source.local.open("rb") as stream:
        first = stream.read(_HEAD_BYTES)
    if first.startswith(b"PK\x03\x04"):
        return _recognise_workbook(source)
    if first.startswith(b"\x1f\x8b"):
        with gzip.open(source.local) as stream:
            first = stream.read(_HEAD_BYTES)
    head = first.decode("utf-8-sig", errors="replace")
    if msigdb.looks_like_xml(head):
        return "XML of MSigDB"
    if msigdb.looks_like_json(head):
        return "JSON of MSigDB"
    complete = len(first) < _HEAD_BYTES
    lines = _cut(head if complete else head.rpartition("\n")[0], _fields_above(head)[1])
    header = component_table.header_index(lines[:1])
    if header is not None and _is_telling(lines[0][1]):
        return f"columns {', '.join(cell.strip() for cell in lines[0][1])}"
    if header is None and gene_sets.is_gmt(lines):
        return "one set of molecules per line"
    return None


def _is_telling(header: Sequence[str]) -> bool:
    """Whether a header can be of nothing but signatures: no statistics or samples beside it."""
    roles = words.roles_of(header)
    named = [cell for cell in header if cell.strip()]
    others = [
        cell for index, cell in enumerate(header)
        if cell.strip() and index not in roles.values() and words.field_of(cell) is None
    ]  # fmt: skip
    signed = "direction" in roles or "weight" in roles
    return not others and signed and "feature" in roles and ("set" in roles or len(named) >= 3)


def _recognise_workbook(source: SourceFile) -> str | None:
    try:
        with zipfile.ZipFile(source.local) as archive:
            listed = archive.read("xl/workbook.xml").decode("utf-8", errors="replace")
    except (KeyError, zipfile.BadZipFile, OSError):
        return None
    sheets = re.findall(r'<sheet [^>]*?name="([^"]*)"', listed)
    told = [name for name in sheets if normalise(name) == "signatures"]
    return f"a sheet named {told[0]!r}" if told and len(sheets) > 1 else None


def _definitions(member: Member, stem: str) -> Iterator[Definitions | Unreadable]:
    if member.kind == "workbook":
        yield from _workbook(member, stem)
        return
    text = cast(opening.TextSource, member.text).utf8().read().decode("utf-8", errors="replace")
    name = _stem(member.part.partition("=")[2]) if member.part else stem
    try:
        yield _text(text, part=member.part, name=name)
    except Unreadable as refusal:
        yield refusal


def _text(text: str, *, part: str, name: str) -> Definitions:
    if msigdb.looks_like_xml(text):
        return msigdb.read_xml(text, part=part)
    if msigdb.is_json(text):
        return msigdb.read_json(text, part=part, name=name)
    fields, above = _fields_above(text)
    lines = _cut(text, above)
    title = fields.pop("name", name)
    header = component_table.header_index(lines)
    if header is not None:
        comma = ";" in text.split("\n", 1)[0] and _has_decimal_comma(lines, header)
        return component_table.read_table(
            lines, header, part=part, name=title, fields=fields, decimal_comma=comma
        )
    return _sets(lines, part=part, name=title)


def _sets(lines: list[Line], *, part: str, name: str) -> Definitions:
    """Reads what has no header of components: a list, or sets in lines or columns."""
    filled = [(row, cells) for row, cells in lines if any(cell.strip() for cell in cells)]
    if not filled:
        raise _not_a_signature(part, "no lines")
    if all(len([cell for cell in cells if cell.strip()]) <= 1 for _, cells in filled):
        return gene_sets.read_list(filled, part=part, name=name)
    # The line of descriptions may be blank.
    since = lines[lines.index(filled[0]) : lines.index(filled[-1]) + 1]
    if gene_sets.is_two_ways(filled):
        return gene_sets.read_two_ways(filled, part=part, name=name)
    if gene_sets.is_weights(filled):
        return gene_sets.read_weights(filled, part=part)
    if gene_sets.is_table(filled):
        raise _not_a_signature(part, f"columns {', '.join(c.strip() for c in filled[0][1])}")
    if gene_sets.is_gmx(since):
        return gene_sets.read_gmx(since, part=part)
    if any(len(cells) >= 3 for _, cells in filled):
        return gene_sets.read_gmt(filled, part=part)
    raise _not_a_signature(part, f"columns {', '.join(cell.strip() for cell in filled[0][1])}")


def _workbook(member: Member, stem: str) -> Iterator[Definitions | Unreadable]:
    from loaders.reading.excel import sheets

    described: dict[str, dict[str, str]] = {}
    tables: list[tuple[str, list[Line]]] = []
    for part, opened in sheets(member):
        try:
            records = opened().records
        except Unreadable as refusal:
            yield refusal
            continue
        name = part.rpartition("=")[2]
        lines = [(row, cells) for row, cells in enumerate(records, start=1) if any(cells)]
        if normalise(name) in words.load()["description_sheets"] and (
            component_table.header_index(lines[:1]) is None or len(tables) or not lines
        ):
            described |= component_table.read_descriptions(lines)
        elif lines:
            tables.append((part, lines))
    for part, lines in tables:
        sheet = part.rpartition("=")[2]
        unnamed = normalise(sheet) in words.load()["unnamed_sheets"]
        named = stem if unnamed else sheet
        if unnamed and len(described) == 1 and len(tables) == 1:
            named = next(iter(described))
        try:
            header = component_table.header_index(lines)
            made = (
                _sets(lines, part=part, name=named)
                if header is None
                else component_table.read_table(lines, header, part=part, name=named, fields={})
            )
        except Unreadable as refusal:
            yield refusal
            continue
        yield _with_descriptions(made, described)
    if not tables:
        yield _not_a_signature(member.part, "no sheet with components")


def _with_descriptions(made: Definitions, described: dict[str, dict[str, str]]) -> Definitions:
    from dataclasses import replace

    folded = {normalise(name): said for name, said in described.items()}
    return replace(
        made,
        definitions=tuple(
            replace(d, fields={**d.fields, **folded.get(normalise(d.name), {})})
            for d in made.definitions
        ),
    )


def _cut(text: str, above: int) -> list[Line]:
    """Cuts a text into numbered records, without the lines of ``above``."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    below = lines[above:]
    if any("\t" in line for line in below[:50]):
        # Names hold commas and quotation marks; tabs they do not.
        quoted = all(line.startswith('"') for line in below[:20] if line.strip())
        if not quoted:
            return [(above + i, line.split("\t")) for i, line in enumerate(below, start=1)]
    found = dialects.sniff([f"{line}\n" for line in below[:200]])
    if found is None:
        return [(above + i, [line]) for i, line in enumerate(below, start=1)]
    cut = dialects.records([f"{line}\n" for line in below], found)
    return [(above + row, list(cells)) for row, cells in cut]


def _fields_above(text: str) -> tuple[dict[str, str], int]:
    """Returns what lines ``# word: text`` at the top say, and how many such lines there are."""
    fields: dict[str, str] = {}
    count = 0
    for line in re.split(r"\r\n|\r|\n", text[:_HEAD_BYTES]):
        if not line.startswith("#"):
            break
        count += 1
        word, colon, said = line.lstrip("#").partition(":")
        field = words.field_of(word) if colon else None
        if field is not None and said.strip():
            fields.setdefault(field, said.strip())
    return fields, count


def _has_decimal_comma(lines: Sequence[Line], header: int) -> bool:
    column = words.roles_of(lines[header][1]).get("weight")
    if column is None:
        return False
    cells = [cells[column] for _, cells in lines[header + 1 :] if column < len(cells)]
    return any("," in cell for cell in cells) and not any("." in cell for cell in cells)


def _stem(path: str) -> str:
    """Returns the file name without folder, packing and extension.

    >>> _stem("/data/statin response.v2.csv.gz")
    'statin response.v2'
    """
    name = PurePosixPath(path.replace("\\", "/")).name
    name = re.sub(r"\.(gz|bz2|xz|zip)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"\.[A-Za-z]{2,5}$", "", name) or name


def _not_a_signature(part: str, seen: str) -> Unreadable:
    return Unreadable(
        "not_a_signature",
        place=part or "first lines",
        seen=seen,
        expected="a list of names, sets as GMT or GMX, or a table with a column for the feature "
        "and one for direction, weight or signature",
        question="Which column names the feature, and which the direction?",
    )
