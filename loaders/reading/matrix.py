"""Matrices with features in rows: streamed, each row's quantities as one array literal."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from loaders.model import Assay, Counts, DatasetHeader, Roles
from loaders.reading import describe, rows, status, values
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.top import PERSEUS
from loaders.reading.values import NumberStyle

if TYPE_CHECKING:
    import pyarrow as pa

_PERSEUS_LABEL = re.compile(re.escape(PERSEUS) + r"(?:[A-Z]:)?(.*?)\}(.*)", re.DOTALL)


class MatrixReading:
    """A matrix with features in rows, while it is read."""

    def __init__(self, grid: Grid, roles: Roles, first: pa.Table, context: Context) -> None:
        """Decides the header from the first batch; the rows are read by `batches`.

        Raises:
            Unreadable: If the omics type or the decimal mark is undecided.
        """
        self._grid = grid
        self._roles = roles
        self._context = context
        self._columns = [index for index, _ in roles.assay_columns]
        self._account = rows.Account(context.reject_limit)
        if roles.label_rows:
            first = first.slice(roles.label_rows)
        first = rows.skip_by_rules(first, roles, rows.Account(1.0))
        cells, names = _sampled(first, roles, self._columns)
        self._whole = first if len(cells) == first.num_rows * len(self._columns) else None
        sample = describe.sample_of(grid, roles, cells, names, context.part)
        self._style: NumberStyle = sample.style
        self._sample = sample
        self._keys = list(
            zip(
                roles.annotation_columns,
                rows.unique_names([_key(grid, index) for index in roles.annotation_columns]),
                strict=True,
            )
        )
        self.header: DatasetHeader = describe.matrix_header(
            grid, roles, sample, self._assays(first), context, more={}
        )

    def _assays(self, first: pa.Table) -> list[Assay]:
        names = rows.unique_names([name.strip() for _, name in self._roles.assay_columns])
        labels = _labels(self._grid, self._roles)
        return [
            Assay(
                position=position,
                name=name,
                source_column=self._grid.header[index],
                attributes={key: cells[index] for key, cells in labels if cells[index]},
            )
            for position, (name, index) in enumerate(
                zip(names, self._columns, strict=True), start=1
            )
        ]

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: At the end, if too many rows were rejected.
        """
        account = self._account = rows.Account(self._context.reject_limit)
        account.skip("label_row", self._grid.labels_below)
        log = RaggedLog()
        labels = self._roles.label_rows
        for table in self._grid.rows(log):
            if labels:
                skipped = min(labels, table.num_rows)
                account.skip("label_row", skipped)
                labels -= skipped
                table = table.slice(skipped)
            account.settle_log(log, len(self._grid.header))
            batch = self._batch(table, account)
            if batch is not None:
                yield batch
            account.check(place=self._context.part, final=False)
        account.settle_log(log, len(self._grid.header))
        account.check(place=self._context.part, final=True)

    def rejects(self) -> pa.Table:
        """Returns the rejected rows."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._account.counts()

    def _batch(self, table: pa.Table, account: rows.Account) -> pa.Table | None:
        import pyarrow as pa
        import pyarrow.compute as pc

        table = rows.skip_by_rules(table, self._roles, account)
        names, _ = rows.names_of(table, self._roles)
        table, names = rows.clean(table, names, account, quantity_columns=self._columns)
        count = table.num_rows
        if not count:
            return None
        if table is self._whole:
            # The sample of a small file is the whole of it: not read twice, 0.15 ms and more.
            flat, parsed = self._sample.cells, self._sample.parsed
        else:
            flat = pa.concat_arrays([rows.flat_column(table, index) for index in self._columns])
            parsed = values.parse(flat, self._style, self._roles.missing_tokens)
        bad = values.all_bad(parsed)
        text, numbers = parsed.text, parsed.numbers
        keep = None
        if bad is not None:
            keep = self._reject(table, flat, bad, account)
        literals = array_literals([text.slice(i * count, count) for i in range(len(self._columns))])
        numbers_of = table.column(table.num_columns - 1)
        notes = status.beside(
            rows.annotations_of(table, self._keys),
            status.by_row(flat, text, [assay.name for assay in self.header.assays], count),
        )
        if keep is not None:
            notes = notes.filter(keep)
            table, names, literals = table.filter(keep), names.filter(keep), literals.filter(keep)
            numbers_of = numbers_of.filter(keep)
            repeated = pa.concat_arrays([keep] * len(self._columns))
            numbers, text, flat = (a.filter(repeated) for a in (numbers, text, flat))
            if not table.num_rows:
                return None
        zeros = parsed.zeros
        if keep is not None:
            zeros = int(pc.sum(pc.equal(numbers, 0)).as_py() or 0)
        account.zeros += zeros
        account.values += len(numbers) - numbers.null_count
        account.values -= zeros if self.header.zero_is_missing else 0
        account.land(table.num_rows)
        return rows.feature_rows(
            numbers_of,
            names,
            notes,
            literals,
            rows.flags(table, names, self.header.omics_type, dict(self._roles.flag_columns)),
        )

    def _reject(self, table: pa.Table, flat: Any, bad: Any, account: rows.Account) -> Any:
        """Rejects each row with a cell that is no quantity; returns which rows are kept."""
        import numpy as np
        import pyarrow as pa

        count = table.num_rows
        grid = bad.to_numpy(zero_copy_only=False).reshape(len(self._columns), count)
        numbers = table.column(table.num_columns - 1)
        for row in np.flatnonzero(grid.any(axis=0)).tolist():
            columns = np.flatnonzero(grid[:, row])
            column = int(columns[0])
            raw = str(flat[column * count + row].as_py())
            header = self._grid.header[self._columns[column]]
            account.reject(
                int(numbers[row].as_py()),
                header,
                raw,
                "not_a_number",
                rows.not_a_number(raw, header, len(columns) - 1),
            )
        return pa.array(~grid.any(axis=0))


def array_literals(columns: Sequence[Any]) -> Any:
    """Joins columns of quantities into one Postgres array literal per row."""
    import pyarrow.compute as pc

    if len(columns) == 1:
        joined = pc.fill_null(columns[0], "NULL")
    else:
        joined = pc.binary_join_element_wise(
            *columns, ",", null_handling="replace", null_replacement="NULL"
        )
    return pc.binary_join_element_wise("{", joined, "}", "")


def _sampled(first: pa.Table, roles: Roles, columns: Sequence[int]) -> tuple[Any, list[str]]:
    """Takes the cells and names of evenly spread rows: enough for the verdicts, not more."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names, nameless = rows.names_of(first, roles)
    named = None if rows.are_plain(names) else pc.not_equal(names, "")
    if named is not None and not pc.all(named).as_py():
        first, names = first.filter(named), names.filter(named)
        nameless = nameless.filter(named) if nameless is not None else None
    wanted = max(20, describe.SAMPLE_VALUES // max(1, len(columns)))
    count = first.num_rows
    if count > wanted:
        picked = pa.array([index * count // wanted for index in range(wanted)])
        first, names = first.take(picked), names.take(picked)
        nameless = nameless.take(picked) if nameless is not None else None
    cells = pa.concat_arrays([rows.flat_column(first, index) for index in columns])
    if nameless is not None and not pc.all(nameless).as_py():
        # What an unidentified molecule is called tells nothing of what the others are.
        names = names.filter(pc.invert(nameless))
    step = max(1, len(names) // 240)
    return cells, names.to_pylist()[::step]


def _labels(grid: Grid, roles: Roles) -> list[tuple[str, Sequence[str]]]:
    """Returns label rows with the name of each: its cell beside the samples."""
    assays = {index for index, _ in roles.assay_columns}
    found: list[tuple[str, Sequence[str]]] = []
    below: list[list[str]] = []
    if roles.label_rows:
        for table in grid.rows(RaggedLog()):
            for column in range(min(roles.label_rows, table.num_rows)):
                below.append(
                    [table.column(i)[column].as_py().strip() for i in range(len(grid.header))]
                )
            break
    # Of two blocks of the same samples, the labels stand left of the first.
    named = {grid.header[index] for index in assays}
    begin = next((at for at, name in enumerate(grid.header) if name in named), 0)
    for number, cells in enumerate([*grid.label_rows, *below], start=1):
        if said := _PERSEUS_LABEL.match(cells[0]):
            # The name stands before the first cell of the row itself; Type is of columns.
            if said[1] != "Type":
                found.append((said[1], [said[2], *cells[1:]]))
            continue
        outside = [cell for index, cell in enumerate(cells) if index not in assays and cell]
        # The label stands left of the samples it describes, where something stands there at all.
        beside = [cell for index, cell in enumerate(cells) if index < begin and cell]
        same = all(cells[index] == grid.header[index] for index in assays)
        if same or not any(cells[index] for index in assays):
            continue
        label = beside[-1] if beside else outside[-1] if outside else f"label {number}"
        found.append((label, cells))
    return found


def _key(grid: Grid, index: int) -> str:
    return grid.header[index] or f"column {index + 1}"
