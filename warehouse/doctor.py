"""Checks of the whole installation, each with the step that puts it right."""

from __future__ import annotations

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from warehouse import builds, connection, ledger, server
from warehouse.errors import OmicsError
from warehouse.settings import Settings

if TYPE_CHECKING:
    import psycopg

_LOW_DISK_BYTES = 2 * 1024**3
_LOW_MEMORY_BYTES = 1024**3
_CLOCK_SECONDS = 60

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
    checks = [
        _python(),
        *_packages(),
        _disk(settings),
        _memory(),
        *_switches(settings),
        _mode(settings),
        *_keys(settings),
        _env_file(settings),
        _dbt_project(settings),
        _logs(settings),
    ]
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


def _memory() -> Check:
    available = _available_memory()
    if available is None:
        return Check("memory", ok=True, detail="not known on this system")
    enough = available >= _LOW_MEMORY_BYTES
    return Check(
        "memory",
        enough,
        f"{available / 1024**3:.1f} GiB available",
        "" if enough else "end other programs, or set OMICS_WORKERS=1 and OMICS_DBT_THREADS=1",
    )


def _available_memory() -> int | None:
    """Bytes that can be had without swapping; none where the system does not tell."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split() for line in lines if line.startswith("MemAvailable:")]
    return int(found[0][1]) * 1024 if found else None


def _env_file(settings: Settings) -> Check:
    path = settings.root / ".env"
    try:
        mode = path.stat().st_mode
    except OSError:
        return Check(".env", ok=True, detail="none: settings come from the environment")
    private = not mode & (stat.S_IRWXG | stat.S_IRWXO)
    secret = bool(settings.secrets)
    return Check(
        ".env",
        private or not secret,
        f"mode {stat.S_IMODE(mode):04o}" + ("" if private else ", others may read it"),
        "" if private or not secret else f"chmod 600 {path}",
    )


def _dbt_project(settings: Settings) -> Check:
    missing = [
        name
        for name in ("dbt_project/dbt_project.yml", "profiles.yml")
        if not (settings.root / name).is_file()
    ]
    return Check(
        "dbt project",
        not missing,
        f"{', '.join(missing)} missing in {settings.root}" if missing else str(settings.root),
        "set OMICS_HOME to the checkout, or run the command inside of it" if missing else "",
    )


def _logs(settings: Settings) -> Check:
    folder = settings.log_folder
    nearest = next(each for each in (folder, *folder.parents) if each.exists())
    ok = os.access(nearest, os.W_OK)
    told = settings.notify_command is not None or settings.notify_url is not None
    detail = f"{folder}; {'somebody is' if told else 'nobody is'} told of failed refreshes"
    return Check(
        "logs",
        ok,
        detail if ok else f"{nearest} may not be written",
        "" if ok else "give the right to write there, or set OMICS_LOG_DIR",
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


def _mode(settings: Settings) -> Check:
    """Which phase of docs/migration.md the three switches make together, and what it implies."""
    if settings.enable_notion_sync and not settings.use_postgres_as_sot:
        said = (
            "Notion primary: refresh reads Notion first and its values win; pages that are missing"
            " are made, no other page is written on"
        )
    elif not settings.use_postgres_as_sot:
        said = "Notion primary, without Notion: what was read of it last wins, and nothing reads it"
    elif not settings.enable_notion_sync:
        said = "Notion off: files and sheets are the only source, and no call is made"
    elif settings.enable_dual_write:
        said = "dual write: files and sheets win; every load writes its pages at once"
    else:
        said = "Postgres primary: files and sheets win; refresh and sync write pages"
    alone = not settings.use_postgres_as_sot and not settings.enable_notion_sync
    fix = "set ENABLE_NOTION_SYNC=true to read it, or USE_POSTGRES_AS_SOT=true" if alone else ""
    return Check("mode", ok=not alone, detail=said, fix=fix)


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
            _analyst_reach,
            _clock,
            _dead_runs,
            partial(_leftovers, settings),
            _marts,
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


def _analyst_reach(conn: psycopg.Connection) -> Check:
    """Whether the role reads a schema beyond marts and the statistical functions."""
    if _value(conn, "select 1 from pg_roles where rolname = 'analyst'") is None:
        return Check("rights of analyst", ok=True, detail="the role is not there yet")
    reached = _value(
        conn,
        "select string_agg(nspname, ', ' order by nspname) from pg_namespace"
        " where nspname !~ '^pg_' and nspname not in"
        " ('information_schema', 'public', 'marts', 'stats')"
        " and has_schema_privilege('analyst', oid, 'usage')",
    )
    return Check(
        "rights of analyst",
        reached is None,
        f"reaches {reached}" if reached else "reaches marts only",
        f"revoke usage on schema {reached} from analyst" if reached else "",
    )


def _clock(conn: psycopg.Connection) -> Check:
    server_now = _value(conn, "select extract(epoch from clock_timestamp())::float8")
    apart = abs(float(str(server_now)) - time.time())
    ok = apart < _CLOCK_SECONDS
    return Check(
        "clock",
        ok,
        f"{apart:.1f} s between this machine and the server",
        "" if ok else "set both clocks by a time service: newer versions of files are told by time",
    )


def _leftovers(settings: Settings, conn: psycopg.Connection) -> Check:
    """What a killed load left in its work folder; the next load clears it."""
    folder = settings.warehouse_dir / "dlt" / conn.info.dbname
    try:
        left = sorted(path.name for path in folder.iterdir())
    except OSError:
        left = []
    busy = bool(
        _value(
            conn,
            "select count(*) from pg_locks where locktype = 'advisory' and granted"
            " and pid <> pg_backend_pid()"
            " and database = (select oid from pg_database where datname = current_database())",
        )
    )
    ok = not left or busy
    return Check(
        "unfinished loads",
        ok,
        "a load is at work" if left and busy else ", ".join(left) or "nothing left behind",
        "" if ok else "load again: what is left is never visible, and is cleared then",
    )


def _marts(conn: psycopg.Connection) -> Check:
    if _value(conn, "select to_regclass('ops.builds')::text") is None:
        return Check("marts", ok=True, detail="never built")
    state = builds.marts_state(conn)
    if state.cut_off:
        return Check(
            "marts",
            ok=False,
            detail="a build was cut off: they hold part of what it made",
            fix="omics build: it makes all of that anew, and puts the marts back if it fails",
        )
    if state.stale_since is not None:
        names = ", ".join(state.failed) or "dbt did not start"
        return Check(
            "marts",
            ok=False,
            detail=f"stale since {state.stale_since:%Y-%m-%d %H:%M:%S %Z}: {names} failed",
            fix="omics build shows the message of what failed",
        )
    good = f"built {state.good_at:%Y-%m-%d %H:%M:%S %Z}" if state.good_at else "never built"
    return Check("marts", ok=True, detail=good)


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
