"""Matrices with samples in rows: held in memory and turned, one landed row per feature column.

The unit of the books is the landed row, so ``rows_read`` counts the feature columns, plus the lines
that a rule leaves out (blank, comment and summary lines). ``row_number`` is the column's number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from loaders.model import Assay, Counts, DatasetHeader, Roles, Unreadable
from loaders.reading import describe, rows, status, values
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog

if TYPE_CHECKING:
    import pyarrow as pa

#: Quantities that become one batch.
_BATCH_VALUES = 1_000_000


class TransposedReading:
    """A matrix with samples in rows, while it is read."""

    def __init__(self, grid: Grid, roles: Roles, context: Context) -> None:
        """Reads the whole table.

        Raises:
            Unreadable: If the omics type or the decimal mark is undecided, or it holds no features
                or no samples.
        """
        import pyarrow as pa

        self._grid = grid
        self._roles = roles
        self._context = context
        others = {roles.sample_column, *roles.annotation_columns, *roles.ignored_columns}
        # Formats name the columns beside the features; those that vote name the features.
        self._features = list(roles.feature_columns) or [
            index for index, name in enumerate(grid.header) if index not in others and name
        ]
        opened = rows.Account(context.reject_limit)
        opened.skip("label_row", grid.labels_below)
        tables, sample_names, log = [], [], RaggedLog()
        sample = [roles.sample_column] if roles.sample_column is not None else []
        left = roles.label_rows
        for table in grid.rows(log):
            opened.skip("label_row", min(left, table.num_rows))
            left, table = max(0, left - table.num_rows), table.slice(left)
            table = rows.skip_by_rules(table, roles, opened)
            names = rows.feature_names(table, sample) if sample else _numbered(table)
            table, names = rows.clean(table, names, opened, quantity_columns=self._features)
            tables.append(table)
            sample_names += names.to_pylist()
        opened.settle_log(log, len(grid.header))
        if not self._features or not sample_names:
            raise _nothing(roles, opened, context, has_features=bool(self._features))
        self._opened = opened
        self._account = opened
        self._table = pa.concat_tables(tables)
        wanted = max(20, describe.SAMPLE_VALUES // max(1, len(sample_names)))
        picked = self._features[:: max(1, len(self._features) // wanted)]
        names = [grid.header[index] for index in self._features]
        described = describe.sample_of(grid, roles, self._flat(picked), names, context.part)
        self._style = described.style
        self._notes = self._feature_notes()
        self.header: DatasetHeader = describe.matrix_header(
            grid,
            roles,
            described,
            self._assays(sample_names),
            context,
            more={"n_sample_rows": len(sample_names)},
            signature=[grid.header[index] for index in (*sample, *roles.annotation_columns)],
        )

    def _assays(self, names: Sequence[str]) -> list[Assay]:
        labels = {
            self._grid.header[index] or f"column {index + 1}": [
                cell.strip() for cell in rows.flat_column(self._table, index).to_pylist()
            ]
            for index in self._roles.annotation_columns
        }
        return [
            Assay(
                position=at + 1,
                name=unique,
                source_column=name,
                attributes={key: cells[at] for key, cells in labels.items() if cells[at]},
            )
            for at, (name, unique) in enumerate(zip(names, rows.unique_names(names), strict=True))
        ]

    def _feature_notes(self) -> list[Mapping[str, str]]:
        """Returns what label rows say of each feature."""
        found: list[Mapping[str, str]] = []
        begin = min(self._features, default=0)
        titles = [
            next((cells[i] for i in range(begin - 1, -1, -1) if cells[i]), f"label {number}")
            for number, cells in enumerate(self._grid.label_rows, start=1)
        ]
        for index in self._features:
            notes = {}
            for title, cells in zip(titles, self._grid.label_rows, strict=True):
                if cells[index] and cells[index] != self._grid.header[index]:
                    notes[title] = cells[index]
            found.append(notes)
        return found

    def _flat(self, columns: Sequence[int]) -> Any:
        import pyarrow as pa

        return pa.concat_arrays([rows.flat_column(self._table, index) for index in columns])

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: At the end, if too many features were rejected.
        """
        account = self._account = rows.Account(self._context.reject_limit)
        account.read, account.skipped = self._opened.read, dict(self._opened.skipped)
        account.rejected_rows = self._opened.rejected_rows
        account.rejected = list(self._opened.rejected)
        step = max(1, _BATCH_VALUES // max(1, self._table.num_rows))
        for start in range(0, len(self._features), step):
            batch = self._batch(start, self._features[start : start + step], account)
            if batch is not None:
                yield batch
        account.check(place=self._context.part, final=True)

    def _batch(self, start: int, columns: Sequence[int], account: rows.Account) -> pa.Table | None:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        samples = self._table.num_rows
        flat = self._flat(columns)
        parsed = values.parse(flat, self._style, self._roles.missing_tokens)
        bad = values.all_bad(parsed)
        spoiled = np.zeros(len(columns), dtype=bool)
        if bad is not None:
            spoiled = self._reject(columns, flat, bad, account)
        literals = list_literals(parsed.text, samples)
        keep = pa.array(~spoiled)
        numbers = parsed.numbers
        if spoiled.any():
            numbers = numbers.filter(pa.array(np.repeat(~spoiled, samples)))
        kept = [at for at in range(len(columns)) if not spoiled[at]]
        if not kept:
            return None
        zeros = int(pc.sum(pc.equal(numbers, 0)).as_py() or 0)
        account.zeros += zeros
        account.values += len(numbers) - numbers.null_count
        account.values -= zeros if self.header.zero_is_missing else 0
        account.land(len(kept))
        names = pa.array([self._grid.header[columns[at]] for at in kept], pa.string())
        return rows.feature_rows(
            pa.array([columns[at] + 1 for at in kept], pa.int64()),
            names,
            status.beside(
                rows.json_objects([self._notes[start + at] for at in kept]),
                status.by_column(
                    flat, parsed.text, [assay.name for assay in self.header.assays], kept
                ),
            ),
            literals.filter(keep),
            self._flags(names, [self._notes[start + at] for at in kept]),
        )

    def _flags(self, names: Any, notes: Sequence[Mapping[str, str]]) -> dict[str, Any]:
        """Returns the flags of features: by name, and by what a label row says of them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = rows.flags(None, names, self.header.omics_type, {})
        told = cast("Mapping[str, tuple[str, str]]", self._roles.evidence.get("label_flags", {}))
        for flag, (label, pattern) in told.items():
            fits = re.compile(pattern).search
            marked = pa.array([label in note and bool(fits(note[label])) for note in notes])
            found[flag] = pc.or_(marked, found[flag])
        return found

    def _reject(self, columns: Sequence[int], flat: Any, bad: Any, account: rows.Account) -> Any:
        """Rejects each feature with a cell that is no quantity."""
        import numpy as np

        samples = self._table.num_rows
        grid = bad.to_numpy(zero_copy_only=False).reshape(len(columns), samples)
        row_numbers = self._table.column(self._table.num_columns - 1)
        for at in np.flatnonzero(grid.any(axis=1)).tolist():
            places = np.flatnonzero(grid[at])
            raw = str(flat[at * samples + int(places[0])].as_py())
            header = self._grid.header[columns[at]]
            row = int(row_numbers[int(places[0])].as_py())
            account.reject(
                columns[at] + 1,
                header,
                raw,
                "not_a_number",
                f"Row {row}: " + rows.not_a_number(raw, header, len(places) - 1),
            )
        return grid.any(axis=1)

    def rejects(self) -> pa.Table:
        """Returns the rejected features."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._account.counts()


def _nothing(
    roles: Roles, account: rows.Account, context: Context, *, has_features: bool
) -> Unreadable:
    """Returns the refusal of a table without features, or without samples."""
    left_out = ", ".join(
        f"{count:,} by the rule {rule}" for rule, count in sorted(account.skipped.items())
    )
    seen = "no row of a sample" if has_features else "no column of a feature's quantities"
    return Unreadable(
        "no_quantities",
        place=context.part or "table",
        seen=f"{seen}; rows left out: {left_out or 'none'}",
        expected=f"{roles.format}: one row for each sample and one column for each feature",
        question="Was the export complete, and does it hold study samples?",
        nearest_format=roles.format,
    )


def list_literals(flat: Any, length: int) -> Any:
    """Joins every ``length`` neighbouring quantities into one Postgres array literal."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if not len(flat):
        return pa.array([], pa.string())
    offsets = pa.array(np.arange(0, len(flat) + 1, length, dtype=np.int32))
    lists = pa.ListArray.from_arrays(offsets, pc.fill_null(flat, "NULL"))
    return pc.binary_join_element_wise("{", pc.binary_join(lists, ","), "}", "")


def _numbered(table: pa.Table) -> Any:
    """Names samples by their row where the file does not name them."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = pc.cast(table.column(table.num_columns - 1).combine_chunks(), pa.string())
    return pc.binary_join_element_wise("row", numbers, " ")
