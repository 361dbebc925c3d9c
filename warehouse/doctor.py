"""Checks of the whole installation, each with the step that puts it right."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from warehouse import connection, ledger, server
from warehouse.errors import OmicsError
from warehouse.settings import Settings

if TYPE_CHECKING:
    import psycopg

_LOW_DISK_BYTES = 2 * 1024**3

#: What must be importable, by the name of its distribution.
_PACKAGES = {
    "dlt": "dlt",
    "dbt-postgres": "dbt.adapters.postgres",
    "adbc-driver-postgresql": "adbc_driver_postgresql",
    "pyarrow": "pyarrow",
    "psycopg": "psycopg",
}

_SETUP = "run make setup"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        ok: Whether it is as it should be; nothing that is only unusual counts as wrong.
        detail: What was seen, without secrets.
        fix: The next step; empty where nothing is to be done.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""


def run_checks(settings: Settings) -> list[Check]:
    """Look at everything; starts the embedded server, as any command would."""
    checks = [_python(), *_packages(), _disk(settings), *_switches(settings), *_keys(settings)]
    checks.extend(_database(settings))
    return checks


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    return Check(
        "Python",
        sys.version_info >= (3, 11),
        found,
        "" if sys.version_info >= (3, 11) else "install Python 3.11 or newer, then make setup",
    )


def _packages() -> Iterator[Check]:
    for name, module in _PACKAGES.items():
        try:
            found = find_spec(module) is not None
            detail = version(name)
        except (ModuleNotFoundError, PackageNotFoundError):
            found, detail = False, "not installed"
        yield Check(name, found, detail, "" if found else _SETUP)
    try:
        core = version("dbt-core")
    except PackageNotFoundError:
        yield Check("dbt-core", ok=False, detail="not installed", fix=_SETUP)
        return
    numbers = tuple(int(part) for part in core.split(".")[:2])
    # 1.12's parser package downloads at build time.
    fits = numbers < (1, 12)
    yield Check("dbt-core", fits, core, "" if fits else f"a version below 1.12 is needed: {_SETUP}")


def _disk(settings: Settings) -> Check:
    try:
        free = shutil.disk_usage(settings.root).free
    except OSError as error:
        detail = f"{settings.root}: {error.strerror}"
        return Check("disk", ok=False, detail=detail, fix="set OMICS_HOME to the project's folder")
    enough = free >= _LOW_DISK_BYTES
    return Check(
        "disk",
        enough,
        f"{free / 1024**3:.1f} GiB free at {settings.root}",
        "" if enough else "free some: loading needs a multiple of the size of the files",
    )


def _switches(settings: Settings) -> Iterator[Check]:
    yield Check(
        "USE_POSTGRES_AS_SOT",
        ok=True,
        detail="true: fields come from files and sheets, Notion adds narrative only"
        if settings.use_postgres_as_sot
        else "false: where a live Notion page exists, its properties win",
    )
    notion_ready = not settings.enable_notion_sync or settings.notion_token is not None
    yield Check(
        "ENABLE_NOTION_SYNC",
        notion_ready,
        "true: sync creates and updates Notion pages"
        if settings.enable_notion_sync
        else "false: Notion is never called",
        "" if notion_ready else "set NOTION_TOKEN, or ENABLE_NOTION_SYNC=false",
    )
    # Pages are written by the Notion sync: one switch without the other does nothing.
    dual_ready = not settings.enable_dual_write or settings.enable_notion_sync
    yield Check(
        "ENABLE_DUAL_WRITE",
        dual_ready,
        "true: every load is followed by the pages of what it loaded"
        if settings.enable_dual_write
        else "false: pages are written by sync only",
        "" if dual_ready else "set ENABLE_NOTION_SYNC=true as well, or ENABLE_DUAL_WRITE=false",
    )


def _keys(settings: Settings) -> Iterator[Check]:
    for name, key in (
        ("PINECONE_API_KEY", settings.pinecone_api_key),
        ("NOTION_TOKEN", settings.notion_token),
        ("OPENAI_API_KEY", settings.openai_api_key),
    ):
        yield Check(name, ok=True, detail="set" if key else "not set (optional)")


def _database(settings: Settings) -> Iterator[Check]:
    try:
        # Twice: what the first arranges for the database shows in the second.
        connection.ensure_database(settings)
        conn = connection.connect(settings, application_name="omics doctor")
    except OmicsError as error:
        yield Check("Postgres", ok=False, detail=error.what, fix=error.fix or "")
        return
    with conn:
        major = conn.info.server_version // 10000
        detail = f"Postgres {major}, {connection.server_label(settings)}"
        if settings.is_embedded:
            detail += f", process {server.state(settings).pid}, data in {settings.data_dir}"
        yield Check("Postgres", ok=True, detail=f"{detail}, database {conn.info.dbname}")
        looks: tuple[Callable[[psycopg.Connection], Check], ...] = (
            _search_path,
            partial(_create_right, settings),
            _vector,
            _analyst,
            _dead_runs,
            _locks,
        )
        for look in looks:
            yield look(conn)


def _value(conn: psycopg.Connection, query: str) -> object:
    row = conn.execute(query.encode()).fetchone()
    return row[0] if row else None


def _search_path(conn: psycopg.Connection) -> Check:
    # What the session began with: connecting sets it where the database does not.
    path = str(_value(conn, "select reset_val from pg_settings where name = 'search_path'"))
    ok = path.split(",")[0].strip().strip('"') == "marts"
    name = conn.info.dbname
    return Check(
        "search_path",
        ok,
        path,
        ""
        if ok
        else f"ask an administrator: alter database {name} set search_path = marts, public;"
        " until then write marts.datasets",
    )


def _create_right(settings: Settings, conn: psycopg.Connection) -> Check:
    ok = bool(_value(conn, "select has_database_privilege(current_database(), 'create')"))
    return Check(
        "schemas",
        ok,
        f"user {conn.info.user} may {'' if ok else 'not '}make schemas",
        ""
        if ok
        else f"ask an administrator: grant create on database {conn.info.dbname}"
        f" to {conn.info.user}",
    )


def _vector(conn: psycopg.Connection) -> Check:
    found = _value(
        conn,
        "select coalesce(installed_version || ' installed', default_version || ' available')"
        " from pg_available_extensions where name = 'vector'",
    )
    return Check(
        "pgvector",
        ok=True,
        detail=str(found or "not there: search falls back to full text (optional)"),
        fix="" if found else "install the package pgvector on the server to search by meaning",
    )


def _analyst(conn: psycopg.Connection) -> Check:
    there = _value(conn, "select 1 from pg_roles where rolname = 'analyst'") is not None
    can = there or bool(
        _value(conn, "select rolcreaterole or rolsuper from pg_roles where rolname = current_user")
    )
    if there:
        return Check("role analyst", ok=True, detail="there: reads marts, nothing else")
    return Check(
        "role analyst",
        can,
        "not there yet: the first build makes it" if can else "not there, and may not be made",
        "" if can else "ask an administrator: create role analyst",
    )


def _dead_runs(conn: psycopg.Connection) -> Check:
    if _value(conn, "select to_regclass('ops.runs')::text") is None:
        return Check("runs", ok=True, detail="nothing has run yet")
    marked = len(ledger.mark_dead_runs(conn))
    recent = _value(
        conn,
        "select count(*) from ops.runs as runs where status = 'crashed' and not exists ("
        " select from ops.runs as later where later.command = runs.command"
        " and later.status in ('done', 'partial') and later.started_at > runs.started_at)",
    )
    if not recent:
        return Check("runs", ok=True, detail="no crashed run that was not made good since")
    return Check(
        "runs",
        ok=False,
        detail=f"{recent} crashed, with no good run of the same command since"
        + (f"; {marked} found just now" if marked else ""),
        fix="run the same command again: what was half done is never visible, and is read again",
    )


def _locks(conn: psycopg.Connection) -> Check:
    rows = conn.execute(
        "select distinct sessions.application_name, sessions.pid from pg_locks as locks"
        " join pg_stat_activity as sessions using (pid)"
        " where locks.locktype = 'advisory' and locks.granted and locks.pid <> pg_backend_pid()"
        " and locks.database = (select oid from pg_database where datname = current_database())"
    ).fetchall()
    holders = ", ".join(f"{name or 'unnamed'} (server process {pid})" for name, pid in rows)
    return Check(
        "locks", ok=True, detail=f"held by {holders}: something is running" if rows else "none held"
    )
