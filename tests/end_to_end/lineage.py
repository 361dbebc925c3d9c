"""Walks marts: every row of every mart leads to a file, and to a line where it has one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg.rows import dict_row

from warehouse.lineage.explain import explain
from warehouse.lineage.model import Explanation
from warehouse.lineage.routes import routes

#: Marts whose rows each stand at one place of a file.
WITH_A_LINE = {
    "assay_ranks",
    "contrast_ranks",
    "dataset_features",
    "dataset_signatures",
    "derived_results",
    "differential_results",
    "experiments",
    "feature_names",
    "measurements",
    "programs",
    "rejected_rows",
    "signature_cohorts",
    "signature_components",
    "signature_features",
    "signature_scores",
    "signatures",
}

#: Marts whose rows each were landed as a row.
WITH_A_RAW_ROW = WITH_A_LINE | {"assays", "contrasts", "samples"}

#: Marts of which some files are reached through another mart: sheets and signatures beside them.
_WAYS_OF_OTHERS = {
    "assays",
    "datasets",
    "experiment_datasets",
    "feature_names",
    "features",
    "program_datasets",
}


def keys_of(
    conn: psycopg.Connection[Any], mart: str, *, one_per: str | None = None, every: int = 1
) -> Iterator[Mapping[str, object]]:
    """Yields the key of every row of a mart, of one per value of a column, or of every n-th."""
    key = routes()[mart].key
    first = f"distinct on ({one_per})" if one_per else ""
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(f"select {first} {', '.join(key)} from marts.{mart}")
        yield from cursor.fetchall()[::every]


def problems_of(explanation: Explanation) -> list[str]:
    """What is missing in an answer."""
    mart = explanation.subject.mart
    of_project = mart == "reference_releases" and explanation.row["path"] is None
    problems = [] if explanation.origins or of_project else ["no file"]
    for origin in explanation.origins:
        if not origin.file["path"] or not origin.file["sha256"]:
            problems.append("a file without path or hash")
        if origin.file["status"] != "quarantined" and origin.load is None:
            problems.append("no load")
        if origin.models[-1] != mart and mart not in _WAYS_OF_OTHERS:
            problems.append(f"a way to {origin.models[-1]}")
        if any(not raw.columns for raw in origin.raw):
            problems.append("an empty raw row")
    if mart in WITH_A_RAW_ROW and not any(origin.raw for origin in explanation.origins):
        problems.append("no landed row")
    if mart in WITH_A_LINE and not any(origin.place for origin in explanation.origins):
        problems.append("no line")
    return problems


def unresolved(
    conn: psycopg.Connection[Any], mart: str, keys: Iterator[Mapping[str, object]]
) -> tuple[int, list[str]]:
    """Explains rows and returns how many there were, and what is wrong with which."""
    count, wrong = 0, []
    for key in keys:
        count += 1
        wrong += [f"{mart} {dict(key)}: {p}" for p in problems_of(explain(conn, mart, key))]
    return count, wrong


def lost_facts(conn: psycopg.Connection[Any]) -> dict[str, int]:
    """Counts rows of facts without a file, a load or a landed row: one pass over everything."""
    lost = {}
    for mart, landing, more in (
        ("dataset_features", "feature_rows", ""),
        ("differential_results", "result_rows", "and c.position = r.contrast_position"),
    ):
        contrast = "inner join marts.contrasts as c using (dataset_id, contrast_id)" if more else ""
        landed = " union all ".join(
            f"select file_id, _dlt_load_id, row_number, {'contrast_position' if more else '1'} "
            f"as contrast_position from raw_{source}.{landing}"
            for source in ("lipidomics", "metabolomics", "proteomics", "transcriptomics")
        )
        row = conn.execute(
            f"""
            select count(*) from marts.{mart} as f
            inner join marts.datasets as d using (dataset_id)
            {contrast}
            left join marts.source_files as s
                on d.source_file_id = s.source_file_id and d.load_id = s.load_id
            left join marts.loads as l
                on s.source_name = l.source_name and s.load_id = l.load_id
            left join ({landed}) as r
                on f.source_file_id = r.file_id and d.load_id = r._dlt_load_id
                and f.row_number = r.row_number {more}
            where s.sha256 is null or l.finished_at is null or r.file_id is null
                or f.source_file_id <> d.source_file_id
            """
        ).fetchone()
        if row and row[0]:
            lost[mart] = row[0]
    return lost
