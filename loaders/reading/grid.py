"""A table of text: header, what stands around it, and the rows as Arrow tables of strings.

Columns are named ``c0`` ... ``cN`` and travel with an int64 ``row_number``: the number of the
record in the file, counted from 1, header and preamble included. Without line breaks inside quoted
cells that is the number of the line; a record with such a break counts as one.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from loaders.model import Unreadable
from loaders.reading import dialect as dialects
from loaders.reading import top as tops
from loaders.reading.dialect import Dialect
from loaders.reading.opening import TextSource

if TYPE_CHECKING:
    import pyarrow as pa

#: Bytes of text that become one batch.
BLOCK_BYTES = 1024**2
WIDE_BLOCK_BYTES = 8 * 1024**2

#: Texts up to this many characters are cut once and their rows are kept.
SMALL_TEXT = 2 * 1024**2

_TOP_RECORDS = 36
_SPLIT_TEXT = 256 * 1024
#: What ends a line for ``str.splitlines`` and not for a table.
_OTHER_LINE_ENDS = ("\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")


class Rows(Protocol):
    """Something that yields the rows below the heading, from the start, each time it is asked."""

    def __call__(self, log: RaggedLog) -> Iterator[pa.Table]:
        """Yields tables of text columns and ``row_number``; irregular records go to the log."""


@runtime_checkable
class _Narrowable(Protocol):
    """Rows that can leave columns out while they are cut."""

    def only(self, columns: Sequence[int]) -> Rows:
        """Returns the same rows with only these columns filled."""


@dataclass
class RaggedLog:
    """What became of records whose number of cells is not that of the header.

    Attributes:
        too_wide: Row number and text of records with more filled cells than there are columns.
        padded: Number of records with fewer cells, filled up with empty ones.
        single_cells: Number of records of one cell in a table of three columns or more: headings
            and footers, not data.
        blank: Number of records without any filled cell.
        cut: Row number and text of the last record, where the file ends within it.
    """

    too_wide: list[tuple[int, str]] = field(default_factory=list)
    padded: int = 0
    single_cells: int = 0
    blank: int = 0
    cut: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: RaggedLog) -> None:
        """Takes over what another log says."""
        self.too_wide += other.too_wide
        self.padded += other.padded
        self.single_cells += other.single_cells
        self.blank += other.blank
        self.cut += other.cut


@dataclass(frozen=True)
class Grid:
    """A table of text with its heading.

    Attributes:
        header: Trimmed column headers; the first is ``''`` where R left out the name of row names.
        preamble: Rows above the table.
        label_rows: Rows of labels above or below the header, each as wide as the header.
        labels_below: How many of them stand below the header.
        first_row: Row number of the first record of the data.
        rows: Gives the data.
        evidence: How the text was cut, JSON-able.
    """

    header: tuple[str, ...]
    preamble: tuple[tuple[str, ...], ...]
    label_rows: tuple[tuple[str, ...], ...]
    labels_below: int
    first_row: int
    rows: Rows
    evidence: dict[str, Any]

    def only(self, columns: Sequence[int]) -> Grid:
        """Returns the same table with only these columns filled; the others are null.

        Saves making columns that nobody reads; it changes nothing where rows are in memory.
        """
        if isinstance(self.rows, _Narrowable):
            return replace(self, rows=self.rows.only(columns))
        return self


def from_text(text: TextSource, *, part: str = "") -> Grid:
    """Cuts a text into a table.

    Raises:
        Unreadable: If there is no table in it, or no rows.
    """
    lines = dialects.first_lines(text.head)
    if not text.whole and len(lines) > 1 and sum(map(len, lines)) >= len(text.head):
        lines.pop()
    found = dialects.sniff(lines)
    if found is None:
        raise _no_table(lines, part)
    if not text.has_quotes:
        found = Dialect(found.delimiter, False, found.width, found.consistency)
    comments = _comment_lines(lines)
    lengths = [len(line) for line in lines]
    cut, top = _cut(lines[comments:], found, part)
    if top is None and comments:
        # Some tools write the header itself as a comment.
        comments -= 1
        lines[comments] = lines[comments].lstrip("#")
        cut, top = _cut(lines[comments:], found, part)
    if top is None:
        raise tops.no_header([record for _, record in cut], comments + 1, part)
    records = [record for _, record in cut]
    header = list(records[top.header])
    if top.short:
        header.insert(0, "")
    width = max(len(header), found.width if not top.short else len(header))
    header += [""] * (width - len(header))
    consumed_lines = comments + (cut[top.data - 1][0] if top.data else 0)
    consumed = sum(lengths[:consumed_lines])
    labels = _shifted(records, top, width)
    evidence: dict[str, Any] = {
        "delimiter": found.delimiter,
        "quoted": found.quoted,
        "consistency": found.consistency,
        "encoding": text.encoding,
    }
    if comments:
        evidence["comment_lines_above"] = comments
    if top.preamble:
        evidence["preamble_lines"] = len(top.preamble)
    if top.short:
        evidence["header_one_short"] = True
    below = sum(1 for index in top.labels if index > top.header)
    first_row = comments + top.data + 1
    source = rows_of_text(text, found, width, consumed, first_row)
    return Grid(
        header=tuple(cell.strip().strip("\ufeff") for cell in header),
        preamble=(
            *((line.rstrip("\r\n"),) for line in lines[:comments]),
            *(tuple(records[index]) for index in top.preamble),
        ),
        label_rows=labels,
        labels_below=below,
        first_row=first_row,
        rows=source,
        evidence=evidence,
    )


def from_records(
    records: Sequence[Sequence[str]], *, part: str, evidence: dict[str, Any] | None = None
) -> Grid:
    """Makes a table of records that are already cut, such as the rows of a sheet.

    Raises:
        Unreadable: If there is no table among them, or no rows.
    """
    top = tops.find_top(records[: _TOP_RECORDS * 2], place=part)
    if top is None:
        raise tops.no_header(records[:_TOP_RECORDS], 1, part)
    header = list(records[top.header])
    width = len(header)
    while width > 1 and not any(record[width - 1].strip() for record in records):
        width -= 1
    labels = _shifted(records, top, width)
    found = dict(evidence or {})
    if top.preamble:
        found["preamble_lines"] = len(top.preamble)
    return Grid(
        header=tuple(cell.strip() for cell in header[:width]),
        preamble=tuple(tuple(records[index]) for index in top.preamble),
        label_rows=labels,
        labels_below=sum(1 for index in top.labels if index > top.header),
        first_row=top.data + 1,
        rows=_RecordRows(records, width, top.data),
        evidence=found,
    )


def rows_of_text(
    text: TextSource, dialect: Dialect, width: int, consumed: int, first_row: int
) -> Rows:
    """Returns the rows of a text behind its first ``consumed`` characters."""
    return _TextRows(text, dialect, width, consumed, first_row)


def rows_of_records(records: Sequence[Sequence[str]], width: int, data: int) -> Rows:
    """Returns the rows of a sheet from ``records[data]`` on."""
    return _RecordRows(records, width, data)


def _shifted(
    records: Sequence[Sequence[str]], top: tops.Top, width: int
) -> tuple[tuple[str, ...], ...]:
    """Returns label rows as wide as the header."""
    labels = []
    for index in top.labels:
        cells = [cell.strip() for cell in records[index]]
        if top.short and len(cells) == width - 1:
            cells.insert(0, "")
        labels.append(tuple((cells + [""] * width)[:width]))
    return tuple(labels)


def _comment_lines(lines: Sequence[str]) -> int:
    count = 0
    for line in lines:
        if not line.startswith("#"):
            break
        count += 1
    return count


def _cut(
    lines: Sequence[str], found: Dialect, part: str
) -> tuple[list[tuple[int, list[str]]], tops.Top | None]:
    """Cuts the first lines and finds the heading; None where the first row holds data."""
    cut = list(islice(dialects.records(lines, found), _TOP_RECORDS))
    return cut, tops.find_top([record for _, record in cut], place=part)


def _no_table(lines: Sequence[str], part: str) -> Unreadable:
    shown = next((line.strip() for line in lines if line.strip()), "")[:80]
    return Unreadable(
        "not_a_table",
        place=part or "first lines",
        seen=f"lines without a common delimiter, beginning with {shown!r}",
        expected="columns separated by tab, comma, semicolon or vertical bar",
        question="Is this a table? Which delimiter separates its columns?",
    )


@dataclass(frozen=True)
class _TextRows:
    """Rows of a text, read by Arrow; records of another width are padded here."""

    text: TextSource
    dialect: Dialect
    width: int
    consumed: int
    first_row: int
    columns: tuple[int, ...] | None = None
    kept: list[tuple[list[pa.Table], RaggedLog]] = field(default_factory=list)

    def only(self, columns: Sequence[int]) -> Rows:
        """Returns the same rows with only these columns filled, where the text is large."""
        if self._is_small():
            return self
        return replace(self, columns=tuple(columns))

    def __call__(self, log: RaggedLog) -> Iterator[pa.Table]:
        """Yields the rows; those of a small text are cut once and kept."""
        if not self._is_small():
            yield from self._read(log)
            return
        if not self.kept:
            once = RaggedLog()
            table = self._split()
            self.kept.append(([table] if table else list(self._read(once)), once))
        tables, said = self.kept[0]
        log.add(said)
        yield from tables

    def _split(self) -> pa.Table | None:
        """Cuts a very small, regular text without a reader; None where it is not regular."""
        head = self.text.head
        if self.dialect.quoted or len(head) > _SPLIT_TEXT:
            return None
        if any(mark in head for mark in _OTHER_LINE_ENDS):
            return None
        return _cut_regular(
            head[self.consumed :], self.dialect.delimiter, self.width, self.first_row
        )

    def _block(self) -> int:
        """Bytes that become one batch."""
        if self._is_small():
            return len(self.text.head) * 4 + 1024
        # Every column of a batch costs the same however short it is: wide tables get larger ones.
        longest = max(map(len, dialects.first_lines(self.text.head)), default=0)
        return max(BLOCK_BYTES, min(64 * longest, WIDE_BLOCK_BYTES), 4 * longest)

    def _is_small(self) -> bool:
        return self.text.whole and len(self.text.head) <= SMALL_TEXT

    def _read(self, log: RaggedLog) -> Iterator[pa.Table]:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        names = [f"c{index}" for index in range(self.width)]
        odd: list[tuple[int, str]] = []

        def keep(row: Any) -> str:
            odd.append((row.number, row.text))
            return "skip"

        stream = self.text.utf8(skip=self.consumed)
        quoted = self.dialect.quoted
        try:
            reader = arrow_csv.open_csv(
                stream,
                read_options=arrow_csv.ReadOptions(
                    column_names=names,
                    use_threads=False,
                    block_size=self._block(),
                ),
                parse_options=arrow_csv.ParseOptions(
                    delimiter=self.dialect.delimiter,
                    quote_char='"' if quoted else False,
                    double_quote=quoted,
                    newlines_in_values=quoted,
                    ignore_empty_lines=False,
                    invalid_row_handler=keep,
                ),
                convert_options=arrow_csv.ConvertOptions(
                    column_types={name: pa.string() for name in names},
                    include_columns=None
                    if self.columns is None
                    else [names[index] for index in self.columns],
                    strings_can_be_null=False,
                    quoted_strings_can_be_null=False,
                ),
            )
            yield from self._numbered(reader, odd, log)
        except pa.ArrowInvalid as error:
            if "Empty CSV file" in str(error):
                return
            raise Unreadable(
                "broken_table",
                place=f"after line {self.first_row}",
                seen=str(error)[:200],
                expected=f"records of {self.width} cells",
                question="Is a quotation mark opened and never closed, or a line cut off?",
            ) from error
        finally:
            stream.close()

    def _numbered(
        self, reader: Any, odd: list[tuple[int, str]], log: RaggedLog
    ) -> Iterator[pa.Table]:
        """Numbers the records; those that Arrow set aside come after the batch they belong to."""
        import numpy as np
        import pyarrow as pa

        record = 1
        taken = 0
        for batch in reader:
            count = batch.num_rows
            skipped: set[int] = set()
            numbers = np.arange(record, record + count, dtype=np.int64)
            if taken < len(odd):
                numbers, taken_now = _gaps(record, count, [number for number, _ in odd[taken:]])
                skipped.update(range(taken, taken + taken_now))
            record = int(numbers[-1]) + 1 if count else record
            table = self._whole(pa.Table.from_batches([batch]))
            column = pa.array(numbers + (self.first_row - 1), pa.int64())
            if count:
                yield table.append_column("row_number", column)
            if skipped:
                rows = [odd[index] for index in sorted(skipped)]
                taken += len(skipped)
                if extra := self._padded(rows, log):
                    yield extra
        if taken < len(odd) and (extra := self._padded(odd[taken:], log)):
            yield extra

    def _whole(self, table: pa.Table) -> pa.Table:
        """Puts nulls where columns were left out, so that every column keeps its index."""
        import pyarrow as pa

        if self.columns is None:
            return table
        empty = pa.nulls(table.num_rows, pa.string())
        held = dict(zip(self.columns, table.columns, strict=True))
        return pa.table(
            [held.get(index, empty) for index in range(self.width)],
            names=[f"c{index}" for index in range(self.width)],
        )

    def _padded(self, rows: Sequence[tuple[int, str]], log: RaggedLog) -> pa.Table | None:
        kept: list[list[str]] = []
        numbers: list[int] = []
        for number, text in rows:
            cells = self._cut(text)
            row_number = number + self.first_row - 1
            if self._ends_within(text, cells, log):
                log.cut.append((row_number, text))
                continue
            if any(cell.strip() for cell in cells[self.width :]):
                log.too_wide.append((row_number, text))
                continue
            if not any(cell.strip() for cell in cells):
                log.blank += 1
                continue
            if len(cells) == 1 and self.width > 2:
                log.single_cells += 1
                continue
            log.padded += 1
            kept.append((cells + [""] * self.width)[: self.width])
            numbers.append(row_number)
        return table_of_rows(kept, numbers, self.width) if kept else None

    def _ends_within(self, text: str, cells: Sequence[str], log: RaggedLog) -> bool:
        """Whether the file was cut off within this record: its last number may lack digits.

        That is so where the last line has no end and is the only one with too few cells.
        """
        if len(cells) >= self.width or log.padded:
            return False
        if len(cells) == 1 and self.width > 2:
            # A footer such as END OF FILE; a name that was cut off brings no number.
            return False
        tail = self.text.tail
        if tail.endswith(("\n", "\r")):
            return False
        return bool(text) and tail.endswith(text.rstrip("\r\n"))

    def _cut(self, text: str) -> list[str]:
        if self.dialect.quoted:
            return next(csv.reader([text], delimiter=self.dialect.delimiter), [])
        return text.rstrip("\r\n").split(self.dialect.delimiter)


def _gaps(record: int, count: int, odd: Sequence[int]) -> tuple[Any, int]:
    """Numbers ``count`` records from ``record`` on, leaving out the odd ones among them."""
    import numpy as np

    numbers = np.empty(count, dtype=np.int64)
    at = filled = taken = 0
    at = record
    for number in odd:
        run = min(number - at, count - filled)
        numbers[filled : filled + run] = np.arange(at, at + run)
        filled += run
        if filled == count and number > at + run:
            return numbers, taken
        at = number + 1
        taken += 1
    run = count - filled
    numbers[filled:] = np.arange(at, at + run)
    return numbers, taken


@dataclass(frozen=True)
class _RecordRows:
    """Rows that are in memory already."""

    records: Sequence[Sequence[str]]
    width: int
    data: int

    def __call__(self, log: RaggedLog) -> Iterator[pa.Table]:
        rows = self.records[self.data :]
        step = max(1000, 500_000 // max(1, self.width))
        for start in range(0, len(rows), step):
            chunk, numbers = [], []
            for number, row in enumerate(rows[start : start + step], self.data + start + 1):
                cells = list(row[: self.width])
                if not any(cells):
                    # A forgotten cell far below a table puts a million of them between the two.
                    log.blank += 1
                    continue
                chunk.append(cells + [""] * (self.width - len(cells)))
                numbers.append(number)
            if chunk:
                yield table_of_rows(chunk, numbers, self.width)


def _cut_regular(text: str, delimiter: str, width: int, first_row: int) -> pa.Table | None:
    """Cuts a text in which every line has ``width`` cells; None where a line has not.

    The marks between cells are found for the whole text at once and dropped from its bytes: 0.25 ms
    for 300 lines of 13 cells, where splitting them into Python's strings and back takes 0.7 ms.
    """
    import numpy as np
    import pyarrow as pa

    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.endswith("\n"):
        text += "\n"
    content = text.encode("utf-8")
    codes = np.frombuffer(content, np.uint8)
    ends_line = codes == ord("\n")
    line_ends = np.flatnonzero(ends_line)
    ends = np.flatnonzero(ends_line | (codes == ord(delimiter)))
    count = len(line_ends)
    if len(ends) != count * width or not np.array_equal(ends[width - 1 :: width], line_ends):
        return None
    offsets = np.zeros(len(ends) + 1, np.int32)
    np.subtract(ends, np.arange(len(ends)), out=offsets[1:], casting="same_kind")
    marks = f"{delimiter}\n".encode()
    by_row = pa.StringArray.from_buffers(
        len(ends), pa.py_buffer(offsets), pa.py_buffer(content.translate(None, marks))
    )
    by_column = by_row.take(pa.array(np.arange(len(ends)).reshape(count, width).T.ravel()))
    columns = [by_column.slice(index * count, count) for index in range(width)]
    numbers = pa.array(np.arange(first_row, first_row + count), pa.int64())
    names = [f"c{index}" for index in range(width)]
    return pa.table([*columns, numbers], names=[*names, "row_number"])


def table_of_rows(rows: Sequence[Sequence[str]], numbers: Sequence[int], width: int) -> pa.Table:
    """Makes a batch of rows that are cut, with their row numbers."""
    import pyarrow as pa

    columns: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else [()] * width
    arrays = [pa.array(column, pa.string()) for column in columns]
    names = [f"c{index}" for index in range(width)]
    return pa.table([*arrays, pa.array(numbers, pa.int64())], names=[*names, "row_number"])
