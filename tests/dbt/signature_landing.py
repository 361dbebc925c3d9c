"""Lands made-up signatures straight into the raw tables, as the loaders would."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.dbt.landing import EPOCH, file_id_of

if TYPE_CHECKING:
    import psycopg

#: Name, direction, weight; type gene unless a fourth says otherwise.
Component = tuple[Any, ...]


def land_signatures(
    connection: psycopg.Connection[Any],
    path: str,
    sets: Mapping[str, Sequence[Component]],
    *,
    minute: int,
    fields: Mapping[str, Mapping[str, str]] | None = None,
) -> int:
    """Lands one file of signatures as one load and returns its file id."""
    load = f"{1_767_225_600 + 60 * minute}.7"
    moment = EPOCH + timedelta(minutes=minute)
    file_id = file_id_of(path, sets)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into raw_signatures.files (file_id, dataset_key, part, source_path,"
            " source_root, sha256, size_bytes, modified_at, format, format_fingerprint,"
            " reader_version, shape, role_evidence, rows_read, rows_landed, rows_rejected,"
            " rows_skipped, rows_skipped_by_rule, status, loaded_at, _dlt_load_id)"
            " values (%s, %s, '', %s, '/data', %s, 1, %s, 'signature table', 'f', '1',"
            " 'signatures', '{}', 1, 1, 0, 0, '{}', 'loaded', %s, %s)",
            (file_id, path, path, f"{file_id:064x}", EPOCH, moment, load),
        )
        for position, (name, components) in enumerate(sets.items(), start=1):
            said = dict((fields or {}).get(name, {})) | {"n_members": len(components)}
            cursor.execute(
                "insert into raw_signatures.sets"
                " (file_id, row_number, position, name, fields, _dlt_load_id)"
                " values (%s, %s, %s, %s, %s, %s)",
                (file_id, position, position, name, json.dumps(said), load),
            )
            cursor.executemany(
                "insert into raw_signatures.components (file_id, row_number, set_name, position,"
                " reported_name, feature_type, feature_type_evidence, direction, weight,"
                " _dlt_load_id) values (%s, %s, %s, %s, %s, %s, 'given', %s, %s, %s)",
                [
                    (file_id, i + 1, name, i, c[0], c[3] if len(c) > 3 else "gene", str(c[1]),
                     str(c[2]), load)
                    for i, c in enumerate(components, start=1)
                ],
            )  # fmt: skip
        cursor.execute(
            "insert into raw_signatures._dlt_loads values (%s, 'signatures', 0, %s, 'h')",
            (load, moment),
        )
    return file_id
