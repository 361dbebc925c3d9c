"""The commands about the server and the state of the warehouse."""

from __future__ import annotations

import shlex
from typing import Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError


def start_command() -> int:
    """Starts the embedded server and says where it listens."""
    from warehouse.connection import ensure_database, server_label
    from warehouse.settings import get_settings

    settings = get_settings()
    ensure_database(settings)
    output.say(f"ready: {server_label(settings)}, database {settings.database_name}")
    return exits.DONE


def stop_command() -> int:
    """Stops the embedded server; another server is not ours to stop."""
    from warehouse import server
    from warehouse.connection import server_label
    from warehouse.settings import get_settings

    settings = get_settings()
    if not settings.is_embedded:
        raise OmicsError(
            "the server in use is not the embedded one, so it is not stopped",
            where=server_label(settings),
            fix="unset DATABASE_URL and PG* to stop the embedded server",
        )
    server.stop(settings)
    output.say("stopped")
    return exits.DONE


def doctor_command(*, as_json: bool) -> int:
    """Prints every check; exit code 1 when one fails."""
    from warehouse.doctor import run_checks
    from warehouse.settings import get_settings

    checks = run_checks(get_settings())
    if as_json:
        output.print_json(checks)
    else:
        for found in checks:
            output.say(f"{'ok  ' if found.ok else 'FAIL'} {found.name}: {found.detail}")
            if not found.ok and found.fix:
                output.say(f"     fix: {found.fix}")
    return exits.DONE if all(found.ok for found in checks) else exits.FAILED


def env_command(*, as_json: bool) -> int:
    """Prints shell exports that other tools read."""
    from warehouse.connection import pg_environment
    from warehouse.settings import get_settings

    variables = pg_environment(get_settings())
    if as_json:
        output.print_json(variables)
    else:
        for name, value in sorted(variables.items()):
            print(f"export {name}={shlex.quote(value)}")  # noqa: T201 - read by eval, not by people
    return exits.DONE


def psql_command(arguments: list[str]) -> int:
    """Runs psql: the one on the path, else the one that comes with the embedded server."""
    import shutil
    import subprocess

    from warehouse.binaries import binary
    from warehouse.connection import pg_environment
    from warehouse.settings import child_environment, get_settings

    settings = get_settings()
    program = shutil.which("psql") or str(binary("psql"))
    environment = child_environment(pg_environment(settings))
    return subprocess.run([program, *arguments], env=environment, check=False).returncode  # noqa: S603 - no shell; the user's own arguments


def status_command(*, as_json: bool) -> int:
    """Prints datasets per type, the last runs, quarantine and size."""
    from omics.preparing import prepare
    from warehouse.connection import connect, server_label
    from warehouse.settings import get_settings

    settings = get_settings()
    with connect(settings) as conn:
        prepare(conn)
        document: dict[str, Any] = {
            "server": server_label(settings),
            "database": conn.info.dbname,
            "size_bytes": _one(conn, "select pg_database_size(current_database())"),
            "datasets": _datasets(conn),
            "quarantined": _one(
                conn, "select count(*) from ops.quarantine where resolved_at is null"
            ),
            "source_missing": _one(
                conn, "select count(*) from ops.dataset_states where state = 'source_missing'"
            ),
            "samples": _samples(conn),
            "runs": _rows(
                conn,
                "select command, status, exit_code, started_at, "
                "extract(epoch from finished_at - started_at)::float8 as seconds, message "
                "from ops.runs order by started_at desc limit 5",
            ),
        }
    if as_json:
        output.print_json(document)
        return exits.DONE
    size = document["size_bytes"] / 1024**2
    output.say(f"{document['server']}, database {document['database']}, {size:,.0f} MiB")
    if document["datasets"]:
        output.print_table(
            "Datasets",
            ("omics type", "shape", "datasets", "features", "values"),
            [tuple(row.values()) for row in document["datasets"]],
        )
    else:
        output.say("no datasets in the marts yet; load files, then: omics build")
    for row in document["samples"]:
        output.say(f"  {row['dataset']}: {row['message']}")
    if document["runs"]:
        output.print_table(
            "Last runs",
            ("command", "status", "exit code", "started", "seconds", "message"),
            [tuple(row.values()) for row in document["runs"]],
        )
    output.say(
        f"in quarantine: {document['quarantined']}; "
        f"datasets whose file has gone: {document['source_missing']}"
    )
    return exits.DONE


def _samples(conn: Any) -> list[dict[str, Any]]:
    """Returns where assays and sample tables do not fit each other."""
    if not _one(conn, "select count(*) from pg_class where oid = to_regclass('marts.samples')"):
        return []
    return _rows(
        conn,
        "select d.name as dataset, q.check_name as check, q.value, q.message "
        "from marts.dataset_quality as q join marts.datasets as d using (dataset_id) "
        "where q.status in ('warn', 'fail') and q.check_name in ('assays_without_sample', "
        "'ambiguous_assay_names', 'samples_without_assay', 'sample_name_collisions') "
        "order by q.status, d.name, q.check_name limit 20",
    )


def _one(conn: Any, query: str) -> int:
    row = conn.execute(query).fetchone()
    return int(row[0])


def _rows(conn: Any, query: str) -> list[dict[str, Any]]:
    cursor = conn.execute(query)
    names = [column.name for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _datasets(conn: Any) -> list[dict[str, Any]]:
    built = conn.execute("select to_regclass('marts.datasets')").fetchone()[0]
    if built is None:
        return []
    return _rows(
        conn,
        "select omics_type, data_shape, count(*) as datasets, "
        "sum(n_features)::bigint as features, sum(n_values)::bigint as values "
        "from marts.datasets group by omics_type, data_shape order by omics_type, data_shape",
    )
