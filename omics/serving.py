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
    """Prints what the warehouse holds, how it ran, and what waits."""
    from omics.preparing import prepare
    from sync import publish
    from warehouse.connection import connect, server_label
    from warehouse.settings import get_settings
    from warehouse.status import status_of

    settings = get_settings()
    with connect(settings) as conn:
        prepare(conn)
        document: dict[str, Any] = {
            "server": server_label(settings),
            "database": conn.info.dbname,
            **status_of(conn),
            "sync": publish.status(conn),
        }
    if as_json:
        output.print_json(document)
    else:
        _print_status(document)
    return exits.DONE


def _print_status(document: dict[str, Any]) -> None:
    from omics.refresh_reports import state_words

    size = document["size_bytes"] / 1024**2
    parts = ", ".join(
        f"{row['schema']} {row['bytes'] / 1024**2:,.0f}"
        for row in document["sizes"][:5]
        if row["bytes"] >= 1024**2
    )
    output.say(
        f"{document['server']}, database {document['database']}, {size:,.0f} MiB"
        + (f" ({parts})" if parts else "")
    )
    output.say(f"marts: {state_words(document['marts'])}")
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
            ("run", "command", "status", "exit code", "started", "seconds", "message"),
            [
                (row["run_id"][:8], *list(row.values())[1:-1], _first_line(row["message"]))
                for row in document["runs"]
            ],
        )
    for sentence in document["drift"]:
        output.say(f"unusual: {sentence}")
    if document["freshness"]:
        output.say(
            "last loaded: "
            + ", ".join(
                f"{row['source']} {row['loaded_at']:%Y-%m-%d %H:%M}"
                for row in document["freshness"]
            )
        )
    reasons = ", ".join(f"{row['files']:,} {row['reason']}" for row in document["quarantine"])
    output.say(
        f"in quarantine: {document['quarantined']:,}"
        + (f" ({reasons}; omics quarantine list)" if reasons else "")
        + f"; datasets whose file has gone: {document['source_missing']:,}"
    )
    for target in document["sync"]:
        waiting = sum(count for state, count in target["states"].items() if state not in _PUBLISHED)
        output.say(
            f"sync {target['target']}: {target['states'].get('synced', 0):,} published, "
            f"{waiting:,} waiting; last run {target['last_run'] or 'none'}"
        )


def _first_line(message: str | None) -> str:
    line = (message or "").partition("\n")[0]
    return line if len(line) <= 100 else f"{line[:99]}…"


#: States of an item of sync that nothing waits for.
_PUBLISHED = ("synced", "deleted")
