"""``omics demo``: the whole road with the example files, and a tour of the marts at its end."""

from __future__ import annotations

from typing import Any

from omics import output
from warehouse import exits

#: Title, query and the sentence under it. Each query is one that an analyst would write.
TOUR: tuple[tuple[str, str], ...] = (
    (
        "Datasets: one row per dataset",
        "select name, omics_type, data_shape, n_features, n_assays, n_values, value_scale, "
        "quality_status from datasets order by omics_type, name",
    ),
    (
        "From a program to its datasets, and the groups of their samples",
        "select p.name as program, e.name as experiment, d.name as dataset, "
        "string_agg(distinct a.study_variable, ', ') as groups, "
        "count(distinct a.sample_id) as samples "
        "from programs as p join program_datasets using (program_id) "
        "join datasets as d using (dataset_id) join experiment_datasets using (dataset_id) "
        "join experiments as e using (experiment_id) left join assays as a using (dataset_id) "
        "group by p.name, e.name, d.name order by d.name",
    ),
    (
        "Assays by study variable: HMGCR, the enzyme that statins block",
        "select d.name as dataset, a.study_variable, count(*) as assays, "
        "round(avg(m.abundance)::numeric, 1) as mean from measurements as m "
        "join datasets as d using (dataset_id) join assays as a using (dataset_id, assay_id) "
        "join dataset_features as r using (dataset_id, row_number) "
        "where r.reported_name in ('ENSG00000113161', 'P04035') "
        "group by d.name, a.study_variable order by d.name, a.study_variable desc",
    ),
    (
        "Measurements: one row per dataset row and assay (a view over arrays)",
        "select d.name as dataset, f.name as feature, m.assay_name, m.abundance "
        "from measurements as m join datasets as d using (dataset_id) "
        "join features as f using (feature_id) "
        "where d.omics_type = 'lipidomics' order by d.name, m.row_number, m.assay_name limit 6",
    ),
    (
        "Differential results: the strongest effects over all contrasts",
        "select d.name as dataset, f.name as feature, r.log2_fold_change, r.adjusted_p_value "
        "from differential_results as r join datasets as d using (dataset_id) "
        "join features as f using (feature_id) where r.adjusted_p_value < 0.05 "
        "order by abs(r.log2_fold_change) desc nulls last limit 6",
    ),
    (
        "Dataset quality: checks that did not simply pass",
        "select d.name as dataset, q.check_name, q.status, q.message "
        "from dataset_quality as q join datasets as d using (dataset_id) "
        "where q.status in ('warn', 'fail') order by d.name, q.check_name limit 8",
    ),
    (
        "Source files: what became of each file",
        "select regexp_replace(path, '^.*/', '') as file, status, reason, rows_read, rows_landed, "
        "rows_rejected from source_files order by status, 1 limit 20",
    ),
)


def demo_command() -> int:
    """Loads ``examples/``, builds, and prints the tour; quarantined examples are meant to be."""
    from loaders.load import LoadRequest
    from omics.refresh import refresh
    from omics.refresh_reports import print_unchanged
    from omics.reports import print_build, print_load
    from warehouse.connection import connect, server_label
    from warehouse.settings import get_settings

    settings = get_settings()
    output.say(f"1. Server: {server_label(settings)}")
    with connect(settings) as conn:
        output.say("2. Load and build the files of examples/")
        with output.load_progress(quiet=False) as progress:
            request = LoadRequest(folder=str(settings.root / "examples"))
            report = refresh(settings, conn, request, progress=progress)
        if report.load is not None:
            print_load(report.load)
        if report.built is not None:
            print_build(report.built)
        if report.unchanged_since is not None:
            print_unchanged(report.unchanged_since)
        if report.exit_code == exits.FAILED:
            return exits.FAILED
        output.say("3. A tour of the marts")
        for title, query in TOUR:
            _show(conn, title, query)
    output.say("Next:")
    for line in (
        ". .venv/bin/activate       once in each shell, in the folder of the project",
        "omics load --dir DIR       load your own files; a folder named lipidomics says the type",
        'omics search "statin"      find what the marts say, with the file it stands in',
        "omics build                bring the marts up to date",
        "omics psql                 ask in SQL: select name from datasets",
        'eval "$(omics env)"        then other tools find the database: psql, R, pandas, BI',
        "omics quarantine list      what could not be read, and why",
        "omics stop                 stop the embedded server",
    ):
        output.say(f"  {line}")
    return exits.DONE


def _show(conn: Any, title: str, query: str) -> None:
    cursor = conn.execute(query)
    columns = [column.name for column in cursor.description]
    output.print_table(title, columns, cursor.fetchall())
    output.say(f"  {query}")
    output.say()
