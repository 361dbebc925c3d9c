"""Parquet: a typed table, read by the same layouts as text; only the columns that are needed."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Unreadable
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog, Rows

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_CELLS = 1_000_000


class Parquet:
    """Gives the table to the layouts: a DIA-NN report is one as Parquet too."""

    about = About(
        name="Parquet",
        holds="A table with typed columns: DIA-NN reports, Olink NPX, quantms features, or any "
        "matrix or long table.",
        recognised_by="the magic number `PAR1`; which columns are what is told by the same layouts "
        "as for text",
        orientation="as the layout says",
        feature="as the layout says",
        assay="as the layout says",
        quantities=(Quantity("as the layout says", "as the layout says"),),
        zeros="as the layout says",
        missing=("null", "NaN"),
        notes=(
            "Lists are annotations, joined by `;`. The list of records `intensities` becomes one "
            "row per record, its fields named `intensities.channel` and so on.",
            "Numbers are written with the fewest digits that give the same number again.",
        ),
        sources=("Apache Parquet; Apache Arrow",),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the magic number."""
        return Sniff(1.0, "the magic number of Parquet") if head.first.startswith(b"PAR1") else None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the table.

        Raises:
            Unreadable: If the file is damaged, or its columns are not understood.
        """
        import pyarrow as pa
        from pyarrow import parquet

        from loaders.reading.read import read_grid

        held = content.binary
        source: Any = held if isinstance(held, Path) else io.BytesIO(held or b"")
        try:
            file = parquet.ParquetFile(source, memory_map=False)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged(context.part or "Parquet footer", error) from error
        columns = _columns(file.schema_arrow)
        rows = _ParquetRows(file, tuple(columns))
        grid = Grid(
            header=tuple(column.header for column in columns),
            preamble=(),
            label_rows=(),
            labels_below=0,
            first_row=1,
            rows=rows,
            evidence={"storage": "parquet", "records": file.metadata.num_rows},
        )
        return read_grid(grid, context, options)


@dataclass(frozen=True)
class _Column:
    """A column of the table: its header, the field it comes from, and the part of its records."""

    header: str
    name: str
    inner: str | None = None


def _columns(schema: pa.Schema) -> list[_Column]:
    """Returns the columns; those of records are opened, other nested ones stay one column."""
    found: list[_Column] = []
    for field in schema:
        kind = field.type
        if field.name == "intensities" and _is_records(kind):
            found += [
                _Column(f"{field.name}.{x.name}", field.name, x.name) for x in kind.value_type
            ]
            continue
        header = "" if field.name.startswith("__index_level_") else field.name.strip()
        found.append(_Column(header, field.name))
    return found


def _is_records(kind: Any) -> bool:
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return bool(is_list and pa.types.is_struct(kind.value_type))


@dataclass(frozen=True)
class _ParquetRows:
    """Rows of a Parquet file as text."""

    file: Any
    columns: tuple[_Column, ...]
    wanted: frozenset[int] | None = None

    def only(self, columns: Sequence[int]) -> Rows:
        """Returns the same rows with only these columns filled."""
        return _ParquetRows(self.file, self.columns, frozenset(columns))

    def _batches(self, names: Sequence[str]) -> Iterator[Any]:
        import pyarrow as pa

        size = max(1000, _BATCH_CELLS // max(1, len(names)))
        try:
            for batch in self.file.iter_batches(batch_size=size, columns=names):
                # Pages without checksums may hold damaged text: 15 ms for a million cells.
                batch.validate(full=True)
                yield batch
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise _damaged("Parquet pages", error) from error

    def __call__(self, log: RaggedLog) -> Iterator[pa.Table]:
        """Yields the rows; ``row_number`` is the number of the record."""
        import numpy as np
        import pyarrow as pa

        wanted = [
            column
            for at, column in enumerate(self.columns)
            if self.wanted is None or at in self.wanted
        ]
        names = list(dict.fromkeys(column.name for column in wanted))
        opened = next((column.name for column in self.columns if column.inner), None)
        if opened is not None and opened not in names:
            names.append(opened)
        start = 1
        for batch in self._batches(names):
            numbers = np.arange(start, start + batch.num_rows)
            start += batch.num_rows
            records = None
            if opened is not None:
                import pyarrow.compute as pc

                held = batch.column(batch.schema.get_field_index(opened))
                parents = pc.list_parent_indices(held)
                records = pc.list_flatten(held)
                batch = batch.take(parents)
                numbers = numbers[parents.to_numpy(zero_copy_only=False)]
            empty = pa.nulls(len(numbers), pa.string())
            arrays = [
                _text(batch, column, records) if column in wanted else empty
                for column in self.columns
            ]
            heads = [f"c{at}" for at in range(len(arrays))]
            yield pa.table([*arrays, pa.array(numbers)], names=[*heads, "row_number"])


def _damaged(place: str, error: Exception) -> Unreadable:
    return Unreadable(
        "broken_blocks",
        place=place,
        seen=str(error)[:300],
        expected="a complete Parquet file",
        question="Was the transfer complete? Copy the file again.",
        nearest_format="Parquet",
    )


def _text(batch: Any, column: _Column, records: Any) -> Any:
    """Returns a column as text; null and NaN are empty."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.inner is not None:
        cells = pc.struct_field(records, column.inner)
    else:
        cells = batch.column(batch.schema.get_field_index(column.name))
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells = pc.cast(cells, kind.value_type)
        kind = cells.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if not (pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)):
            shown = [None if v is None else ";".join(map(str, v)) for v in cells.to_pylist()]
            return pc.fill_null(pa.array(shown, pa.string()), "")
        return pc.fill_null(pc.cast(pc.binary_join(cells, ";"), pa.string()), "")
    if pa.types.is_nested(kind) or pa.types.is_binary(kind):
        return pa.array([""] * len(cells), pa.string())
    if pa.types.is_floating(kind):
        if pa.types.is_float16(kind):
            cells = pc.cast(cells, pa.float32())
        cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, cells.type), cells)
    return pc.fill_null(pc.cast(cells, pa.string()), "")


FORMATS = (Parquet(),)
