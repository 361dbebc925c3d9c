"""Names of genes and proteins: a million that nobody has resolved yet, against full references."""

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

#: What turns reported names into decisions. The references themselves are made ready once for each
#: release and are told apart from them.
RESOLVING = (
    "int_dataset_contexts", "int_datasets_outdated", "int_reported_names", "int_name_members_*",
    "int_feature_names_resolved", "feature_names", "features",
)  # fmt: skip
#: First file id of each source: an id is of one file in the whole warehouse.
FIRST_FILE = {"features": 0, "transcriptomics": 1000, "proteomics": 2000}
REFERENCES = ("int_reference_entities", "int_reference_features", "int_feature_lookup")

#: Spellings of gene number g in dataset d; in turn: approved, previous, alias, without its dash,
#: lower case, versioned Ensembl id, and a name that nobody knows.
_GENE_NAMES = """
case (d + g) %% 7
    when 0 then 'GENE' || g
    when 1 then 'OLD' || g
    when 2 then 'AL-' || g
    when 3 then 'AL' || g
    when 4 then 'gene' || g
    when 5 then 'ENSG' || lpad(g::text, 11, '0') || '.' || d
    else 'PROBE_' || d || '_' || g
end
"""
_PROTEIN_NAMES = """
case (d + g) %% 5
    when 0 then 'P' || lpad(g::text, 5, '0')
    when 1 then 'P' || lpad(g::text, 5, '0') || '-' || (1 + d)
    when 2 then 'sp|P' || lpad(g::text, 5, '0') || '|N' || d || '_HUMAN'
    when 3 then case
        -- One group of 3,000 members, as MaxQuant writes them for immunoglobulins.
        when d = 1 and g = 3 then (
            select string_agg('tr|Q' || lpad(m::text, 5, '0') || '|Q' || m || '_HUMAN', ';')
            from generate_series(1, 3000) as m
        )
        else 'P' || lpad(g::text, 5, '0') || ';Q' || lpad((g + d)::text, 5, '0')
    end
    else 'Q' || lpad(((g * 31 + d * 7) %% 100000)::text, 5, '0')
end
"""


def names(base: Settings, work: Path, scale: Scale) -> list[Row]:
    """A million rows of gene and protein names, most of them different, in forty matrices."""
    genes, datasets = (45_000, 20) if scale is FULL else (900, 2)
    rows = 25_000 if scale is FULL else 300
    with database(base) as settings:
        own = environment(settings)
        must(omics("build", "--select", "no_such_model", environment=own))
        with connection.connect(settings) as conn:
            _land_references(conn, genes)
            _land_names(conn, "transcriptomics", "gene", _GENE_NAMES, datasets, rows)
            _land_names(conn, "proteomics", "protein", _PROTEIN_NAMES, datasets, rows)
        must(omics("build", environment=own))
        first = _elapsed(settings)
        with connection.connect(settings) as conn:
            counted = conn.execute(
                "select count(*), count(*) filter (where status = 'mapped'),"
                " (select count(*) from marts.dataset_features) from marts.feature_names"
            ).fetchone()
            assert counted is not None
            different, mapped, facts = counted
        assert facts == 2 * datasets * rows
        must(omics("build", environment=own))
        again = _elapsed(settings)
    resolving = sum(first[name] for name in RESOLVING)
    note = "; ".join(f"{name} {first[name]:.1f} s" for name in RESOLVING if first[name] > 0.5)
    return [
        Row(f"{facts:,} gene and protein names in SQL ({different:,} different)",
            f"{resolving:.1f} s", "< 30 s", "", resolving < 30,
            f"{mapped / different:.0%} mapped; {note}"),
        Row("the same models when nothing is new",
            f"{sum(again[name] for name in RESOLVING):.1f} s", "", "", None),
        Row(f"references made ready, once for each release ({genes:,} genes and proteins)",
            f"{sum(first[name] for name in REFERENCES):.1f} s", "", "", None),
    ]  # fmt: skip


def _seconds(settings: Settings) -> dict[str, float]:
    with connection.connect(settings) as conn:
        rows = conn.execute(
            "select node_id, execution_seconds from ops.run_results where run_id = ("
            " select run_id from ops.runs where command = 'build'"
            " order by started_at desc limit 1)"
        ).fetchall()
    return {
        node.split(".")[-1]: float(seconds) for node, seconds in rows if node.startswith("model.")
    }


def _elapsed(settings: Settings) -> dict[str, float]:
    """Seconds by model; the two halves of the members are built side by side."""
    seconds = _seconds(settings)
    halves = [seconds[f"int_name_members_{half}_half"] for half in ("first", "second")]
    return {**seconds, "int_name_members_*": max(halves)}


def _files(conn: Any, source: str, count: int, **other: str) -> None:
    first = FIRST_FILE[source]
    conn.execute(
        f"""
        insert into raw_{source}.files (
            file_id, dataset_key, part, source_path, source_root, sha256, size_bytes, modified_at,
            format, format_fingerprint, reader_version, shape, role_evidence, rows_read,
            rows_landed, rows_rejected, rows_skipped, rows_skipped_by_rule, status, loaded_at,
            _dlt_load_id {"".join(f", {name}" for name in other)})
        select
            {first} + d, '/bench/{source}/' || d, '', '/bench/{source}/' || d, '/bench',
            md5('{source}' || d), 1, now(), 'bench', 'f', '1', 'matrix', '{{}}', 0, 0, 0, 0, '{{}}',
            'loaded', now(), '1.5'
            {"".join(f", '{value}'" for value in other.values())}
        from generate_series(1, {count}) as d
        """
    )
    conn.execute(f"insert into raw_{source}._dlt_loads values ('1.5', '{source}', 0, now(), 'h')")


def _land_names(
    conn: Any, source: str, feature_type: str, name: str, datasets: int, rows: int
) -> None:
    _files(
        conn, source, datasets,
        omics_type=source, omics_type_evidence="{}", feature_type=feature_type,
        value_scale="linear", scale_evidence="{}", zero_is_missing="false",
    )  # fmt: skip
    conn.execute(
        f"insert into raw_{source}.assays (file_id, position, name, source_column, _dlt_load_id)"
        f" select {FIRST_FILE[source]} + d, 1, 'A', 'A', '1.5'"
        " from generate_series(1, %(datasets)s::int) as d",
        {"datasets": datasets},
    )
    conn.execute(
        f"insert into raw_{source}.feature_rows (file_id, row_number, reported_name, quantities,"
        " is_contaminant, is_decoy, is_internal_standard, _dlt_load_id)"
        f" select {FIRST_FILE[source]} + d, g + 1, {name}, '{{' || g || '}}', false, false, false,"
        " '1.5'"
        " from generate_series(1, %(datasets)s::int) as d"
        " cross join generate_series(1, %(rows)s::int) as g",
        {"datasets": datasets, "rows": rows},
    )
    refresh_statistics(conn, sources()[source])


def _land_references(conn: Any, genes: int) -> None:
    """Genes as HGNC has them, and proteins as UniProt has them, of one species."""
    _files(conn, "features", 2)
    parameters = {"genes": genes, "load": "1.5", "taxon": "NCBITaxon:9606"}
    for statement in (
        "insert into raw_features.releases (file_id, row_number, reference, content, version,"
        " released_on, taxon, evidence, n_entities, _dlt_load_id) values"
        " (1, 1, 'hgnc', 'genes', null, '2026-01-01', %(taxon)s, '{\"by\": \"content\"}',"
        " %(genes)s, %(load)s),"
        " (2, 1, 'uniprot', 'proteins', null, '2026-01-01', %(taxon)s, '{\"by\": \"content\"}',"
        " %(genes)s, %(load)s)",
        "insert into raw_features.entities (file_id, row_number, feature_type, canonical_id, name,"
        " taxon, _dlt_load_id)"
        " select 1, g, 'gene', 'hgnc:' || g, 'GENE' || g, %(taxon)s, %(load)s"
        " from generate_series(1, %(genes)s::int) as g union all"
        " select 2, g, 'protein', 'uniprot:P' || lpad(g::text, 5, '0'), 'Protein ' || g, %(taxon)s,"
        " %(load)s from generate_series(1, %(genes)s::int) as g",
        "insert into raw_features.names (file_id, row_number, feature_type, canonical_id, name,"
        " kind, _dlt_load_id)"
        " select 1, g, 'gene', 'hgnc:' || g, kind.prefix || g, kind.name, %(load)s"
        " from generate_series(1, %(genes)s::int) as g"
        " cross join (values ('OLD', 'previous'), ('AL-', 'alias')) as kind (prefix, name)",
        "insert into raw_features.xrefs (file_id, row_number, feature_type, canonical_id, prefix,"
        " local_id, _dlt_load_id)"
        " select 1, g, 'gene', 'hgnc:' || g, 'ensembl', 'ENSG' || lpad(g::text, 11, '0'), %(load)s"
        " from generate_series(1, %(genes)s::int) as g",
    ):
        conn.execute(statement, parameters)
    refresh_statistics(conn, sources()["features"])


BENCHMARKS = {"names": names}
