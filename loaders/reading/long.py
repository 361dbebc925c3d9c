"""Tables with one value per row: pivoted in memory into features x samples.

The unit of the books is the record of the file: a landed record is one whose value stands in the
matrix. ``row_number`` of a landed row is that of the feature's first record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loaders.model import Assay, Counts, DatasetHeader, Roles, Unreadable
from loaders.reading import describe, rows, values
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.transposed import list_literals

if TYPE_CHECKING:
    import pyarrow as pa

#: A pivot of more cells than this is refused: the table would be all but empty.
MAX_CELLS = 200_000_000
_BATCH_VALUES = 1_000_000


class LongReading:
    """A table with one value per row, while it is read."""

    def __init__(self, grid: Grid, roles: Roles, context: Context) -> None:
        """Reads the whole table and pivots it.

        Raises:
            Unreadable: If the omics type or the decimal mark is undecided, or the records of a
                feature in a sample contradict each other.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        self._grid = grid
        self._roles = roles
        self._context = context
        account = self._account = rows.Account(context.reject_limit)
        value_column = roles.value_column if roles.value_column is not None else 0
        sample_column = roles.sample_column if roles.sample_column is not None else 0
        tables, names_of, log = [], [], RaggedLog()
        account.skip("label_row", grid.labels_below)
        for table in grid.rows(log):
            table = rows.skip_by_rules(table, roles, account)
            names = rows.feature_names(table, roles.feature_columns, rows.joint_of(roles))
            table, names = rows.clean(table, names, account, quantity_columns=[value_column])
            tables.append(table)
            names_of.append(names)
        account.settle_log(log, len(grid.header))
        table, names = pa.concat_tables(tables), pa.concat_arrays(names_of)
        cells = rows.flat_column(table, value_column)
        described = describe.sample_of(grid, roles, cells, (), context.part)
        parsed = described.parsed
        samples = pc.utf8_trim_whitespace(rows.flat_column(table, sample_column))
        keep = self._usable(table, cells, samples, values.all_bad(parsed), account, value_column)
        table, names, samples = table.filter(keep), names.filter(keep), samples.filter(keep)
        text, numbers = parsed.text.filter(keep), parsed.numbers.filter(keep)
        if not table.num_rows:
            account.check(place=context.part, final=True)
        self._pivot(table, names, samples, text, numbers)
        notes, attributes = self._beside(table)
        self._notes = notes
        self._marked = self._record_flags(table)
        self.header: DatasetHeader = describe.matrix_header(
            grid,
            roles,
            replace(described, names=self._names),
            self._assays(attributes),
            context,
            more={"n_records": table.num_rows},
        )

    def _usable(
        self,
        table: pa.Table,
        cells: Any,
        samples: Any,
        bad: Any,
        account: rows.Account,
        value_column: int,
    ) -> Any:
        """Rejects records whose value is no quantity or that name no sample."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        spoiled = np.zeros(table.num_rows, dtype=bool)
        header = self._grid.header[value_column]
        row_numbers = table.column(table.num_columns - 1)
        if bad is not None:
            spoiled |= bad.to_numpy(zero_copy_only=False)
            for at in np.flatnonzero(spoiled).tolist():
                raw = str(cells[at].as_py())
                message = rows.not_a_number(raw, header, 0)
                account.reject(int(row_numbers[at].as_py()), header, raw, "not_a_number", message)
        nameless = pc.equal(samples, "").to_numpy(zero_copy_only=False) & ~spoiled
        for at in np.flatnonzero(nameless).tolist():
            account.reject(
                int(row_numbers[at].as_py()),
                None,
                str(cells[at].as_py()),
                "missing_sample_name",
                "The row has a value and no name of a sample. Name it, or remove the row.",
            )
        return pa.array(~(spoiled | nameless))

    def _pivot(self, table: pa.Table, names: Any, samples: Any, text: Any, numbers: Any) -> None:
        """Places every record; equal repeats are skipped, contradicting ones rejected."""
        import numpy as np
        import pyarrow as pa

        features = names.dictionary_encode()
        runs = samples.dictionary_encode()
        self._names: list[str] = features.dictionary.to_pylist()
        self._samples: list[str] = runs.dictionary.to_pylist()
        width = len(self._samples)
        self._cells = len(self._names) * width
        if self._cells > MAX_CELLS:
            raise Unreadable(
                "too_sparse",
                place=self._context.part or "table",
                seen=f"{len(self._names):,} features x {width:,} samples from {len(names):,} rows",
                expected=f"at most {MAX_CELLS:,} cells",
                question="Do the feature and sample columns hold what their headers say?",
                rows_read=len(names),
            )
        codes = features.indices.to_numpy().astype(np.int64)
        slots = codes * width + runs.indices.to_numpy()
        row_numbers = table.column(table.num_columns - 1).to_numpy()
        order = np.argsort(slots, kind="stable")
        leads = np.ones(len(order), dtype=bool)
        leads[1:] = slots[order][1:] != slots[order][:-1]
        if not leads.all():
            self._settle_repeats(order, leads, text, row_numbers)
        chosen = order[leads]
        place = np.full(self._cells, -1, dtype=np.int64)
        place[slots[chosen]] = chosen
        index = pa.array(place, mask=place < 0)
        self._text = text.take(index)
        self._numbers = numbers.take(index)
        self._landed = len(chosen)
        first = np.full(len(self._names), np.iinfo(np.int64).max)
        np.minimum.at(first, codes, row_numbers)
        self._first_rows = first
        self._feature_codes = codes
        self._sample_codes = runs.indices.to_numpy()

    def _settle_repeats(self, order: Any, leads: Any, text: Any, row_numbers: Any) -> None:
        """Compares each repeated record with the first of its feature and sample."""
        import numpy as np

        lead_of = order[np.maximum.accumulate(np.where(leads, np.arange(len(order)), 0))]
        header = self._grid.header[self._roles.value_column or 0]
        for at, lead in zip(order[~leads].tolist(), lead_of[~leads].tolist(), strict=True):
            mine, theirs = text[at].as_py(), text[lead].as_py()
            if mine == theirs:
                self._account.skip("repeated_value")
                continue
            self._account.reject(
                int(row_numbers[at]),
                header,
                str(mine),
                "conflicting_values",
                f"Row {int(row_numbers[lead])} gives {theirs!r} for the same feature and sample. "
                "Keep one, or name the column that tells them apart in a mapping.",
            )

    def _beside(self, table: pa.Table) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Gives other columns to features or samples, where they never differ within one."""
        notes: list[dict[str, str]] = [{} for _ in self._names]
        attributes: list[dict[str, str]] = [{} for _ in self._samples]
        for index in self._roles.annotation_columns:
            key = self._grid.header[index] or f"column {index + 1}"
            column = rows.flat_column(table, index).dictionary_encode()
            codes, said = column.indices.to_numpy(), column.dictionary.to_pylist()
            for owners, found in ((self._sample_codes, attributes), (self._feature_codes, notes)):
                held = _constant(owners, codes, len(found))
                if held is None:
                    continue
                for owner, code in enumerate(held.tolist()):
                    if said[code].strip():
                        found[owner][key] = said[code].strip()
                break
        return notes, attributes

    def _record_flags(self, table: pa.Table) -> dict[str, Any]:
        import numpy as np

        from loaders.formats.layouts import flag_values

        marked = {}
        for flag, pairs in self._roles.flag_columns.items():
            said = flag_values([(rows.flat_column(table, i), token) for i, token in pairs])
            hit = said.fill_null(False).to_numpy(zero_copy_only=False)
            marked[flag] = np.zeros(len(self._names), dtype=bool)
            marked[flag][self._feature_codes[hit]] = True
        return marked

    def _assays(self, attributes: Sequence[Mapping[str, str]]) -> list[Assay]:
        return [
            Assay(position=at + 1, name=name, source_column=name, attributes=attributes[at])
            for at, name in enumerate(self._samples)
        ]

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: If too many records were rejected.
        """
        import pyarrow as pa
        import pyarrow.compute as pc

        width = len(self._samples)
        account = self._account
        if not account.landed:
            account.land(self._landed)
            zeros = int(pc.sum(pc.equal(self._numbers, 0)).as_py() or 0)
            account.zeros = zeros
            account.values = len(self._numbers) - self._numbers.null_count
            account.values -= zeros if self.header.zero_is_missing else 0
        account.check(place=self._context.part, final=True)
        step = max(1, _BATCH_VALUES // max(1, width))
        for start in range(0, len(self._names), step):
            names = pa.array(self._names[start : start + step], pa.string())
            flat = self._text.slice(start * width, len(names) * width)
            yield rows.feature_rows(
                pa.array(self._first_rows[start : start + step], pa.int64()),
                names,
                rows.json_objects(self._notes[start : start + step]),
                list_literals(flat, width),
                self._flags(names, start),
            )

    def _flags(self, names: Any, start: int) -> dict[str, Any]:
        """Returns the flags of features; one flagged record flags its feature."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = rows.flags(None, names, self.header.omics_type, {})
        for flag, marked in self._marked.items():
            said = pa.array(marked[start : start + len(names)])
            found[flag] = pc.or_(said, found[flag])
        return found

    def rejects(self) -> pa.Table:
        """Returns the rejected records."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._account.counts()


def _constant(owners: Any, codes: Any, count: int) -> Any | None:
    """Returns the one code that each owner has, or None if any has two."""
    import numpy as np

    held = np.full(count, -1, dtype=np.int64)
    held[owners] = codes
    return held if bool((held[owners] == codes).all()) else None
