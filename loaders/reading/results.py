"""Result tables: rows are cleaned here and read by `loaders.formats.result_rows`.

A table that holds statistics and samples gives two datasets, ``results`` and ``matrix``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loaders.model import Contrast, Counts, DatasetHeader, DatasetReading, Roles
from loaders.reading import describe, rows, values
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.matrix import MatrixReading
from loaders.reading.omics_type import feature_type_of

if TYPE_CHECKING:
    import pyarrow as pa


def result_readings(
    grid: Grid, roles: Roles, first: pa.Table, context: Context
) -> list[DatasetReading]:
    """Returns the result table, and the matrix beside it where there are sample columns.

    Raises:
        Unreadable: If the omics type or the decimal mark is undecided.
    """
    if not roles.assay_columns:
        return [ResultReading(grid, roles, first, context)]
    statistics = {index for c in roles.contrasts for index in c.columns.values()}
    beside = replace(
        roles,
        orientation="features_in_rows",
        format=f"{roles.format}, samples beside the statistics",
        contrasts=(),
        ignored_columns={**roles.ignored_columns, **dict.fromkeys(statistics, "statistic")},
        value_scale=None,
        flag_result_column=None,
    )
    parts = {
        name: replace(context, part=f"{context.part}/{name}" if context.part else name)
        for name in ("results", "matrix")
    }
    return [
        ResultReading(grid, roles, first, parts["results"]),
        MatrixReading(grid, beside, first, parts["matrix"]),
    ]


class ResultReading:
    """A result table, while it is read."""

    def __init__(self, grid: Grid, roles: Roles, first: pa.Table, context: Context) -> None:
        """Decides the header from the first batch.

        Raises:
            Unreadable: If the omics type or the decimal mark is undecided.
        """
        import pyarrow as pa

        self._grid = grid
        self._roles = roles
        self._context = context
        self._statistics = sorted({i for c in roles.contrasts for i in c.columns.values()})
        self._account = rows.Account(context.reject_limit)
        names = rows.feature_names(first, roles.feature_columns)
        step = max(1, len(names) // 240)
        shown = [name for name in names.to_pylist()[::step] if name]
        cells = pa.concat_arrays([rows.flat_column(first, index) for index in self._statistics])
        self._style = values.decide_style(
            cells, delimiter=grid.evidence.get("delimiter"), place=context.part
        )
        omics_type, evidence = describe.decide_omics_type(
            grid, roles, shown, context, whole_numbers=False
        )
        self.header = DatasetHeader(
            part=context.part,
            shape="result_table",
            omics_type=omics_type,
            omics_type_evidence=evidence,
            feature_type=roles.feature_type or feature_type_of(omics_type, shown),
            format=roles.format,
            format_fingerprint=describe.fingerprint(grid.header),
            quantity=roles.quantity,
            unit=roles.unit,
            value_scale=roles.value_scale or "unknown",
            scale_evidence={"rule": "statistics have no scale of their own"},
            zero_is_missing=False,
            software=roles.software,
            role_evidence=self._evidence(),
            contrasts=self._contrasts(),
        )

    def _evidence(self) -> Mapping[str, object]:
        return {
            **self._roles.evidence,
            **self._grid.evidence,
            "ignored_columns": {
                self._grid.header[index] or f"column {index + 1}": why
                for index, why in self._roles.ignored_columns.items()
            },
            "number_style": {
                "decimal": self._style.decimal,
                "thousands": self._style.thousands,
            },
        }

    def _contrasts(self) -> tuple[Contrast, ...]:
        """Returns the contrasts; where a column names them, the rows are read once for that."""
        if self._roles.evidence.get("contrast_column") is None:
            return tuple(found.contrast for found in self._roles.contrasts)
        tables = self._read(rows.Account(1.0))
        for _ in tables:
            pass
        return tuple(tables.contrasts)

    def _read(self, account: rows.Account) -> Any:
        from loaders.formats.statistics import result_tables

        return result_tables(
            self._roles,
            self._cleaned(account),
            header=self._grid.header,
            decimal_comma=self._style.decimal == ",",
            missing=frozenset(token.casefold() for token in self._roles.missing_tokens),
        )

    def _cleaned(self, account: rows.Account) -> Iterator[pa.Table]:
        account.skip("label_row", self._grid.labels_below)
        log = RaggedLog()
        for table in self._grid.rows(log):
            account.settle_log(log, len(self._grid.header))
            table = rows.skip_by_rules(table, self._roles, account)
            names = rows.feature_names(table, self._roles.feature_columns)
            table, _ = rows.clean(table, names, account, quantity_columns=self._statistics)
            if table.num_rows:
                yield table
        account.settle_log(log, len(self._grid.header))

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: At the end, if too many rows were rejected.
        """
        account = self._account = rows.Account(self._context.reject_limit)
        tables = self._read(account)
        for table in tables:
            yield self._flagged(table)
        theirs: Counts = tables.counts()
        account.read += theirs.rows_read
        account.landed = theirs.rows_landed
        account.rejected_rows += theirs.rows_rejected
        account.values, account.zeros = theirs.n_values, theirs.zero_count
        account.rejected += [tuple(reject.values()) for reject in tables.rejects().to_pylist()]
        account.check(place=self._context.part, final=True)

    def _flagged(self, table: pa.Table) -> pa.Table:
        """Adds what the names say to what the flag columns say."""
        import pyarrow.compute as pc

        names = table["reported_name"].combine_chunks()
        for flag, said in rows.flags(None, names, self.header.omics_type, {}).items():
            both = pc.or_kleene(table[flag], said)
            table = table.set_column(table.schema.get_field_index(flag), flag, both)
        return table

    def rejects(self) -> pa.Table:
        """Returns the rejected rows."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._account.counts()
