"""Matrix Market with features and barcodes beside it: the folder that Cell Ranger writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import Assay, DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import blocks
from loaders.reading.blocks import Block, BlockReading
from loaders.reading.describe import Context
from loaders.reading.rows import unique_names

_MARK = "%%MatrixMarket"
_PIECE_BYTES = 8 * 1024**2
_KINDS = {"Gene Expression": "transcriptomics", "Antibody Capture": "proteomics"}


@dataclass(frozen=True)
class _Matrix:
    """What the head of a Matrix Market file says."""

    n_rows: int
    n_columns: int
    n_entries: int
    kind: str
    lines_above: int


class MatrixMarket:
    """Reads a sparse matrix with the lists of its features and its barcodes."""

    about = About(
        name="10x matrix",
        holds="A sparse matrix of counts per barcode, in three files: matrix, features, barcodes.",
        recognised_by="a first line `%%MatrixMarket matrix coordinate`, and two lists beside it as "
        "long as the matrix is high and wide",
        software="Cell Ranger",
        omics_types=("transcriptomics",),
        feature="the first column of the list of features; symbol and type are annotations",
        assay="a barcode",
        quantities=(Quantity("counts", "the entries of the matrix"),),
        zeros="absent entries are zeros that the file does not hold: they are counted as zeros and "
        "not among the values",
        notes=(
            "The three files are one dataset; load their folder. Which list is which is told by "
            "their length, so names do not matter, and a matrix with barcodes in rows is turned.",
            "The number of entries must be the one that the file says, and no entry may stand "
            "twice.",
        ),
        sources=("10x Genomics, feature-barcode matrices", "NIST, Matrix Market exchange formats"),
        group="a matrix and the two lists that lie in its folder are one dataset",
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the mark in the first line."""
        if head.kind == "text" and head.text.startswith(_MARK):
            return Sniff(1.0, "the first line begins with %%MatrixMarket")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the matrix.

        Raises:
            Unreadable: If the lists are not beside it, or something does not fit.
        """
        import numpy as np

        matrix = _look(content, context)
        rows, columns = _lists(content, matrix, context)
        is_turned = len(rows[0]) == 1 and len(columns[0]) > 1
        features, barcodes = (columns, rows) if is_turned else (rows, columns)
        notes = [_note(cells) for cells in features]
        kinds = {note.get("feature_type", "") for note in notes}
        roles = Roles(
            orientation="features_in_rows",
            format="10x matrix",
            software="Cell Ranger",
            omics_type=_KINDS.get(next(iter(kinds))) if len(kinds) == 1 else None,
            quantity="counts" if matrix.kind == "integer" else "value",
            unit="counts" if matrix.kind == "integer" else None,
            value_scale="linear" if matrix.kind == "integer" else None,
            zero_is_missing=False,
            evidence={"matrix_market": matrix.kind, "turned": is_turned},
        )
        if roles.omics_type is None:
            roles = _with_type(roles, "transcriptomics" if kinds == {""} else None)

        def entries() -> Iterator[tuple[Any, Any, Any]]:
            for at_row, at_column, value in _entries(content, matrix, context):
                yield (at_column, at_row, value) if is_turned else (at_row, at_column, value)

        counts = np.zeros(len(features), dtype=np.int64)
        for at_feature, _, _ in entries():
            counts += np.bincount(at_feature, minlength=len(features))
        dtype = np.dtype(np.int64 if matrix.kind in ("integer", "pattern") else np.float64)
        names = [cells[0] for cells in barcodes]
        assays = [
            Assay(at + 1, name, source)
            for at, (name, source) in enumerate(zip(unique_names(names), names, strict=True))
        ]

        def dense() -> Iterator[Block]:
            yield from blocks.sparse_blocks(
                entries, counts, n_assays=len(assays), dtype=dtype, place=context.part
            )

        cells = len(features) * len(assays)
        return [
            BlockReading(
                blocks.sparse_roles(roles, n_entries=matrix.n_entries, n_cells=cells),
                context,
                names=[cells[0] for cells in features],
                notes=notes,
                assays=assays,
                blocks=dense,
                more={"storage": "Matrix Market", "members": sorted(content.members)},
            )
        ]


def _with_type(roles: Roles, omics_type: str | None) -> Roles:
    from dataclasses import replace

    return replace(roles, omics_type=omics_type)


def _look(content: Content, context: Context) -> _Matrix:
    """Reads the head: kind of the entries, comments, and the line of sizes."""
    words = content.head.lines[0].split()
    kind = words[3].lower() if len(words) > 3 else ""
    symmetry = words[4].lower() if len(words) > 4 else "general"
    if words[2:3] != ["coordinate"] or kind not in ("integer", "real", "pattern"):
        raise _broken(context, content.head.lines[0][:80], "a sparse matrix of numbers")
    if symmetry != "general":
        raise _broken(context, f"a {symmetry} matrix", "features x barcodes, which is general")
    for number, line in content.lines():
        if line.startswith("%") or not line.strip():
            continue
        sizes = line.split()
        if len(sizes) != 3 or not all(size.isdigit() for size in sizes):
            raise _broken(context, f"line {number}: {line[:60]!r}", "rows, columns and entries")
        return _Matrix(int(sizes[0]), int(sizes[1]), int(sizes[2]), kind, number)
    raise _broken(context, "no line of sizes", "rows, columns and entries")


def _lists(
    content: Content, matrix: _Matrix, context: Context
) -> tuple[list[list[str]], list[list[str]]]:
    """Returns the lists that are as long as the matrix is high and wide."""
    if not content.members:
        raise _broken(
            context,
            "a sparse matrix without the lists of its features and barcodes",
            "the folder with all three files: omics load --dir",
        )
    held = {}
    for name, member in content.members.items():
        records = [
            [cell.strip().strip('"') for cell in cells]
            for _, cells in member.records()
            if any(cell.strip() for cell in cells)
        ]
        held[name] = records
    high, wide = _of_length(held, matrix.n_rows), _of_length(held, matrix.n_columns)
    if matrix.n_rows == matrix.n_columns and len(held) == 2:
        # Features have more to say of themselves than barcodes have.
        high = sorted(high, key=lambda records: -len(records[0]))[:1]
        wide = [records for records in held.values() if records is not high[0]]
    if len(high) != 1 or len(wide) != 1 or high[0] is wide[0]:
        sizes = ", ".join(f"{name}: {len(records):,}" for name, records in held.items())
        raise _broken(
            context,
            f"lists of other lengths ({sizes})",
            f"{matrix.n_rows:,} features and {matrix.n_columns:,} barcodes",
        )
    return _without_header(high[0], matrix.n_rows), _without_header(wide[0], matrix.n_columns)


def _of_length(held: Mapping[str, list[list[str]]], size: int) -> list[list[list[str]]]:
    """Returns the lists of a length; where there is none, those with a header above."""
    exact = [records for records in held.values() if len(records) == size]
    return exact or [records for records in held.values() if len(records) == size + 1]


def _without_header(records: list[list[str]], size: int) -> list[list[str]]:
    return records[len(records) - size :]


def _note(cells: list[str]) -> Mapping[str, str]:
    names = ("", "symbol", "feature_type", "genome")
    return {
        names[at] if at < len(names) else f"column {at + 1}": cell
        for at, cell in enumerate(cells)
        if at and cell
    }


def _entries(content: Content, matrix: _Matrix, context: Context) -> Iterator[tuple[Any, Any, Any]]:
    """Yields rows, columns (from 0) and values of the entries, in pieces.

    Raises:
        Unreadable: If an entry lies outside, is no number, or their number is not the one said.
    """
    import numpy as np
    import pyarrow as pa
    from pyarrow import csv

    if content.text is None:
        raise ValueError("a matrix is read from text")
    width = 2 if matrix.kind == "pattern" else 3
    found = 0
    try:
        reader = csv.open_csv(
            content.text.utf8(),
            read_options=csv.ReadOptions(
                skip_rows=matrix.lines_above,
                column_names=["row", "column", "value"][:width],
                block_size=_PIECE_BYTES,
                use_threads=False,
            ),
            parse_options=csv.ParseOptions(delimiter=" "),
            convert_options=csv.ConvertOptions(
                column_types={
                    "row": pa.int32(),
                    "column": pa.int32(),
                    "value": pa.float64(),
                }
            ),
        )
        for batch in reader:
            rows = batch.column(0).to_numpy() - 1
            columns = batch.column(1).to_numpy() - 1
            values = batch.column(2).to_numpy() if width == 3 else np.ones(len(rows))
            if len(rows) and (
                min(rows.min(), columns.min()) < 0
                or rows.max() >= matrix.n_rows
                or columns.max() >= matrix.n_columns
            ):
                raise _broken(context, "an entry beyond the matrix", "entries inside")
            found += len(rows)
            yield rows, columns, values
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise _broken(context, str(error)[:200], "lines of row, column and value") from error
    if found != matrix.n_entries:
        raise _broken(context, f"{found:,} entries", f"{matrix.n_entries:,}, as the file says")


def _broken(context: Context, seen: str, expected: str) -> Unreadable:
    return Unreadable(
        "broken_blocks",
        place=context.part or "matrix",
        seen=seen,
        expected=expected,
        question="Do matrix, features and barcodes lie in one folder, complete? Load that folder.",
        nearest_format="10x matrix",
    )


FORMATS = (MatrixMarket(),)
