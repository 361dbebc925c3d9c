"""What a format module offers, and what it is given.

Most formats are a header and rows below it: those are described as data (``layouts.yml``,
``statistics.yml``) and need no code. A format with another structure (blocks, several tables, no
header, binary content) has a module with one or more `Format` objects in ``FORMATS``. The module is
named once, in `loaders.formats.registry`.

A format is asked twice: `Format.sniff` looks at the beginning of a file and says how sure it is,
and by what; the surest one then reads, by `Format.read`. Neither sees the name of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from loaders.model import DatasetReading, ReadOptions
from loaders.reading import dialect as dialects

if TYPE_CHECKING:
    from loaders.reading.describe import Context
    from loaders.reading.opening import TextSource

#: Characters of a text that a format may look at before it claims it.
HEAD_CHARACTERS = 64 * 1024
#: Lines, or rows of a sheet, that a format may look at.
HEAD_LINES = 200

#: A format that is less sure than this does not claim a file.
LEAST_CONFIDENCE = 0.5

#: How the files of a run are found; one sentence for the pages.
GROUP_RULE = (
    "the files of a folder, or files of one name in neighbouring folders, are one dataset, if they "
    "name the same features"
)


@dataclass(frozen=True)
class Sniff:
    """How sure a format is that a file is one of its own, and what it saw.

    Attributes:
        confidence: 0 to 1. 1: a mark that nothing else bears (a magic number, a section name);
            0.9: several columns that only this tool writes; 0.5: fits, and other formats may too.
        evidence: What was seen, as a sentence for people.
    """

    confidence: float
    evidence: str


@dataclass(frozen=True)
class Head:
    """The beginning of one readable thing: a file, a member of an archive or a sheet.

    Attributes:
        kind: ``text``, ``sheet`` (of a workbook) or ``binary``.
        first: First bytes, unpacked (binary).
        text: Beginning of the text, decoded; lines may end in LF, CRLF or CR (text).
        cells: First rows of the sheet, each cell as text (sheet).
    """

    kind: Literal["text", "sheet", "binary"]
    first: bytes = b""
    text: str = ""
    cells: tuple[tuple[str, ...], ...] = ()

    def may_hold(self, *marks: str) -> bool:
        """False where no line holds any of the marks: one search, not one for each line."""
        return self.kind == "sheet" or any(mark in self.text for mark in marks)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """First lines without their ends; of a sheet, the rows with tabs between cells."""
        if self.kind == "sheet":
            return tuple("\t".join(row) for row in self.cells)
        found = dialects.first_lines(self.text, limit=HEAD_LINES)
        if len(self.text) >= HEAD_CHARACTERS and len(found) > 1 and len(found) < HEAD_LINES:
            found.pop()  # cut off in the middle
        return tuple(line.rstrip("\r\n") for line in found)

    @cached_property
    def records(self) -> tuple[tuple[str, ...], ...]:
        """First rows as cells, trimmed; a text is cut at the delimiter that fits it best."""
        if self.kind == "sheet":
            return tuple(tuple(cell.strip() for cell in row) for row in self.cells)
        lines = [line + "\n" for line in self.lines]
        found = dialects.sniff(lines)
        if found is None:
            return tuple((line.strip(),) for line in self.lines)
        cut = dialects.records(lines, found)
        return tuple(tuple(cell.strip() for cell in record) for _, record in cut)


@dataclass(frozen=True)
class Content:
    """One readable thing as a whole; exactly one of ``text``, ``cells`` and ``binary`` is set.

    Attributes:
        head: Its beginning.
        text: The text, opened as often as needed.
        cells: All rows of the sheet; ``cells[0]`` is row 1.
        binary: The bytes: the path of a real file, or in memory where they were packed.
        members: Other files that belong to it, by path: the lists beside a sparse matrix.
    """

    head: Head
    text: TextSource | None = None
    cells: Sequence[Sequence[str]] | None = None
    binary: Path | bytes | None = None
    members: Mapping[str, Content] = field(default_factory=dict)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yields line number (from 1) and line, without its end; of a sheet, tabs join cells."""
        if self.cells is not None:
            for number, row in enumerate(self.cells, start=1):
                yield number, "\t".join(row)
            return
        if self.text is None:
            return
        with self.text.lines() as lines:
            for number, line in enumerate(lines, start=1):
                yield number, line.rstrip("\r\n")

    def records(
        self, *, delimiter: str = "\t", quoted: bool = False, limit: int | None = None
    ) -> Iterator[tuple[int, list[str]]]:
        """Yields line number (from 1) and cells, as they stand.

        Args:
            delimiter: What parts the cells of a text.
            quoted: Whether cells of a text may stand in quotation marks, as RFC 4180 has it.
            limit: Number of records after which to stop.
        """
        yield from islice(self._records(delimiter, quoted), limit)

    def _records(self, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
        import csv

        if self.cells is not None:
            for number, row in enumerate(self.cells, start=1):
                yield number, list(row)
            return
        if self.text is None:
            return
        with self.text.lines() as lines:
            if not quoted:
                for number, line in enumerate(lines, start=1):
                    yield number, line.rstrip("\r\n").split(delimiter)
                return
            csv.field_size_limit(2**31 - 1)
            reader = csv.reader(lines, delimiter=delimiter)
            begin = 1
            for record in reader:
                yield begin, record
                begin = reader.line_num + 1


@dataclass(frozen=True)
class Quantity:
    """A quantity that a format holds; the first one listed is the preferred one."""

    name: str
    columns: str
    note: str = ""


@dataclass(frozen=True)
class About:
    """What people read of a format: ``omics formats`` and ``docs/formats/`` are made of this.

    Attributes:
        name: Name of the format, as it stands in ``datasets.file_format``.
        holds: One sentence: what a file of this format is.
        recognised_by: What tells it from others; never a file name.
        software: The tool that writes it, if there is one.
        omics_types: Omics types it implies; empty where the content decides.
        shape: matrix, result table, or both.
        orientation: How it is laid out, in a few words.
        feature: What one feature is and which columns name it.
        assay: What one assay is and what names it.
        quantities: In order of preference; each becomes a dataset of its own.
        zeros: What 0 means and why.
        missing: Spellings of missing beside the general ones.
        flags: How contaminants, decoys and standards are told.
        skipped: Rows that are left out and counted, by rule.
        not_samples: Columns that look like samples and are none.
        notes: What else a reader of the data should know.
        sources: Documents the rules come from.
        group: For formats with one file per sample: how the files of a run are found.
    """

    name: str
    holds: str
    recognised_by: str
    software: str | None = None
    omics_types: tuple[str, ...] = ()
    shape: str = "matrix"
    orientation: str = "features in rows"
    feature: str = ""
    assay: str = ""
    quantities: tuple[Quantity, ...] = ()
    zeros: str = ""
    missing: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    not_samples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    group: str = ""


class Format(Protocol):
    """One format. Objects are made once per process and hold no state of a file."""

    @property
    def about(self) -> About:
        """What people read of it."""

    def sniff(self, head: Head) -> Sniff | None:
        """Says how sure it is that this is one of its files; None if it is not. Cheap and pure."""

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the datasets of a file that it claimed.

        Args:
            content: The file.
            context: Part, declared omics type, reject limit and path (to name an assay after a
                folder where the file cannot).
            options: Limits, and what the user declared.

        Returns:
            One reading per dataset. Rows are read when a reading's ``batches`` is consumed.

        Raises:
            Unreadable: If the file is not understood; never for a defect of the reader.
        """
