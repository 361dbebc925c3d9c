"""The records of a reference table, whatever holds them: as Arrow tables of text.

Text tables are cut as every other text table is. Files without header, lists of pairs, SDF and XML
are turned into the same kind of table here, as streams: their size does not show in memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any, BinaryIO

from loaders import vocabulary
from loaders.features import layouts
from loaders.features.layouts import Layout
from loaders.model import Unreadable
from loaders.reading import dialect as dialects
from loaders.reading import grid as grids
from loaders.reading.dialect import Dialect
from loaders.reading.grid import RaggedLog
from loaders.reading.opening import TextSource

if TYPE_CHECKING:
    import pyarrow as pa

#: Records of SDF and XML that become one table.
RECORDS_PER_BATCH = 2_000
LINES_PER_BATCH = 50_000

_CHUNK = 1024**2
_LONGEST_RECORD = 64 * 1024**2

#: The header stands within this many rows.
_HEADING = 40

_SDF_TAG = re.compile(r"^>.*?<([^>]+)>")
_XML_TAG = re.compile(r"<([A-Za-z_][\w.-]*)[\s/>]")


@dataclass(frozen=True)
class Records:
    """A table of text and what it is.

    Attributes:
        layout: What the columns mean.
        header: Columns of the tables that ``rows`` yields, before ``row_number``.
        rows: Yields the records, and logs those of another width.
        head: First part of the text, where a heading may name the release.
        evidence: How it was read, JSON-able.
    """

    layout: Layout
    header: tuple[str, ...]
    rows: Callable[[RaggedLog], Iterator[pa.Table]]
    head: str
    evidence: dict[str, Any] = field(default_factory=dict)


def from_text(text: TextSource, *, part: str) -> Records:
    """Finds out which reference a text is, and how its records are reached.

    Raises:
        Unreadable: If it is none that is known.
    """
    head = text.head[:20_000]
    if text.head.lstrip("\ufeff \t\r\n").startswith("<"):
        return _from_xml(text, part)
    if re.search(r"(?m)^\$\$\$\$|^>.*<[^>\n]+>\s*$", text.head) and "M  END" in text.head:
        return _from_sdf(text, part)
    layout = layouts.by_start(text.head)
    if layout is not None and layout.container == "pairs":
        return Records(layout, tuple(layout.spec["columns"]), _pairs(text, layout), head)
    if layout is not None:
        header = tuple(layout.spec.get("columns", ("id", "type", "value")))
        width = max(len(header), text.head.split("\n", 1)[0].count("\t") + 1)
        tabs = Dialect("\t", False, width, 1.0)
        return Records(layout, header, grids.rows_of_text(text, tabs, width, 0, 1), head)
    return _from_table(text, part)


def _from_table(text: TextSource, part: str) -> Records:
    """Finds the header among the first lines: the first one that a layout knows."""
    lines = dialects.first_lines(text.head)
    found = dialects.sniff(lines)
    if found is None:
        raise unknown([line.strip() for line in lines[:1]], part)
    # Tools that part cells by commas quote them (RFC 4180), perhaps far below these lines; those
    # that use tabs write quotation marks as they are, and at most put some around whole cells.
    quoted = found.delimiter != "\t" and text.has_quotes
    dialect = Dialect(found.delimiter, quoted, found.width, found.consistency)
    ends = list(accumulate(len(line) for line in lines))
    cut = [
        (end, [cell.strip().strip('"') for cell in record])
        for end, record in dialects.records(lines, dialect)
    ]
    at, layout = _header_among([record for _, record in cut])
    if layout is None:
        shown = next((record for _, record in cut if len(record) > 1), [])
        raise unknown(shown, part)
    header = _header(cut[at][1])
    line = cut[at][0]
    width = max(len(header), found.width)
    header += ("",) * (width - len(header))
    heading = "\n".join(text.strip("#! \r\n") for text in lines[: line - 1])
    return Records(
        layout,
        header,
        grids.rows_of_text(text, dialect, width, ends[line - 1], line + 1),
        heading,
        {"delimiter": dialect.delimiter, "quoted": quoted, "encoding": text.encoding},
    )


def from_records(rows: Sequence[Sequence[str]], *, part: str, evidence: dict[str, Any]) -> Records:
    """Finds out which reference a sheet is.

    Raises:
        Unreadable: If it is none that is known.
    """
    at, layout = _header_among(rows[:_HEADING])
    if layout is None:
        raise unknown(next((row for row in rows if len(list(filter(None, row))) > 1), []), part)
    header = _header(rows[at])
    heading = "\n".join(" ".join(row) for row in rows[:at])
    below = grids.rows_of_records(rows, len(header), at + 1)
    return Records(layout, header, below, heading, dict(evidence))


def _header_among(rows: Sequence[Sequence[str]]) -> tuple[int, Layout | None]:
    for at, row in enumerate(rows[:_HEADING]):
        if len(row) > 1 and (layout := layouts.by_header(_header(row), "table")) is not None:
            return at, layout
    return 0, None


def _header(cells: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of columns; some tools write the header itself as a comment."""
    named = [cell.strip().strip("\ufeff") for cell in cells]
    return (named[0].lstrip("#").strip(), *named[1:]) if named else ()


def unknown(header: Sequence[str], part: str) -> Unreadable:
    """Returns the refusal of a table that is no known reference."""
    shown = ", ".join(cell for cell in header[:8] if cell)
    return Unreadable(
        "unknown_reference",
        place=part or "header",
        seen=f"columns {shown or '(none)'}",
        expected="a download of HGNC, Ensembl BioMart, UniProt, cBioPortal, RefMet, LIPID MAPS, "
        "ChEBI or HMDB, or a sheet with the columns feature_type, id, name, synonyms, xrefs",
        question="Which column holds the identifier and which the name? Rename the columns to "
        "feature_type, id, name, synonyms, xrefs.",
        nearest_format=layouts.nearest(header),
    )


def _pairs(text: TextSource, layout: Layout) -> Callable[[RaggedLog], Iterator[pa.Table]]:
    row = re.compile(layout.spec["row"])

    def rows(log: RaggedLog) -> Iterator[pa.Table]:
        held: list[tuple[str, ...]] = []
        numbers: list[int] = []
        for number, line in _lines(text):
            found = row.match(line)
            if found is None:
                if line.strip():
                    log.single_cells += 1
                else:
                    log.blank += 1
                continue
            held.append(found.groups())
            numbers.append(number)
            if len(held) >= LINES_PER_BATCH:
                yield grids.table_of_rows(held, numbers, 2)
                held, numbers = [], []
        if held:
            yield grids.table_of_rows(held, numbers, 2)

    return rows


def _from_sdf(text: TextSource, part: str) -> Records:
    tags = {match.group(1) for line in text.head.splitlines() if (match := _SDF_TAG.match(line))}
    layout = layouts.by_header(sorted(tags), "sdf")
    if layout is None:
        raise unknown(sorted(tags), part)
    header = tuple(sorted(layout.words()))
    places = {word: at for at, word in enumerate(header)}

    def rows(log: RaggedLog) -> Iterator[pa.Table]:
        yield from _batched(_sdf_records(text, places), len(header))

    return Records(layout, header, rows, "")


def _sdf_records(text: TextSource, places: dict[str, int]) -> Iterator[tuple[int, list[str]]]:
    """Yields line number and wanted tags of each record; the drawing above the tags is passed."""
    cells = [""] * len(places)
    at: int | None = None
    is_tag = False
    filled = False
    first = 1
    for number, line in _lines(text):
        if line.startswith("$$$$"):
            if filled:
                yield first, cells
            cells = [""] * len(places)
            at, is_tag, filled, first = None, False, False, number + 1
        elif line.startswith(">") and (found := _SDF_TAG.match(line)):
            at, is_tag = places.get(vocabulary.normalise(found.group(1))), True
        elif is_tag and not line.strip():
            at, is_tag = None, False
        elif at is not None:
            cells[at] = f"{cells[at]}\n{line}" if cells[at] else line
            filled = True
    if filled:
        yield first, cells


def _from_xml(text: TextSource, part: str) -> Records:
    tags = list(dict.fromkeys(_XML_TAG.findall(text.head)))
    layout = layouts.by_header(tags, "xml")
    if layout is None:
        raise unknown(tags, part)
    header = tuple(sorted(layout.words() | {vocabulary.normalise(str(layout.spec["version"]))}))
    places = {word: at for at, word in enumerate(header)}

    def rows(log: RaggedLog) -> Iterator[pa.Table]:
        with text.utf8() as stream:
            found = _xml_records(stream, layout, places, part)
            yield from _batched(found, len(header))

    return Records(layout, header, rows, "")


def _xml_records(
    stream: BinaryIO, layout: Layout, places: dict[str, int], part: str
) -> Iterator[tuple[int, list[str]]]:
    """Yields number and wanted children of each record, and forgets it before the next is read.

    The text is cut at the ends of records, and each is parsed by itself, without what the layout
    ignores: HMDB has hundreds of elements around each one that is wanted. An element of the same
    name inside a record is no end of it: what does not parse is lengthened to the next end.
    """
    # Expat refuses entities that unfold without end since 2.4, and none is declared in a record.
    import xml.etree.ElementTree as ET

    record = str(layout.spec["record"]).encode()
    opening, closing = re.compile(rb"<%b[\s>]" % record), b"</%b>" % record
    ignored = re.compile(rb"(?s)<(%b)>.*?</\1>" % "|".join(layout.spec.get("ignored", ())).encode())
    held = b""
    number = searched = 0
    while chunk := stream.read(_CHUNK):
        held += chunk
        while (end := held.find(closing, searched)) >= 0:
            end += len(closing)
            begin = opening.search(held)
            try:
                if begin is None:
                    raise ET.ParseError("the end of a record that did not begin")
                whole = held[begin.start() : end]
                try:
                    element = ET.fromstring(ignored.sub(b"", whole))  # noqa: S314 - see above
                except ET.ParseError:
                    element = ET.fromstring(whole)  # noqa: S314 - see above
            except ET.ParseError as error:
                if end - (begin.start() if begin else 0) > _LONGEST_RECORD:
                    raise _broken_xml(str(error), number, part) from error
                searched = end
                continue
            number += 1
            yield number, _children(element, places)
            held, searched = held[end:], 0
        searched = max(searched, len(held) - len(closing))
    if opening.search(held) or not re.search(rb"</[\w:.-]+>\s*$", held):
        raise _broken_xml("the last record has no end", number, part)


def _broken_xml(seen: str, number: int, part: str) -> Unreadable:
    return Unreadable(
        "broken_table",
        place=f"{part + ', ' if part else ''}record {number + 1}",
        seen=f"XML that breaks off: {seen}",
        expected="XML that is complete",
        question="Was the download complete?",
        rows_read=number,
    )


def _children(element: Any, places: dict[str, int]) -> list[str]:
    """Flattens a record: a list becomes lines, a group becomes ``group/name``."""
    cells = [""] * len(places)
    for child in element:
        name = _local_name(child.tag)
        if len(child) == 0:
            at = places.get(vocabulary.normalise(name))
            if at is not None and child.text:
                cells[at] = child.text.strip()
            continue
        at = places.get(vocabulary.normalise(name))
        if at is not None:
            cells[at] = "\n".join(
                text for leaf in child if (text := (leaf.text or "").strip().replace("\n", " "))
            )
            continue
        for leaf in child:
            at = places.get(vocabulary.normalise(f"{name}/{_local_name(leaf.tag)}"))
            if at is not None and leaf.text:
                cells[at] = leaf.text.strip()
    return cells


def _local_name(tag: str) -> str:
    return tag.rpartition("}")[2]


def _lines(text: TextSource) -> Iterator[tuple[int, str]]:
    """Yields lines with their numbers; CR, LF and CRLF all end one."""
    with io.TextIOWrapper(text.utf8(), encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, start=1):
            yield number, line.rstrip("\n")


def _batched(found: Iterator[tuple[int, list[str]]], width: int) -> Iterator[pa.Table]:
    held: list[list[str]] = []
    numbers: list[int] = []
    for number, cells in found:
        held.append(cells)
        numbers.append(number)
        if len(held) >= RECORDS_PER_BATCH:
            yield grids.table_of_rows(held, numbers, width)
            held, numbers = [], []
    if held:
        yield grids.table_of_rows(held, numbers, width)
