"""What a build changed in the marts, and what is remembered of it.

Read while the rows as they were before are still saved (`builds.sql`): only what the build touched
is compared, so the cost does not grow with the warehouse.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg
    from psycopg import sql

#: What is compared in a dataset: columns that name a row beside the dataset, numbers that may
#: differ within the tolerance, columns that must be equal. Rows of a file have no name that is
#: theirs alone, so those of one reported name are paired in their order.
_FACTS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]] = {
    "dataset_features": (
        "features",
        ("reported_name",),
        ("mean", "median", "sd", "abundances"),
        ("feature_id", "n_observed", "is_contaminant", "is_decoy", "is_internal_standard"),
    ),
    "differential_results": (
        "results",
        ("contrast_id", "reported_name"),
        ("log2_fold_change", "std_error", "statistic", "p_value", "adjusted_p_value"),
        ("feature_id", "result_flag"),
    ),
    "derived_results": (
        "results",
        ("contrast_id", "reported_name"),
        ("log2_fold_change", "std_error", "statistic", "p_value", "adjusted_p_value"),
        ("feature_id",),
    ),
    "signature_scores": (
        "scores",
        ("signature_id", "observation_id", "method"),
        ("score", "p_value", "q_within_dataset"),
        ("n_matched", "null_reason"),
    ),
}

#: Marts whose rows are told by one id, counted as they are.
_SMALL = (
    "programs",
    "experiments",
    "samples",
    "program_experiments",
    "program_datasets",
    "experiment_datasets",
    "program_signatures",
    "experiment_signatures",
    "notion_pages",
    "features",
    "signatures",
    "signature_components",
    "contrasts",
    "documents",
    "reference_releases",
)
_SMALL_KEYS = {
    "programs": ("program_id",),
    "experiments": ("experiment_id",),
    "samples": ("sample_id",),
    "program_experiments": ("program_id", "experiment_id"),
    "program_datasets": ("program_id", "dataset_id"),
    "experiment_datasets": ("experiment_id", "dataset_id"),
    "program_signatures": ("program_id", "signature_id"),
    "experiment_signatures": ("experiment_id", "signature_id"),
    "notion_pages": ("page_id",),
    "features": ("feature_id",),
    "signatures": ("signature_id",),
    "signature_components": ("signature_id", "position"),
    "contrasts": ("dataset_id", "contrast_id"),
    "documents": ("document_id",),
    "reference_releases": ("reference_release_id",),
}

#: Columns of datasets and other marts that tell when and by which load, not what.
_BOOKKEEPING = (
    "load_id",
    "build_key",
    "identity_key",
    "first_loaded_at",
    "updated_at",
    "loaded_at",
)


@dataclass(frozen=True)
class DatasetChange:
    """One dataset that a run changed."""

    dataset_id: str
    name: str | None
    omics_type: str | None
    change: str
    columns: tuple[str, ...]
    counts: dict[str, int]
    examples: dict[str, list[str]]


@dataclass(frozen=True)
class RunChanges:
    """What one run changed in the marts.

    Attributes:
        run_id: The run.
        command: `refresh` or `build`.
        started_at: When it began.
        datasets: Datasets that are new, gone or different, largest change first.
        marts: Mart to rows added, removed and changed.
    """

    run_id: str
    command: str
    started_at: datetime
    datasets: tuple[DatasetChange, ...]
    marts: dict[str, dict[str, int]]


def record_changes(conn: psycopg.Connection[Any], run_id: str, tolerance: float) -> dict[str, int]:
    """Compare what the open build touched with what it was before, and write it to `ops`.

    Args:
        conn: An autocommit connection; the build is still open.
        run_id: The run that built.
        tolerance: Share of a number up to which it counts as unchanged.

    Returns:
        Datasets added, removed and changed, and the sums over them.
    """
    with conn.transaction():
        conn.execute(
            "create temporary table changed_datasets on commit drop as"
            " select * from ops.dataset_changes with no data"
        )
        conn.execute(
            "create temporary table pairs_of_facts (dataset_id uuid, kind text, change"
            " text, name text, place bigint, total bigint) on commit drop"
        )
        touched = _touched(conn)
        _compare_datasets(conn, run_id, touched)
        for mart in _FACTS:
            _compare_facts(conn, mart, touched, tolerance)
        _sum_up(conn, run_id)
        _compare_small(conn, run_id, touched)
        row = conn.execute(
            "select count(*) filter (where change = 'added'),"  # noqa: S608 - names of our own
            " count(*) filter (where change = 'removed'),"
            " count(*) filter (where change = 'changed'), "
            + ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in _COUNTS)
            + " from ops.dataset_changes where run_id = %s",
            (run_id,),
        ).fetchone()
    return {name: int(value) for name, value in zip(no_changes(), row or (), strict=False)}


_COUNTS = tuple(
    f"{kind}_{change}"
    for kind in ("features", "results", "scores")
    for change in ("added", "removed", "changed")
)


def no_changes() -> dict[str, int]:
    """What is recorded of a run that changed nothing."""
    names = ("datasets_added", "datasets_removed", "datasets_changed", *_COUNTS)
    return {f"diff_{name}": 0 for name in names}


@dataclass(frozen=True)
class _Touched:
    """Where the rows of a mart before and after the build are: relations, or none before."""

    before: sql.Composable
    after: sql.Composable


def _touched(conn: psycopg.Connection[Any]) -> dict[str, _Touched]:
    from psycopg import sql

    found: dict[str, _Touched] = {}
    for mart, keys, is_set_aside in conn.execute(
        "select mart, key_columns, is_set_aside from ops.undo_tables"
    ).fetchall():
        table = sql.Identifier("marts", mart)
        if is_set_aside:
            found[mart] = _Touched(sql.Identifier("marts_undo", f"{mart}__table"), table)
            continue
        saved = sql.Identifier("marts_undo", f"{mart}__keys")
        if len(keys) == 1:
            key = sql.Identifier(keys[0])
            condition = sql.SQL("known.{} = any(array(select {} from {}))").format(key, key, saved)
        else:
            names = sql.SQL(", ").join(map(sql.Identifier, keys))
            condition = sql.SQL("({}) in (select {} from {})").format(names, names, saved)
        after = sql.SQL("(select * from {} as known where {})").format(table, condition)
        found[mart] = _Touched(sql.Identifier("marts_undo", mart), after)
    if conn.execute("select can_undo from ops.builds where status = 'open'").fetchone() == (False,):
        # A first build: all of it is new.
        for mart in ("datasets", *_FACTS, *_SMALL):
            table = sql.Identifier("marts", mart)
            nothing = sql.SQL("(select * from {} where false)").format(table)
            if conn.execute("select to_regclass(%s)", (f"marts.{mart}",)).fetchone() != (None,):
                found[mart] = _Touched(nothing, table)
    return found


def _compare_datasets(
    conn: psycopg.Connection[Any], run_id: str, touched: dict[str, _Touched]
) -> None:
    from psycopg import sql

    if "datasets" not in touched:
        return
    place = touched["datasets"]
    conn.execute(
        sql.SQL(
            "insert into changed_datasets (run_id, dataset_id, dataset_name, omics_type, change,"
            " columns)"
            " select %(run)s, coalesce(new.dataset_id, old.dataset_id),"
            " coalesce(new.name, old.name), coalesce(new.omics_type, old.omics_type),"
            " case when old.dataset_id is null then 'added'"
            " when new.dataset_id is null then 'removed' else 'changed' end,"
            " case when old.dataset_id is null or new.dataset_id is null then '{{}}' else array("
            " select fields.key from jsonb_each(to_jsonb(new)) as fields"
            " where fields.value is distinct from to_jsonb(old) -> fields.key"
            " and fields.key <> all(%(left_out)s) order by 1) end"
            " from {} as old full join {} as new on old.dataset_id = new.dataset_id"
        ).format(place.before, place.after),
        {"run": run_id, "left_out": [*_BOOKKEEPING, "source_file_id"]},
    )


def _compare_facts(
    conn: psycopg.Connection[Any], mart: str, touched: dict[str, _Touched], tolerance: float
) -> None:
    """Pairs the rows of datasets that were there before and are there now; counts the others."""
    from psycopg import sql

    if mart not in touched:
        return
    place = touched[mart]
    kind, names, numbers, others = _FACTS[mart]
    whole = {"kind": kind}
    for change, relation in (("added", place.after), ("removed", place.before)):
        conn.execute(
            sql.SQL(
                "insert into pairs_of_facts (dataset_id, kind, change, total)"
                " select facts.dataset_id, %(kind)s, %(change)s, count(*) from {} as facts"
                " inner join changed_datasets as datasets"
                " on facts.dataset_id = datasets.dataset_id and datasets.change = %(change)s"
                " group by facts.dataset_id"
            ).format(relation),
            {**whole, "change": change},
        )
    keys = sql.SQL(", ").join(sql.Identifier(name) for name in ("dataset_id", *names))
    is_ordered = "reported_name" in names
    occurrence = sql.SQL(
        "row_number() over (partition by {} order by row_number)" if is_ordered else "1"
    ).format(keys)
    side = sql.SQL(
        "(select facts.*, {occurrence} as occurrence from {relation} as facts"
        " where facts.dataset_id not in (select dataset_id from changed_datasets"
        " where change <> 'changed'))"
    )
    pairs = sql.SQL(" and ").join(
        sql.SQL("old.{} = new.{}").format(sql.Identifier(name), sql.Identifier(name))
        for name in ("dataset_id", *names, "occurrence")
    )
    differs = sql.SQL(" or ").join(
        [
            *(
                sql.SQL("old.{} is distinct from new.{}").format(
                    sql.Identifier(name), sql.Identifier(name)
                )
                for name in others
            ),
            *(
                sql.SQL("ops.differs(old.{}, new.{}, %(tolerance)s)").format(
                    sql.Identifier(name), sql.Identifier(name)
                )
                for name in numbers
            ),
        ]
    )
    example = sql.Identifier("reported_name" if is_ordered else "method")
    conn.execute(
        sql.SQL(
            "with compared as ("
            " select coalesce(old.dataset_id, new.dataset_id) as dataset_id,"
            " coalesce(old.{example}, new.{example}) as name,"
            " case when old.dataset_id is null then 'added'"
            " when new.dataset_id is null then 'removed' else 'changed' end as change"
            " from {before} as old full join {after} as new on {pairs}"
            " where old.dataset_id is null or new.dataset_id is null or {differs}),"
            " placed as (select compared.*, row_number() over of_change as place,"
            " count(*) over (partition by dataset_id, change) as total from compared"
            " window of_change as (partition by dataset_id, change order by name))"
            " insert into pairs_of_facts (dataset_id, kind, change, name, place, total)"
            " select dataset_id, %(kind)s, change, name, place, total from placed where place <= 5"
        ).format(
            example=example,
            before=side.format(occurrence=occurrence, relation=place.before),
            after=side.format(occurrence=occurrence, relation=place.after),
            pairs=pairs,
            differs=differs,
        ),
        {**whole, "tolerance": tolerance},
    )


def _sum_up(conn: psycopg.Connection[Any], run_id: str) -> None:
    """Writes one row for each dataset of which anything is another now."""
    # Results come from two marts; a dataset has rows in one of them.
    counted = {
        name: "coalesce(max(total) filter (where kind = '{}' and change = '{}'), 0)".format(
            *name.split("_")
        )
        for name in _COUNTS
    }
    conn.execute(
        f"insert into ops.dataset_changes (run_id, dataset_id, dataset_name, omics_type, change,"  # noqa: S608 - names of our own
        f" columns, {', '.join(_COUNTS)}, examples)"
        " select %(run)s, coalesce(datasets.dataset_id, facts.dataset_id),"
        " coalesce(datasets.dataset_name, known.name),"
        " coalesce(datasets.omics_type, known.omics_type), coalesce(datasets.change, 'changed'),"
        " coalesce(datasets.columns, '{}'), "
        + ", ".join(f"coalesce(facts.{name}, 0)" for name in _COUNTS)
        + ", coalesce(named.examples, '{}')"
        " from changed_datasets as datasets full join ("
        " select dataset_id, "
        + ", ".join(f"{expression} as {name}" for name, expression in counted.items())
        + " from pairs_of_facts group by dataset_id) as facts"
        " on datasets.dataset_id = facts.dataset_id"
        " left join (select dataset_id, jsonb_object_agg(word, names) as examples from ("
        " select dataset_id, kind || '_' || change as word, jsonb_agg(name order by place) as names"
        " from pairs_of_facts where name is not null and kind <> 'scores' group by 1, 2) as lists"
        " group by dataset_id) as named on facts.dataset_id = named.dataset_id"
        " left join marts.datasets as known on facts.dataset_id = known.dataset_id"
        " where datasets.change <> 'changed' or cardinality(datasets.columns) > 0"
        " or facts.dataset_id is not null",
        {"run": run_id},
    )


def _compare_small(
    conn: psycopg.Connection[Any], run_id: str, touched: dict[str, _Touched]
) -> None:
    from psycopg import sql

    for mart in _SMALL:
        if mart not in touched:
            continue
        place = touched[mart]
        keys = _SMALL_KEYS[mart]
        pairs = sql.SQL(" and ").join(
            sql.SQL("old.{} = new.{}").format(sql.Identifier(key), sql.Identifier(key))
            for key in keys
        )
        first = sql.Identifier(keys[0])
        conn.execute(
            sql.SQL(
                "insert into ops.mart_changes (run_id, mart, added, removed, changed)"
                " select %(run)s, %(mart)s, counted.added, counted.removed, counted.changed from ("
                " select count(*) filter (where old.{first} is null) as added,"
                " count(*) filter (where new.{first} is null) as removed,"
                " count(*) filter (where old.{first} is not null and new.{first} is not null"
                " and to_jsonb(old) - %(left_out)s::text[]"
                " is distinct from to_jsonb(new) - %(left_out)s::text[]) as changed"
                " from {before} as old full join {after} as new on {pairs}) as counted"
                " where counted.added + counted.removed + counted.changed > 0"
            ).format(first=first, before=place.before, after=place.after, pairs=pairs),
            {
                "run": run_id,
                "mart": mart,
                "left_out": [*_BOOKKEEPING, "source_file_id", "row_number", "fingerprint"],
            },
        )


def changes_of(conn: psycopg.Connection[Any], run: str | None) -> RunChanges | None:
    """What a run changed.

    Args:
        conn: A connection.
        run: Id of the run or its beginning; none for the last run that built, or found that there
            was nothing to build.

    Returns:
        The changes; none if there is no such run.
    """
    row = conn.execute(
        "select runs.run_id::text, runs.command, runs.started_at from ops.runs as runs"
        " where runs.command in ('refresh', 'build', 'load')"
        " and (%(run)s::text is not null or runs.counts ? 'build_skipped'"
        " or exists (select from ops.builds as builds"
        " where builds.run_id = runs.run_id and builds.status = 'good'))"
        " and (%(run)s::text is null or starts_with(runs.run_id::text, %(run)s))"
        " order by runs.started_at desc limit 1",
        {"run": run},
    ).fetchone()
    if row is None:
        return None
    run_id, command, started_at = row
    datasets = conn.execute(
        "select dataset_id::text, dataset_name, omics_type, change, columns, examples, "  # noqa: S608 - names of our own
        + ", ".join(_COUNTS)
        + " from ops.dataset_changes where run_id = %s"
        " order by change, " + " + ".join(_COUNTS) + " desc, dataset_name, dataset_id",
        (run_id,),
    ).fetchall()
    marts = conn.execute(
        "select mart, added, removed, changed from ops.mart_changes where run_id = %s"
        " order by mart",
        (run_id,),
    ).fetchall()
    return RunChanges(
        run_id,
        command,
        started_at,
        tuple(
            DatasetChange(
                dataset_id,
                name,
                omics_type,
                change,
                tuple(columns),
                dict(zip(_COUNTS, map(int, counts), strict=True)),
                examples,
            )
            for dataset_id, name, omics_type, change, columns, examples, *counts in datasets
        ),
        {
            mart: {"added": added, "removed": removed, "changed": changed}
            for mart, added, removed, changed in marts
        },
    )
