"""Lands small made-up datasets straight into the raw tables, without reader or loader.

The dbt tests need landings that a reader would never produce on demand: unfinished loads, several
versions of one file, datasets without rows. These helpers write them as the landing contract says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.conftest import REPOSITORY

if TYPE_CHECKING:
    import psycopg

#: The clock of made-up loads: each load is one minute after the one before.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def create_landing(connection: psycopg.Connection[Any]) -> None:
    """Creates every raw schema and the ops tables that dbt reads, empty, and the seeds."""
    from loaders.load import prepare
    from omics.seeds import ensure_seeds
    from sync import state

    prepare(connection)
    state.ensure(connection)
    ensure_seeds(connection, REPOSITORY / "dbt_project" / "seeds")


@dataclass(frozen=True)
class Matrix:
    """A made-up matrix: one tuple of quantities (as text) for each feature.

    Attributes:
        rows: Reported name to quantities, in file order.
        flags: Reported name to the flag column that is set for it.
        files: Columns of ``files`` that differ from the defaults.
        assays: Assay names; ``S1``, ``S2`` ... when empty.
        annotations: Reported name to annotations.
        rejects: Rows of ``rejected_rows`` as (row number, column, text).
    """

    rows: Sequence[tuple[str | None, Sequence[str | None]]] = ()
    flags: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Any] = field(default_factory=dict)
    assays: Sequence[str] = ()
    annotations: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rejects: Sequence[tuple[int, str, str]] = ()


@dataclass(frozen=True)
class Results:
    """A made-up result table: contrast name to rows of statistics (as text)."""

    contrasts: Mapping[str, Sequence[Mapping[str, str | None]]]
    files: Mapping[str, Any] = field(default_factory=dict)
    contrast: Mapping[str, Any] = field(default_factory=dict)


def file_id_of(dataset_key: str, content: object) -> int:
    """Returns the 63-bit id of a made-up file version."""
    digest = hashlib.sha256(f"{dataset_key}\x1f{content!r}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def land(
    connection: psycopg.Connection[Any],
    source: str,
    dataset_key: str,
    content: Matrix | Results,
    *,
    minute: int,
    finished: bool = True,
    load_id: str | None = None,
) -> int:
    """Lands one dataset version as one load and returns its file id.

    Args:
        connection: Where to write.
        source: Omics type, which names the raw schema.
        dataset_key: Key of the dataset; a second landing of it is a new version.
        content: What the file holds.
        minute: Minutes after EPOCH at which the load ends.
        finished: False leaves the load as a crash would.
        load_id: Load id, when it is not to follow from the minute.
    """
    schema = f"raw_{source}"
    load = load_id or f"{1_767_225_600 + 60 * minute}.5"
    file_id = file_id_of(dataset_key, content)
    moment = EPOCH + timedelta(minutes=minute)
    is_matrix = isinstance(content, Matrix)
    if isinstance(content, Matrix):
        n_rows = len(content.rows)
        n_assays = len(content.assays) or (len(content.rows[0][1]) if content.rows else 0)
        n_values = sum(value is not None for _, values in content.rows for value in values)
        n_rejects = len({row for row, _, _ in content.rejects})
    else:
        n_rows = sum(len(rows) for rows in content.contrasts.values())
        n_assays = n_values = n_rejects = 0
    values: dict[str, Any] = {
        "file_id": file_id,
        "dataset_key": dataset_key,
        "part": "",
        "source_path": dataset_key,
        "source_root": "/data",
        "sha256": hashlib.sha256(repr(content).encode()).hexdigest(),
        "size_bytes": 1000,
        "modified_at": EPOCH,
        "omics_type": source,
        "format": "delimited matrix" if is_matrix else "DESeq2",
        "format_fingerprint": "f1",
        "reader_version": "1",
        "shape": "matrix" if is_matrix else "result_table",
        "feature_type": {
            "lipidomics": "lipid",
            "metabolomics": "metabolite",
            "proteomics": "protein",
            "transcriptomics": "gene",
        }[source],
        "quantity": "abundance" if is_matrix else None,
        "value_scale": "linear" if is_matrix else "unknown",
        "scale_evidence": "{}",
        "zero_is_missing": False,
        "zero_count": 0,
        "role_evidence": "{}",
        "omics_type_evidence": "{}",
        "rows_read": n_rows + n_rejects,
        "rows_landed": n_rows,
        "rows_rejected": n_rejects,
        "rows_skipped": 0,
        "rows_skipped_by_rule": "{}",
        "n_assays": n_assays,
        "n_values": n_values,
        "status": "loaded",
        "loaded_at": moment,
        **content.files,
    }
    _insert(connection, f"{schema}.files", [values], load)
    if isinstance(content, Matrix):
        names = content.assays or [f"S{i + 1}" for i in range(n_assays)]
        _insert(
            connection,
            f"{schema}.assays",
            [
                {"file_id": file_id, "position": i, "name": name, "source_column": name}
                for i, name in enumerate(names, start=1)
            ],
            load,
        )
        _insert(
            connection,
            f"{schema}.feature_rows",
            [
                {
                    "file_id": file_id,
                    "row_number": i,
                    "reported_name": name,
                    "quantities": "{" + ",".join("NULL" if v is None else v for v in row) + "}",
                    "annotations": json.dumps(content.annotations[name])
                    if name is not None and name in content.annotations
                    else None,
                    **{
                        flag: content.flags.get(name or "") == flag
                        for flag in ("is_contaminant", "is_decoy", "is_internal_standard")
                    },
                }
                for i, (name, row) in enumerate(content.rows, start=2)
            ],
            load,
        )
        _insert(
            connection,
            f"{schema}.rejected_rows",
            [
                {
                    "file_id": file_id,
                    "row_number": row,
                    "column_name": column,
                    "raw_text": text,
                    "reason_code": "not_a_number",
                    "message": "write a number or leave the cell empty",
                }
                for row, column, text in content.rejects
            ],
            load,
        )
    else:
        for position, (name, rows) in enumerate(content.contrasts.items(), start=1):
            contrast = {"file_id": file_id, "position": position, "name": name, "columns": "{}"}
            _insert(connection, f"{schema}.contrasts", [contrast | dict(content.contrast)], load)
            _insert(
                connection,
                f"{schema}.result_rows",
                [
                    {"file_id": file_id, "contrast_position": position, "row_number": i, **row}
                    for i, row in enumerate(rows, start=2)
                ],
                load,
            )
    connection.execute(
        f"insert into {schema}._dlt_loads values (%s, %s, %s, %s, 'h')",
        (load, source, 0 if finished else 1, moment),
    )
    return file_id


def land_sheet(
    connection: psycopg.Connection[Any],
    path: str,
    records: Sequence[tuple[str, Mapping[str, Any]]],
    *,
    minute: int,
    part: str = "",
    attributes: Mapping[str, str] | None = None,
) -> int:
    """Lands one version of a sheet of the source `programs` and returns its file id.

    Args:
        connection: Where to write.
        path: Path of the sheet.
        records: Kind and canonical fields of each row, from line 2 on.
        minute: Minutes after EPOCH at which the load ends.
        part: Part of the file, for a sheet of a workbook.
        attributes: Other columns, equal in every row.
    """
    key = f"{path}#{part}" if part else path
    load = f"{1_767_225_600 + 60 * minute}.5"
    file_id = file_id_of(key, records)
    moment = EPOCH + timedelta(minutes=minute)
    values = {
        "file_id": file_id, "dataset_key": key, "part": part, "source_path": path,
        "source_root": "/data", "sha256": hashlib.sha256(repr(records).encode()).hexdigest(),
        "size_bytes": 100, "modified_at": EPOCH, "format": "sheet", "format_fingerprint": "f",
        "reader_version": "1", "shape": "sheet", "rows_read": len(records),
        "rows_landed": len(records), "rows_rejected": 0, "rows_skipped": 0,
        "rows_skipped_by_rule": "{}", "status": "loaded", "loaded_at": moment,
    }  # fmt: skip
    _insert(connection, "raw_programs.files", [values], load)
    _insert(
        connection,
        "raw_programs.records",
        [
            {
                "file_id": file_id,
                "row_number": number,
                "kind": kind,
                "fields": json.dumps(fields),
                "attributes": json.dumps(dict(attributes or {})),
            }
            for number, (kind, fields) in enumerate(records, start=2)
        ],
        load,
    )
    connection.execute(
        "insert into raw_programs._dlt_loads values (%s, 'programs', 0, %s, 'h')", (load, moment)
    )
    return file_id


def _insert(
    connection: psycopg.Connection[Any],
    table: str,
    rows: Sequence[Mapping[str, Any]],
    load_id: str,
) -> None:
    for row in rows:
        names = ", ".join([*row, "_dlt_load_id"])
        places = ", ".join(["%s"] * (len(row) + 1))
        connection.execute(
            f"insert into {table} ({names}) values ({places})",
            [*row.values(), load_id],
        )


def set_state(
    connection: psycopg.Connection[Any], dataset_key: str, state: str, *, minute: int
) -> None:
    """Marks a dataset as ``removed`` or ``source_missing`` at a minute after EPOCH."""
    connection.execute(
        "insert into ops.dataset_states (dataset_key, source_path, state, since) "
        "values (%s, %s, %s, %s) on conflict (dataset_key) do update "
        "set state = excluded.state, since = excluded.since",
        (dataset_key, dataset_key, state, EPOCH + timedelta(minutes=minute)),
    )


def land_many(
    connection: psycopg.Connection[Any],
    *,
    datasets: int,
    rows: int,
    assays: int,
    first: int = 1,
    names: int = 1000,
) -> None:
    """Lands many lipidomics matrices in one load, made inside Postgres.

    Args:
        connection: Where to write.
        datasets: How many matrices.
        rows: Features of each.
        assays: Assays of each.
        first: Number of the first dataset.
        names: How many different feature names there are.
    """
    parameters = {
        "first": first,
        "last": first + datasets - 1,
        "rows": rows,
        "assays": assays,
        "names": names,
        "load": f"{1_767_225_600 + first}.25",
        "moment": EPOCH + timedelta(seconds=first),
    }
    connection.execute(
        """
        insert into raw_lipidomics.files (
            file_id, dataset_key, part, source_path, source_root, sha256, size_bytes, modified_at,
            omics_type, omics_type_evidence, format, format_fingerprint, reader_version, shape,
            feature_type, quantity, value_scale, scale_evidence, zero_is_missing, zero_count,
            role_evidence, rows_read, rows_landed, rows_rejected, rows_skipped,
            rows_skipped_by_rule, n_assays, n_values, status, loaded_at, _dlt_load_id)
        select
            ('x' || substr(md5('file' || d), 1, 15))::bit(60)::bigint, '/data/made/' || d || '.csv',
            '', '/data/made/' || d || '.csv', '/data/made', md5('content' || d), 30000,
            %(moment)s, 'lipidomics', '{"by": "folder"}', 'delimited matrix', 'f1', '1', 'matrix',
            'lipid', 'abundance', 'linear', '{"skew": 5}', false, 0, '{}', %(rows)s, %(rows)s, 0, 0,
            '{}', %(assays)s, %(rows)s::int * %(assays)s::int, 'loaded', %(moment)s, %(load)s
        from generate_series(%(first)s::int, %(last)s::int) as d
        """,
        parameters,
    )
    connection.execute(
        """
        insert into raw_lipidomics.assays (
            file_id, position, name, source_column, attributes, _dlt_load_id)
        select
            ('x' || substr(md5('file' || d), 1, 15))::bit(60)::bigint, p, 'sample_' || p,
            'sample_' || p, '{}', %(load)s
        from
            generate_series(%(first)s::int, %(last)s::int) as d,
            generate_series(1, %(assays)s::int) as p
        """,
        parameters,
    )
    connection.execute(
        """
        insert into raw_lipidomics.feature_rows (
            file_id, row_number, reported_name, quantities, is_contaminant, is_decoy,
            is_internal_standard, _dlt_load_id)
        select
            ('x' || substr(md5('file' || d), 1, 15))::bit(60)::bigint, r + 1,
            'PC ' || (20 + (d + r) %% %(names)s::int) || ':' || (r %% 7),
            '{' || array_to_string(array(
                select case
                    when random() < 0.03 then null
                    else round((exp(random() * 6 + r %% 5) * 100)::numeric, 4)
                end
                from generate_series(1, %(assays)s::int + 0 * d) as p
            ), ',', 'NULL') || '}', false, false, false, %(load)s
        from
            generate_series(%(first)s::int, %(last)s::int) as d,
            generate_series(1, %(rows)s::int) as r
        """,
        parameters,
    )
    connection.execute(
        "insert into raw_lipidomics._dlt_loads values (%(load)s, 'lipidomics', 0, %(moment)s, 'h')",
        parameters,
    )
