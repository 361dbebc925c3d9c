"""The state of the warehouse in numbers: what is there, how it ran, what waits."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, Any

from warehouse.builds import marts_state

if TYPE_CHECKING:
    import psycopg

#: Runs that a run is compared with, and how far it may be from their median.
_EARLIER_RUNS = 10
_LEAST_RUNS = 3
_FACTOR = 2.0

#: Seconds below which a longer run is no news.
_NOTICED_SECONDS = 5.0

#: What a run counts that says something when it is another than usual.
_WATCHED = ("rows_landed", "rows_rejected", "datasets_loaded", "files_quarantined")


def status_of(conn: psycopg.Connection[Any]) -> dict[str, Any]:
    """Everything that `omics status` shows of the database.

    Args:
        conn: An autocommit connection; the tables of `ops` are there.
    """
    return {
        "size_bytes": _one(conn, "select pg_database_size(current_database())"),
        "sizes": _rows(
            conn,
            "select case when n.nspname like 'raw\\_%' then 'raw' else n.nspname end as schema,"
            " sum(pg_total_relation_size(c.oid))::bigint as bytes"
            " from pg_class as c join pg_namespace as n on n.oid = c.relnamespace"
            " where c.relkind in ('r', 'm') and n.nspname !~ '^(pg_|information_schema|dlt_)'"
            " group by 1 order by 2 desc",
        ),
        "marts": marts_state(conn),
        "datasets": _datasets(conn),
        "quarantined": _one(conn, "select count(*) from ops.quarantine where resolved_at is null"),
        "quarantine": _rows(
            conn,
            "select reason_code as reason, count(*) as files, max(last_seen_at) as last_seen"
            " from ops.quarantine where resolved_at is null group by 1 order by 2 desc, 1 limit 8",
        ),
        "source_missing": _one(
            conn, "select count(*) from ops.dataset_states where state = 'source_missing'"
        ),
        "freshness": _freshness(conn),
        "samples": _samples(conn),
        "runs": _rows(
            conn,
            "select run_id::text, command, status, exit_code, started_at,"
            " extract(epoch from finished_at - started_at)::float8 as seconds, message"
            " from ops.runs order by started_at desc limit 5",
        ),
        "drift": _drift(conn),
    }


def _drift(conn: psycopg.Connection[Any]) -> list[str]:
    """Where the last refresh differs much from those before it, one sentence each.

    One that built is compared with others that built, and one that had nothing to build with those.
    """
    runs = _rows(
        conn,
        "select counts, durations, extract(epoch from finished_at - started_at)::float8 as seconds"  # noqa: S608 - a number of our own
        " from (select *, counts ? 'build_skipped' = first_value(counts ? 'build_skipped')"
        " over (order by started_at desc) as is_alike from ops.runs"
        " where command = 'refresh' and status in ('done', 'partial')) as runs where is_alike"
        f" order by started_at desc limit {_EARLIER_RUNS + 1}",
    )
    if len(runs) <= _LEAST_RUNS:
        return []
    last, earlier = runs[0], runs[1:]
    told = []
    usual = median(run["seconds"] for run in earlier)
    if last["seconds"] > _FACTOR * usual and last["seconds"] - usual > _NOTICED_SECONDS:
        told.append(
            f"the last refresh took {last['seconds']:.0f} s; the median of {len(earlier)} before"
            f" it is {usual:.0f} s"
        )
    for step, seconds in last["durations"].items():
        before = [run["durations"][step] for run in earlier if step in run["durations"]]
        if len(before) >= _LEAST_RUNS:
            usual = median(before)
            if seconds > _FACTOR * usual and seconds - usual > _NOTICED_SECONDS:
                told.append(f"step {step} took {seconds:.0f} s; usually {usual:.0f} s")
    for name in _WATCHED:
        # Most refreshes bring nothing: those that did are what a refresh that does is held to.
        before = [run["counts"][name] for run in earlier if run["counts"].get(name)]
        now = last["counts"].get(name, 0)
        if now and len(before) >= _LEAST_RUNS:
            usual = median(before)
            if now > _FACTOR * usual or now * _FACTOR < usual:
                told.append(f"{name.replace('_', ' ')}: {now:,}; usually {usual:,.0f}")
    return told


def _freshness(conn: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """When each source was last loaded."""
    schemas = conn.execute(
        "select n.nspname from pg_namespace as n join pg_class as c on c.relnamespace = n.oid"
        " where n.nspname like 'raw\\_%' and c.relname = '_dlt_loads' order by 1"
    ).fetchall()
    found = []
    for (schema,) in schemas:
        rows = _rows(
            conn,
            f'select max(inserted_at) as loaded_at from "{schema}"._dlt_loads where status = 0',  # noqa: S608 - from the catalog
        )
        if rows[0]["loaded_at"] is not None:
            found.append({"source": schema.removeprefix("raw_"), **rows[0]})
    return found


def _datasets(conn: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    if not _exists(conn, "marts.datasets"):
        return []
    return _rows(
        conn,
        "select omics_type, data_shape, count(*) as datasets, "
        "sum(n_features)::bigint as features, sum(n_values)::bigint as values "
        "from marts.datasets group by omics_type, data_shape order by omics_type, data_shape",
    )


def _samples(conn: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Returns where assays and sample tables do not fit each other."""
    if not _exists(conn, "marts.samples"):
        return []
    return _rows(
        conn,
        "select d.name as dataset, q.check_name as check, q.value, q.message "
        "from marts.dataset_quality as q join marts.datasets as d using (dataset_id) "
        "where q.status in ('warn', 'fail') and q.check_name in ('assays_without_sample', "
        "'ambiguous_assay_names', 'samples_without_assay', 'sample_name_collisions') "
        "order by q.status, d.name, q.check_name limit 20",
    )


def _exists(conn: psycopg.Connection[Any], relation: str) -> bool:
    return conn.execute("select to_regclass(%s)", (relation,)).fetchone() != (None,)


def _one(conn: psycopg.Connection[Any], query: str) -> int:
    row = conn.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _rows(conn: psycopg.Connection[Any], query: str) -> list[dict[str, Any]]:
    cursor = conn.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
