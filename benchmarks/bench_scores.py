"""Signature scores: all datasets and signatures, then one dataset and one signature more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.bench_load import FULL, Row, Scale
from benchmarks.measure import must, omics
from benchmarks.server import database, environment
from loaders.sources import sources
from loaders.states import refresh_statistics
from warehouse import connection
from warehouse.settings import Settings

#: What a score needs beyond the marts of the results themselves.
SCORING = (
    "int_signatures_changed", "signature_components", "assay_ranks", "contrast_ranks",
    "scored_observations", "signature_scores", "signature_cohorts", "signatures",
)  # fmt: skip

_FILES = """
insert into raw_{source}.files (
    file_id, dataset_key, part, source_path, source_root, sha256, size_bytes, modified_at,
    omics_type, omics_type_evidence, format, format_fingerprint, reader_version, shape,
    feature_type, value_scale, scale_evidence, zero_is_missing, role_evidence, rows_read,
    rows_landed, rows_rejected, rows_skipped, rows_skipped_by_rule, status, loaded_at, _dlt_load_id)
select
    {first} + d, '/bench/{source}/' || d, '', '/bench/{source}/' || d, '/bench', md5(d::text), 1,
    now(), {omics}, '{{}}', 'bench', 'f', '1', {shape}, {feature_type}, 'unknown', '{{}}', false,
    '{{}}', 0, 0, 0, 0, '{{}}', 'loaded', now(), %(load)s
from generate_series(%(first)s::int, %(last)s::int) as d
"""


def scores(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """Result tables of 15,000 genes against signatures of 100 genes each."""
    datasets, genes, signatures = (200, 15_000, 100) if scale is FULL else (6, 600, 5)
    collection = 300 if scale is FULL else 20
    with database(base) as settings:
        own = environment(settings)
        # Makes the raw tables, and lets dbt parse the project before anything is timed.
        must(omics("build", "--select", "no_such_model", environment=own))
        with connection.connect(settings) as conn:
            _land_results(conn, 1, datasets, genes)
        must(omics("build", environment=own))
        without = _seconds(settings)
        with connection.connect(settings) as conn:
            _land_signatures(conn, 1, signatures, genes)
        must(omics("build", environment=own))
        everything = _seconds(settings)
        with connection.connect(settings) as conn:
            _land_results(conn, datasets + 1, datasets + 1, genes)
        must(omics("build", environment=own))
        one_dataset = _seconds(settings)
        with connection.connect(settings) as conn:
            _land_signatures(conn, signatures + 1, signatures + 1, genes)
        must(omics("build", environment=own))
        one_signature = _seconds(settings)
        # By now Postgres has counted all tables, and plans with what it believes of them.
        with connection.connect(settings) as conn:
            _land_signatures(conn, signatures + 2, signatures + 1 + collection, genes)
        must(omics("build", environment=own))
        many_signatures = _seconds(settings)
        with connection.connect(settings) as conn:
            (pairs,) = conn.execute(
                "select count(distinct (dataset_id, signature_id)) from marts.signature_scores"
            ).fetchone() or (0,)
    assert pairs == (datasets + 1) * (signatures + 1 + collection)
    shape = f"{datasets} datasets x {genes:,} genes x {signatures} signatures"
    note = "; ".join(f"{name} {taken:.1f} s" for name, taken in everything.items() if taken > 0.5)
    return [
        Row(f"{shape}: every score, from marts", f"{sum(everything.values()):.1f} s",
            "< 60 s", "", sum(everything.values()) < 60, note),
        Row("one dataset more, on top of dbt's own start", f"{sum(one_dataset.values()):.1f} s",
            "< 3 s", "", sum(one_dataset.values()) < 3, ""),
        Row("one signature more, into all datasets", f"{sum(one_signature.values()):.1f} s",
            "", "", None, ""),
        Row(f"{collection:,} signatures more, into all datasets",
            f"{sum(many_signatures.values()):.1f} s", "", "", None, ""),
        Row("the same models while no signature is loaded", f"{sum(without.values()):.1f} s",
            "", "", None, ""),
    ]  # fmt: skip


def _seconds(settings: Settings) -> dict[str, float]:
    """Seconds of the scoring models in the last build."""
    with connection.connect(settings) as conn:
        rows = conn.execute(
            "select node_id, execution_seconds from ops.run_results where run_id = ("
            " select run_id from ops.runs where command = 'build'"
            " order by started_at desc limit 1)"
        ).fetchall()
    found = {node.split(".")[-1]: seconds for node, seconds in rows if node.startswith("model.")}
    return {name: float(found[name]) for name in SCORING}


def _land_results(conn: Any, first: int, last: int, genes: int) -> None:
    parameters = {"first": first, "last": last, "genes": genes, "load": f"{first}.5"}
    conn.execute(
        _FILES.format(
            source="transcriptomics", first=1000, omics="'transcriptomics'",
            shape="'result_table'", feature_type="'gene'",
        ),
        parameters,
    )  # fmt: skip
    conn.execute(
        "insert into raw_transcriptomics.contrasts"
        " (file_id, position, name, statistic_type, columns, _dlt_load_id)"
        " select 1000 + d, 1, 'treated vs control', 't', '{}', %(load)s"
        " from generate_series(%(first)s::int, %(last)s::int) as d",
        parameters,
    )
    conn.execute(
        "insert into raw_transcriptomics.result_rows (file_id, contrast_position, row_number,"
        " reported_name, annotations, log2_fold_change, statistic, adjusted_p_value,"
        " is_contaminant, is_decoy, is_internal_standard, _dlt_load_id)"
        " select 1000 + d, 1, g + 1, 'GENE' || g, '{}', (t / 4)::text, t::text,"
        " exp(-t * t / 2)::text, false, false, false, %(load)s"
        " from generate_series(%(first)s::int, %(last)s::int) as d"
        " cross join generate_series(1, %(genes)s::int) as g"
        " cross join lateral (select random() * 4 + random() * 4 - 4 + 0 * (d + g)) as drawn (t)",
        parameters,
    )
    _finish(conn, "transcriptomics", parameters["load"])


def _land_signatures(conn: Any, first: int, last: int, genes: int) -> None:
    parameters = {"first": first, "last": last, "genes": genes, "load": f"{first}.7"}
    conn.execute(
        _FILES.format(
            source="signatures", first=5000, omics="null", shape="'signatures'",
            feature_type="null",
        ),
        parameters,
    )  # fmt: skip
    conn.execute(
        "insert into raw_signatures.sets"
        " (file_id, row_number, position, name, fields, _dlt_load_id)"
        " select 5000 + d, 1, 1, 'signature ' || d, '{\"n_members\": 100}', %(load)s"
        " from generate_series(%(first)s::int, %(last)s::int) as d",
        parameters,
    )
    conn.execute(
        "insert into raw_signatures.components (file_id, row_number, set_name, position,"
        " reported_name, feature_type, direction, weight, _dlt_load_id)"
        " select 5000 + d, c + 1, 'signature ' || d, c,"
        " 'GENE' || (1 + (d * 37 + c * 149) %% %(genes)s::int), 'gene',"
        " case when c %% 3 = 0 then '-1' else '1' end, (1 + c %% 5)::text, %(load)s"
        " from generate_series(%(first)s::int, %(last)s::int) as d"
        " cross join generate_series(1, 100) as c",
        parameters,
    )
    _finish(conn, "signatures", parameters["load"])


def _finish(conn: Any, source: str, load: object) -> None:
    conn.execute(
        f"insert into raw_{source}._dlt_loads values (%s, %s, 0, now(), 'h')", (load, source)
    )
    # As a load does; without it the build went through nested loops for minutes.
    refresh_statistics(conn, sources()[source])


BENCHMARKS = {"scores": scores}
