"""What rests on a file: rows of every mart, counted, with a few of them named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError
from warehouse.lineage.find import versions_of
from warehouse.lineage.model import Impact, Resting, Row
from warehouse.lineage.origins import CURRENT
from warehouse.lineage.routes import routes
from warehouse.lineage.tables import rows

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Rows of each mart that are named.
EXAMPLES = 3

_IN_DATASETS = "dataset_id = any(%(datasets)s)"
_NAMED_BY_SHEETS = "dataset_id = any(%(named)s)"
_DESCRIBED = "dataset_id = any(%(described)s)"
_SHEET_ENTITIES = (
    "(select e.entity_id from intermediate.int_sheet_entities as e "
    "where e.record_ids && %(records)s)"
)
_SHEET_SAMPLES = (
    "sample_id in (select s.sample_id from intermediate.int_sheet_sample_rows as s "
    "where s.record_id = any(%(records)s))"
)

#: Rows that rest on a file which holds datasets: mart and condition.
_OF_DATASETS = dict.fromkeys(
    (
        "datasets",
        "assays",
        "contrasts",
        "dataset_features",
        "differential_results",
        "dataset_quality",
        "samples",
        "program_datasets",
        "experiment_datasets",
        "rejected_rows",
        "derived_results",
        "dataset_signatures",
        "signature_scores",
        "scored_observations",
        "assay_ranks",
        "contrast_ranks",
    ),
    _IN_DATASETS,
)

#: Rows that rest on a sheet: what it describes, and the datasets that its rows name.
_OF_SHEETS = {
    "programs": f"program_id in {_SHEET_ENTITIES}",
    "experiments": f"experiment_id in {_SHEET_ENTITIES}",
    "program_experiments": f"experiment_id in {_SHEET_ENTITIES} or program_id in {_SHEET_ENTITIES}",
    "experiment_signatures": f"experiment_id in {_SHEET_ENTITIES}",
    "samples": _SHEET_SAMPLES,
    "assays": _SHEET_SAMPLES,
    "datasets": _DESCRIBED,
    "program_datasets": f"{_NAMED_BY_SHEETS} or program_id in {_SHEET_ENTITIES}",
    "experiment_datasets": f"{_NAMED_BY_SHEETS} or experiment_id in {_SHEET_ENTITIES}",
}

#: Rejects of files that hold no dataset.
_OF_DEFINITIONS = {"rejected_rows": "dataset_id is null and source_file_id = any(%(definitions)s)"}

#: Rows that rest on a file of signatures.
_OF_SIGNATURES = dict.fromkeys(
    (
        "signatures",
        "signature_components",
        "signature_features",
        "signature_scores",
        "dataset_signatures",
        "signature_cohorts",
        "experiment_signatures",
    ),
    "signature_id = any(%(signatures)s)",
)


def impact_of(conn: Conn, target: str, *, places: Sequence[str] = ()) -> Impact:
    """Returns what rests on a file, with all its parts and versions.

    Args:
        conn: Connection that reads marts, intermediate and raw schemas.
        target: Path, the end of one, hash, file id or quarantine id.
        places: Spellings of the target as a path, absolute ones among them.

    Raises:
        OmicsError: No file fits, or several do; the message lists them.
    """
    versions = versions_of(conn, target, tuple(dict.fromkeys((target, *places))))
    paths = list(dict.fromkeys(version["path"] for version in versions))
    if len(paths) != 1:
        listed = "\n".join(f"    {path}" for path in paths[:12])
        raise OmicsError(
            f"{len(paths)} files are meant by {target!r}" if paths else f"no file is {target!r}",
            where="marts.source_files",
            expected=f"one of\n{listed}" if paths else "path, name or id of a file that was loaded",
            fix="write more of the path" if paths else "see `omics plan`, or load it and build",
        )
    current = [version for version in versions if version["status"] in CURRENT]
    references = [version for version in current if version["source_name"] == "features"]
    in_use = _releases_in_use(conn, references)
    values = _values(conn, current)
    conditions: dict[str, list[str]] = {}
    for needed, found in (
        ("datasets", _OF_DATASETS),
        ("records", _OF_SHEETS),
        ("definitions", _OF_DEFINITIONS),
        ("signatures", _OF_SIGNATURES),
    ):
        if values[needed]:
            for mart, condition in found.items():
                conditions.setdefault(mart, []).append(condition)
    resting = {
        mart: _count(conn, mart, " or ".join(f"({one})" for one in either), values)
        for mart, either in conditions.items()
    }
    if values["datasets"]:
        resting |= _rest_on_datasets(conn, values)
    if in_use:
        resting |= _rest_on_references(conn, in_use)
    resting |= _rest_on_versions(versions)
    return Impact(
        paths[0],
        tuple(versions),
        _verdict(versions, current, bool(references) and not in_use),
        _dataset_names(conn, [*values["datasets"], *values["described"]]),
        tuple(resting[mart] for mart in routes() if mart in resting and resting[mart].count),
    )


def _values(conn: Conn, current: Sequence[Row]) -> dict[str, list[Any]]:
    """What the conditions ask for: ids of datasets, of rows of sheets and of files."""
    sheets = [file["source_file_id"] for file in current if file["source_name"] == "programs"]
    records = rows(
        conn,
        "select record_id from intermediate.int_sheet_records where source_file_id = any(%s)",
        (sheets,),
    )
    record_ids = [row["record_id"] for row in records]
    named = rows(
        conn,
        "select distinct dataset_id from intermediate.int_sheet_files_resolved "
        "where outcome = 'found' and record_id = any(%s)",
        (record_ids,),
    )
    # A dataset is described by the samples that its assays are looked for among, too.
    sampled = rows(
        conn,
        "select distinct s.dataset_id from intermediate.int_dataset_sample_scopes as s "
        "where s.scope in (select r.scope from intermediate.int_sheet_sample_rows as r "
        "where r.record_id = any(%s))",
        (record_ids,),
    )
    named_ids = [row["dataset_id"] for row in named]
    definitions = [file["source_file_id"] for file in current if file["dataset_id"] is None]
    signatures = rows(
        conn,
        "select signature_id from marts.signatures where source_file_id = any(%s)",
        (definitions,),
    )
    return {
        "datasets": [file["dataset_id"] for file in current if file["dataset_id"] is not None],
        "definitions": definitions,
        "signatures": [row["signature_id"] for row in signatures],
        "records": record_ids,
        "named": named_ids,
        "described": list({*named_ids, *(row["dataset_id"] for row in sampled)}),
    }


def _count(conn: Conn, mart: str, condition: str, values: Mapping[str, Any]) -> Resting:
    """Counts rows of a mart and names a few; both through the same condition."""
    key = ", ".join(routes()[mart].key)
    table = f"marts.{mart}"
    counted = rows(conn, f"select count(*) as n from {table} where {condition}", values)[0]["n"]  # noqa: S608 - constants
    examples = rows(
        conn,
        f"select {key} from {table} where {condition} order by {key} limit %(examples)s",  # noqa: S608 - constants
        {**values, "examples": EXAMPLES if counted else 0},
    )
    return Resting(mart, counted, tuple(examples))


def _rest_on_datasets(conn: Conn, values: Mapping[str, Any]) -> dict[str, Resting]:
    """What has no `dataset_id` of its own, or is too large to be taken apart.

    Everything is counted where it lies: a dataset of 50,000 rows is not brought over. Features and
    names are those that rows of the datasets report; others may report them too.
    """
    matrices = rows(
        conn,
        "select dataset_id, count(*) filter (where not is_contaminant and not is_decoy) as n "
        "from marts.dataset_features where dataset_id = any(%(datasets)s) group by dataset_id",
        values,
    )
    # Every array has one place for each assay (a test of the marts).
    assays = rows(
        conn,
        "select dataset_id, count(*) as n from marts.assays "
        "where dataset_id = any(%(datasets)s) group by dataset_id",
        values,
    )
    width = {row["dataset_id"]: row["n"] for row in assays}
    measured = sum(row["n"] * width.get(row["dataset_id"], 0) for row in matrices)
    examples = rows(
        conn,
        "select dataset_id, row_number, assay_id from marts.measurements "
        "where dataset_id = any(%(datasets)s) limit %(examples)s",
        {**values, "examples": EXAMPLES},
    )
    return {
        "measurements": Resting("measurements", measured, tuple(examples)),
        "features": _reported(
            conn,
            values,
            "feature_id",
            "select feature_id from marts.{} where dataset_id = any(%(datasets)s) union "
            "select unnest(member_feature_ids) from marts.{} where dataset_id = any(%(datasets)s) "
            "and member_feature_ids is not null",
        ),
        "feature_names": _reported(
            conn,
            values,
            "feature_name_id",
            "select feature_name_id from marts.{} where dataset_id = any(%(datasets)s)",
        ),
    }


def _reported(conn: Conn, values: Mapping[str, Any], column: str, of_table: str) -> Resting:
    """Counts what rows of the datasets report, in matrices and result tables together."""
    either = " union ".join(
        of_table.replace("{}", table) for table in ("dataset_features", "differential_results")
    )
    found = rows(
        conn,
        f"with reported as ({either}) select count({column}) as n, "  # noqa: S608 - constants
        f"(array_agg({column} order by {column}) filter (where {column} is not null))"
        f"[1:{EXAMPLES}] as examples from reported",
        values,
    )[0]
    return Resting(
        column.removesuffix("_id") + "s",
        found["n"],
        tuple({column: value} for value in found["examples"] or ()),
    )


def _releases_in_use(conn: Conn, references: Sequence[Row]) -> Sequence[Row]:
    if not references:
        return []
    return rows(
        conn,
        "select distinct file_id, load_id from intermediate.int_reference_releases "
        "where file_id = any(%s)",
        ([reference["source_file_id"] for reference in references],),
    )


def _rest_on_references(conn: Conn, releases: Sequence[Row]) -> dict[str, Resting]:
    """Features that carry an id of the reference, and the names that were taken for them."""
    values = {
        "files": [release["file_id"] for release in releases],
        "loads": [release["load_id"] for release in releases],
        "definitions": [],
    }
    named = (
        "canonical_id in (select e.canonical_id from intermediate.int_reference_entities as e "
        "where e.is_used and e.file_id = any(%(files)s) and e.load_id = any(%(loads)s))"
    )
    of_features = f"feature_id in (select f.feature_id from marts.features as f where f.{named})"  # noqa: S608 - constants
    released = (
        "reference_release_id in (select r.reference_release_id "
        "from intermediate.int_reference_releases as r "
        "where r.file_id = any(%(files)s) and r.load_id = any(%(loads)s))"
    )
    return {
        "reference_releases": _count(conn, "reference_releases", released, values),
        "features": _count(conn, "features", named, values),
        "feature_names": _count(conn, "feature_names", of_features, values),
    }


def _rest_on_versions(versions: Sequence[Row]) -> dict[str, Resting]:
    """The file versions themselves and the loads that brought them."""
    keys = [{"source_file_version_id": one["source_file_version_id"]} for one in versions]
    loads = dict.fromkeys(
        (one["source_name"], one["load_id"]) for one in versions if one["load_id"] is not None
    )
    brought = [{"source_name": name, "load_id": load_id} for name, load_id in loads]
    return {
        "source_files": Resting("source_files", len(keys), tuple(keys[:EXAMPLES])),
        "loads": Resting("loads", len(brought), tuple(brought[:EXAMPLES])),
    }


def _dataset_names(conn: Conn, datasets: Sequence[object]) -> tuple[str, ...]:
    found = rows(
        conn,
        "select name from marts.datasets where dataset_id = any(%s) order by name, dataset_id",
        (list(datasets),),
    )
    return tuple(row["name"] for row in found)


def _verdict(versions: Sequence[Row], current: Sequence[Row], unused: bool) -> str:
    """What follows from the states of the versions."""
    states = {version["status"] for version in versions}
    if unused:
        return "a newer or pinned release is used instead: no feature rests on this one"
    if "source_missing" in states:
        return "the file has gone from its folder; its rows stay until a load with --prune"
    if current and "quarantined" in states:
        return "its newest content is in quarantine; what follows rests on the content before"
    if current:
        return "the marts rest on its newest content"
    if "quarantined" in states:
        reason = next(v["reason"] for v in versions if v["status"] == "quarantined")
        return f"the file is in quarantine, so no dataset rests on it: {reason}"
    if "removed" in states:
        return "the file was removed, so no dataset rests on it; its rows stay in raw schemas"
    return "its content was replaced, so no dataset rests on it; its rows stay in raw schemas"
