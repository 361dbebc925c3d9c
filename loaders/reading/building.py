"""What format modules build their tables with, once they know where things stand.

A module says where header and rows are; the rows then take the same way as those of any other
table (`loaders.reading.matrix`, `transposed`, `long`), with the same books and the same care.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.model import Counts, DatasetHeader, DatasetReading, Unreadable
from loaders.reading import dialect as dialects
from loaders.reading import grid as grids
from loaders.reading.dialect import Dialect
from loaders.reading.grid import Grid, RaggedLog

if TYPE_CHECKING:
    import pyarrow as pa

    from loaders.formats.protocol import Content

#: Cells that become one batch where records are cut in Python.
_BATCH_CELLS = 500_000

Records = Callable[[], Iterator[tuple[int, Sequence[str]]]]


def table_below(
    content: Content,
    *,
    header: Sequence[str],
    first_row: int,
    delimiter: str = "\t",
    quoted: bool | None = None,
    preamble: Sequence[Sequence[str]] = (),
    label_rows: Sequence[Sequence[str]] = (),
    labels_below: int = 0,
    evidence: Mapping[str, Any] | None = None,
) -> Grid:
    """Returns the table whose first data row is line ``first_row`` (from 1) of a text or a sheet.

    Rows are cut by Arrow where the text is large, so this is the way to take for anything that is
    a plain table below some lines of another structure.

    Args:
        content: Text or sheet.
        header: Headers of all columns; rows with fewer cells are filled up.
        first_row: Line of the first row.
        delimiter: What parts the cells of a text.
        quoted: Whether cells may stand in quotation marks; None: decided from the first lines.
        preamble: Rows above, for the evidence.
        label_rows: Rows that describe the assays, each as wide as the header; the last filled cell
            that stands over no assay names the label.
        labels_below: How many of the label rows stand below the header (they are counted).
        evidence: What else was seen.
    """
    width = len(header)
    common: dict[str, Any] = {
        "header": tuple(cell.strip() for cell in header),
        "preamble": tuple(map(tuple, preamble)),
        "label_rows": tuple(tuple((list(row) + [""] * width)[:width]) for row in label_rows),
        "labels_below": labels_below,
        "first_row": first_row,
    }
    if content.cells is not None:
        rows = grids.rows_of_records(content.cells, width, first_row - 1)
        return Grid(rows=rows, evidence=dict(evidence or {}), **common)
    text = content.text
    if text is None:
        raise ValueError("a table is cut from a text or a sheet")
    lines = dialects.first_lines(text.head, limit=first_row + 60)
    above, below = lines[: first_row - 1], lines[first_row - 1 :]
    if quoted is None:
        quoted = text.has_quotes and dialects.quotes_enclose(below, delimiter)
    dialect = Dialect(delimiter, quoted, width, 1.0)
    found = {
        "delimiter": delimiter,
        "quoted": quoted,
        "encoding": text.encoding,
        **(evidence or {}),
    }
    if len(above) < first_row - 1 or (not below and not text.whole):
        # The rows begin further down than the part of the text that is held.
        def records() -> Iterator[tuple[int, Sequence[str]]]:
            for number, cells in content.records(delimiter=delimiter, quoted=bool(quoted)):
                if number >= first_row:
                    yield number, cells

        return Grid(rows=StreamRows(records, width), evidence=found, **common)
    rows = grids.rows_of_text(text, dialect, width, sum(map(len, above)), first_row)
    return Grid(rows=rows, evidence=found, **common)


def table_of(
    header: Sequence[str],
    records: Records,
    *,
    evidence: Mapping[str, Any] | None = None,
    label_rows: Sequence[Sequence[str]] = (),
    content: Content | None = None,
) -> Grid:
    """Returns the table whose rows a function yields, each with its line in the file.

    For rows that stand among others (a prefix tells the section) or that are put together from
    several places. They are cut in Python: 1 to 2 million cells a second.

    Args:
        header: Headers of all columns; rows with fewer cells are filled up.
        records: Yields the rows.
        evidence: What else was seen.
        label_rows: Rows that describe the assays, each as wide as the header.
        content: The file, where a line of it is a row: one that was cut off within its last row is
            then told by that.
    """
    width = len(header)
    return Grid(
        header=tuple(cell.strip() for cell in header),
        preamble=(),
        label_rows=tuple(tuple((list(row) + [""] * width)[:width]) for row in label_rows),
        labels_below=0,
        first_row=1,
        rows=StreamRows(records, width, content is not None and _ends_within_a_line(content)),
        evidence=dict(evidence or {}),
    )


def first_rows(grid: Grid) -> pa.Table | None:
    """Returns the first batch of a table, or None if it has no row."""
    return next((table for table in grid.rows(RaggedLog()) if table.num_rows), None)


@dataclass(frozen=True)
class StreamRows:
    """Rows that a function yields with their line numbers, as batches of bounded size."""

    records: Records
    width: int
    is_cut: bool = False

    def __call__(self, log: RaggedLog) -> Iterator[pa.Table]:
        """Yields the rows; those that are too wide, blank or of one cell go to the log."""
        step = max(1000, _BATCH_CELLS // max(1, self.width))
        kept: list[list[str]] = []
        numbers: list[int] = []
        doubted: tuple[int, list[str]] | None = None
        for number, cells in self.records():
            row = list(cells)
            if doubted is not None:
                log.padded += 1
                kept.append(doubted[1] + [""] * (self.width - len(doubted[1])))
                numbers.append(doubted[0])
                doubted = None
            if len(row) > self.width:
                if any(cell.strip() for cell in row[self.width :]):
                    log.too_wide.append((number, "\t".join(row)))
                    continue
                row = row[: self.width]
            elif len(row) < self.width:
                if not any(cell.strip() for cell in row):
                    log.blank += 1
                    continue
                if self.is_cut and not log.padded:
                    doubted = (number, row)
                    continue
                log.padded += 1
                row += [""] * (self.width - len(row))
            kept.append(row)
            numbers.append(number)
            if len(kept) >= step:
                yield grids.table_of_rows(kept, numbers, self.width)
                kept, numbers = [], []
        if doubted is not None:
            log.cut.append((doubted[0], "\t".join(doubted[1])))
        if kept:
            yield grids.table_of_rows(kept, numbers, self.width)


def _ends_within_a_line(content: Content) -> bool:
    return content.text is not None and not content.text.tail.endswith(("\n", "\r"))


class Declared:
    """A reading whose file says how many rows it has: fewer or more refuse it."""

    def __init__(self, inner: DatasetReading, *, rows: int, place: str) -> None:
        """Wraps ``inner``, of which ``rows`` rows must be landed or rejected."""
        self._inner = inner
        self._rows = rows
        self._place = place
        self.header: DatasetHeader = inner.header

    def batches(self) -> Iterator[pa.Table]:
        """Yields the rows.

        Raises:
            Unreadable: At the end, if there are fewer or more rows than the file says.
        """
        yield from self._inner.batches()
        counts = self._inner.counts()
        found = counts.rows_landed + counts.rows_rejected
        if found != self._rows:
            raise Unreadable(
                "declared_size_differs",
                place=self._place,
                seen=f"{found:,} rows",
                expected=f"{self._rows:,} rows, as the file says",
                question="Was the transfer complete? Copy the file again.",
                rows_read=counts.rows_read,
            )

    def rejects(self) -> pa.Table:
        """Returns the rejected rows."""
        return self._inner.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._inner.counts()
