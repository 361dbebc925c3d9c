"""Reads one dataset from the marts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError
from warehouse.export.model import Exported, Matrix
from warehouse.marts import find_dataset, require_marts

if TYPE_CHECKING:
    import numpy as np
    import psycopg

    Conn = psycopg.Connection[Any]

#: Every mart that is read here; the exposure `export` names the same.
NEEDED = (
    "datasets",
    "assays",
    "samples",
    "features",
    "dataset_features",
    "contrasts",
    "differential_results",
    "source_files",
    "reference_releases",
)

#: Rows that come over at once: bounds what the driver holds beside the result.
_BATCH = 5_000

_DATASET = """
select
    datasets.dataset_id::text, datasets.name, datasets.dataset_key, datasets.omics_type,
    datasets.data_shape, datasets.feature_type, datasets.quantity, datasets.unit,
    datasets.value_scale, datasets.organism, datasets.sample_type, datasets.disease,
    datasets.quality_status, files.path as source_path, files.part as source_part,
    files.sha256 as source_sha256, files.format as source_format, files.reader_version,
    files.load_id, files.loaded_at
from marts.datasets as datasets
left join marts.source_files as files
    on datasets.source_file_id = files.source_file_id and files.load_id = datasets.load_id
where datasets.dataset_id = %(dataset)s
"""

_RELEASES = """
select reference, content, taxon, version from marts.reference_releases
where is_used order by reference, content, taxon, version
"""

_ASSAYS = """
select
    assays.name, assays.assay_id::text, assays.source_column, assays.sample_id::text,
    samples.name as sample, assays.study_variable, assays.batch, assays.run_order::text
from marts.assays as assays
left join marts.samples as samples on assays.sample_id = samples.sample_id
where assays.dataset_id = %(dataset)s
order by assays.position
"""

# The number of the row is written as `omics why --feature` takes it.
_ROW = """
    rows.reported_name, features.name as resolved_name, features.canonical_id,
    rows.feature_id::text as feature_id, 'row ' || rows.row_number as source_row,
    case
        when rows.is_decoy then 'decoy'
        when rows.is_contaminant then 'contaminant'
        when rows.is_internal_standard then 'internal_standard'
    end as flag
"""

_MATRIX = f"""
select {_ROW}, rows.abundances
from marts.dataset_features as rows
left join marts.features as features on rows.feature_id = features.feature_id
where rows.dataset_id = %(dataset)s
order by rows.row_number
"""  # noqa: S608 - no part comes from outside

_STATISTICS = (
    "log2_fold_change",
    "std_error",
    "statistic",
    "p_value",
    "adjusted_p_value",
    "mean_abundance",
)

_RESULTS = f"""
select {_ROW}, contrasts.name as contrast, {", ".join(f"rows.{name}" for name in _STATISTICS)}
from marts.differential_results as rows
join marts.contrasts as contrasts
    on rows.dataset_id = contrasts.dataset_id and rows.contrast_id = contrasts.contrast_id
left join marts.features as features on rows.feature_id = features.feature_id
where rows.dataset_id = %(dataset)s
order by contrasts.position, rows.row_number
"""  # noqa: S608 - no part comes from outside

_TEXTS = ("reported_name", "resolved_name", "canonical_id", "feature_id", "source_row", "flag")


def read_dataset(conn: Conn, wanted: str) -> Exported:
    """Reads one dataset, all of it at one moment.

    Args:
        conn: A connection; the role `analyst` is enough.
        wanted: Name, id or beginning of the id.

    Raises:
        OmicsError: The marts are not built, or the dataset is unknown.
    """
    require_marts(conn, NEEDED)
    identifier, name = find_dataset(conn, wanted)
    parameters = {"dataset": identifier}
    with conn.transaction():
        conn.execute("set transaction isolation level repeatable read, read only")
        (about,) = _mappings(conn, _DATASET, parameters)
        releases = _mappings(conn, _RELEASES, {})
        provenance = _provenance(about, releases)
        if about["data_shape"] == "matrix":
            rows, matrix = _matrix(conn, parameters)
            return Exported(name, provenance, rows, matrix, {})
        rows, statistics = _results(conn, parameters)
        return Exported(name, provenance, rows, None, statistics)


def _provenance(about: Mapping[str, Any], releases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    kept = {key: value for key, value in about.items() if key != "loaded_at"}
    if about["loaded_at"] is not None:
        kept["loaded_at"] = about["loaded_at"].astimezone(UTC).isoformat()
    return {
        "exported_by": f"omics-warehouse {version('omics-warehouse')}",
        "exported_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **{key: value for key, value in kept.items() if value not in (None, "", [])},
        "references": [
            " ".join(str(part) for part in release.values() if part) for release in releases
        ],
    }


def _matrix(
    conn: Conn, parameters: Mapping[str, Any]
) -> tuple[dict[str, list[str | None]], Matrix]:
    import numpy as np

    assays = _mappings(conn, _ASSAYS, parameters)
    texts: dict[str, list[str | None]] = {name: [] for name in _TEXTS}
    pieces: list[np.ndarray[Any, np.dtype[np.float64]]] = []
    # Read in pieces on the server's side, so that only numbers are kept, never objects.
    with conn.cursor(name="export") as cursor:
        cursor.itersize = _BATCH
        cursor.execute(_MATRIX.encode(), parameters)
        while batch := cursor.fetchmany(_BATCH):
            for at, name in enumerate(_TEXTS):
                texts[name].extend(row[at] for row in batch)
            piece = np.array([row[-1] or [] for row in batch], dtype=np.float64)
            if piece.shape[1] != len(assays):
                raise OmicsError(
                    f"rows of {piece.shape[1]:,} values beside {len(assays):,} assays",
                    where="marts.dataset_features",
                    expected="one value per assay",
                    fix="omics build",
                )
            pieces.append(piece)
    values = np.concatenate(pieces) if pieces else np.empty((0, len(assays)), dtype=np.float64)
    names = _unique(assay["name"] for assay in assays)
    about = {
        field: [assay[field] for assay in assays]
        for field in ("assay_id", "source_column", "sample_id", "sample", "study_variable",
                      "batch", "run_order")
    }  # fmt: skip
    return texts, Matrix(names, about, values)


def _results(
    conn: Conn, parameters: Mapping[str, Any]
) -> tuple[dict[str, list[str | None]], dict[str, list[float | None]]]:
    found = _mappings(conn, _RESULTS, parameters)
    texts: dict[str, list[str | None]] = {
        name: [row[name] for row in found] for name in (*_TEXTS, "contrast")
    }
    numbers: dict[str, list[float | None]] = {
        name: [row[name] for row in found] for name in _STATISTICS
    }
    # A statistic that the file does not have is no column.
    return texts, {
        name: values
        for name, values in numbers.items()
        if any(value is not None for value in values)
    }


def _unique(names: Any) -> list[str]:
    """Names of columns, each once: a table with two columns of one name is no table."""
    taken: set[str] = set()
    unique = []
    for name in names:
        wanted, number = str(name), 1
        while wanted in taken or wanted in _TEXTS:
            number += 1
            wanted = f"{name}.{number}"
        taken.add(wanted)
        unique.append(wanted)
    return unique


def _mappings(conn: Conn, query: str, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    from psycopg.rows import dict_row

    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(query.encode(), parameters)
        return cursor.fetchall()
