"""Connections to the warehouse, whichever server it is, and its address for other tools."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from warehouse import server
from warehouse.cluster import EMBEDDED_USER
from warehouse.errors import OmicsError
from warehouse.settings import EMBEDDED_PORT, Settings

if TYPE_CHECKING:
    import psycopg

#: The oldest Postgres that is used.
MINIMUM_SERVER = 15

#: Analysts write `select … from datasets`, without a schema.
SEARCH_PATH = "marts, public"

_CONNECT_SECONDS = 15

# dlt refuses an address without a password. Where the connection did without one, the server does
# not ask for it, and this is never sent.
_NO_PASSWORD = "x"  # noqa: S105 - see above

# Parameters of a connection that an address carries besides the five that name the place.
_CARRIED = (
    "channel_binding",
    "gssencmode",
    "hostaddr",
    "options",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)

# How libpq calls a parameter in the environment, where that is not PG and its name.
_VARIABLES = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
    "channel_binding": "PGCHANNELBINDING",
    "gssencmode": "PGGSSENCMODE",
    "hostaddr": "PGHOSTADDR",
    "options": "PGOPTIONS",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}


def connect(
    settings: Settings,
    *,
    autocommit: bool = True,
    database: str | None = None,
    application_name: str | None = None,
) -> psycopg.Connection:
    """Connect, starting the embedded server and making the database when they are missing.

    Args:
        settings: The settings.
        autocommit: Whether each statement is a transaction of its own.
        database: Database to use instead of the one in the settings.
        application_name: What others see of this connection; the process by default.

    Raises:
        OmicsError: The server cannot be reached or used; the message says what to do.
    """
    import psycopg

    name = database or settings.database_name
    label = application_name or f"omics {os.getpid()}"
    if settings.is_embedded and not server.is_usable(settings):
        server.start(settings)
    try:
        connection = _open_ready(settings, name, label)
    except psycopg.OperationalError as error:
        connection = _open_again(settings, error, name, label)
    connection.autocommit = autocommit
    return connection


def ensure_database(settings: Settings, *, database: str | None = None) -> None:
    """Make sure that the server runs and has the database, ready for use.

    Raises:
        OmicsError: The server cannot be reached or used; the message says what to do.
    """
    connect(settings, database=database).close()


def database_url(settings: Settings, *, database: str | None = None) -> str:
    """The address of the database, for psycopg, dlt and ADBC alike; it may hold a password.

    The server is started and the database made if need be. For another server it is resolved from
    a real connection, so a service file, a password file and libpq's defaults count too, in tools
    that do not know them. Print it through `redacted` only.

    Raises:
        OmicsError: The server cannot be reached or used; the message says what to do.
    """
    parameters = connection_parameters(settings, database=database)
    return build_url({"password": _NO_PASSWORD, **parameters})


def pg_environment(settings: Settings, *, database: str | None = None) -> dict[str, str]:
    """The address as `PG*` variables, for programs to start: dbt, psql, R.

    Raises:
        OmicsError: The server cannot be reached or used; the message says what to do.
    """
    parameters = connection_parameters(settings, database=database)
    return {_VARIABLES[name]: value for name, value in parameters.items()}


def connection_parameters(settings: Settings, *, database: str | None = None) -> dict[str, str]:
    """The address as libpq's parameters; starts the server and makes the database if need be."""
    with connect(settings, database=database) as connection:
        info = connection.info
        if settings.is_embedded:
            return {
                "host": str(settings.socket_dir),
                "port": str(EMBEDDED_PORT),
                "user": EMBEDDED_USER,
                "dbname": info.dbname,
            }
        found = info.get_parameters()
        parameters = {
            "host": info.host,
            "port": str(info.port),
            "user": info.user,
            "dbname": info.dbname,
            **{name: found[name] for name in _CARRIED if found.get(name)},
        }
        if info.password:
            parameters["password"] = info.password
    return parameters


def build_url(parameters: Mapping[str, str]) -> str:
    """Write an address from libpq's parameters.

    A socket folder goes into the query, with a host in its usual place because dlt wants one.

    Examples:
        >>> place = {"port": "5432", "user": "a@b", "dbname": "d"}
        >>> build_url({"host": "/run/s", "password": "x", **place})
        'postgresql://a%40b:x@localhost:5432/d?host=%2Frun%2Fs'
        >>> build_url({"host": "::1", "sslmode": "require", **place})
        'postgresql://a%40b@[::1]:5432/d?sslmode=require'
    """
    host = parameters["host"]
    extra = {name: parameters[name] for name in _CARRIED if name in parameters}
    if host.startswith("/"):
        extra["host"], host = host, "localhost"
    elif ":" in host:
        host = f"[{host}]"
    user = quote(parameters["user"], safe="")
    if "password" in parameters:
        user += ":" + quote(parameters["password"], safe="")
    place = f"{user}@{host}:{parameters['port']}"
    # %20 and not +: libpq does not read a plus as a space.
    query = urlencode(extra, quote_via=quote, safe="")
    return urlunsplit(("postgresql", place, quote(parameters["dbname"], safe=""), query, ""))


def redacted(url: str) -> str:
    """An address without its password, to show or to log.

    Examples:
        >>> redacted("postgresql://me:secret@db:5432/x?sslmode=require&password=secret")
        'postgresql://me:***@db:5432/x'
    """
    parts = urlsplit(url)
    account, at, place = parts.netloc.rpartition("@")
    user, colon, _ = account.partition(":")
    # The query may hold a password too, and nothing that a reader of a message needs.
    return urlunsplit((parts.scheme, user + (colon and ":***") + at + place, parts.path, "", ""))


def server_label(settings: Settings) -> str:
    """The server in words, for messages; connects to nothing."""
    if settings.is_embedded:
        return f"the embedded server ({settings.socket_dir})"
    if settings.database_url is not None:
        return redacted(settings.database_url.get_secret_value())
    if settings.pgservice is not None:
        return f"service {settings.pgservice}"
    return f"{settings.pghost or settings.pghostaddr or 'localhost'}:{settings.pgport or 5432}"


def _open_ready(settings: Settings, database: str, label: str) -> psycopg.Connection:
    connection = _open(settings, database, label)
    try:
        _refuse_old_server(settings, connection)
        # A server that crashes just now has let us in, and fails here.
        _ensure_search_path(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _open(settings: Settings, database: str, label: str) -> psycopg.Connection:
    import psycopg

    if settings.is_embedded:
        return psycopg.connect(
            host=str(settings.socket_dir),
            port=EMBEDDED_PORT,
            user=EMBEDDED_USER,
            dbname=database,
            application_name=label,
            connect_timeout=_CONNECT_SECONDS,
            autocommit=True,
        )
    given: dict[str, Any] = {}
    address = ""
    if settings.database_url is not None:
        address = settings.database_url.get_secret_value()
    else:
        given = {
            "host": settings.pghost,
            "hostaddr": settings.pghostaddr,
            "port": settings.pgport,
            "user": settings.pguser,
            "password": settings.pgpassword.get_secret_value() if settings.pgpassword else None,
            "sslmode": settings.pgsslmode,
            "service": settings.pgservice,
        }
    # A service may name the database; then the default of ours must not cover it.
    if database != settings.database_name or settings.pgservice is None or settings.pgdatabase:
        given["dbname"] = database
    try:
        return psycopg.connect(
            address,
            application_name=label,
            connect_timeout=_CONNECT_SECONDS,
            autocommit=True,
            **{name: value for name, value in given.items() if value is not None},
        )
    except psycopg.ProgrammingError:
        # The reason quotes the address, and the address may hold a password.
        raise OmicsError(
            "the address of the server cannot be read",
            where="DATABASE_URL or PG*",
            expected="postgresql://user:password@host:5432/database",
            fix="write reserved characters of a password as %XX, for example %40 for @",
        ) from None


def _open_again(
    settings: Settings, error: psycopg.OperationalError, name: str, label: str
) -> psycopg.Connection:
    """Put right what a failed attempt to connect shows, as far as that is ours to do."""
    import psycopg

    try:
        if _is_missing_database(error, name):
            _create_database(settings, name)
        elif settings.is_embedded:
            # It went away between being looked at and being called, or recovers from a crash.
            server.start(settings)
        else:
            raise error
        return _open_ready(settings, name, label)
    except psycopg.OperationalError as second:
        raise _unreachable(settings, second) from None


def _is_missing_database(error: psycopg.OperationalError, name: str) -> bool:
    # libpq gives no SQLSTATE for a failed connection. Both spellings that servers use name the
    # database in the quotes of their language, so the name and the code's own words decide.
    text = str(error)
    return error.sqlstate == "3D000" or (f'"{name}"' in text and "does not exist" in text)


def _create_database(settings: Settings, name: str) -> None:
    import psycopg
    from psycopg import sql

    for maintenance in ("postgres", "template1"):
        try:
            connection = _open(settings, maintenance, f"omics {os.getpid()}")
        except psycopg.OperationalError:
            continue
        break
    else:
        raise OmicsError(
            f"there is no database {name!r}, and no way in to make it",
            where=server_label(settings),
            expected="the database, or a database `postgres` that this user may connect to",
            fix=f"make it yourself: create database {name}",
        )
    with connection:
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except (psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            # Another command made it at the same instant.
            return
        except psycopg.errors.InsufficientPrivilege:
            raise OmicsError(
                f"there is no database {name!r}, and user {connection.info.user!r} may not make it",
                where=server_label(settings),
                expected="the database, or the right createdb",
                fix=f"ask an administrator: create database {name} owner {connection.info.user}",
            ) from None


def _refuse_old_server(settings: Settings, connection: psycopg.Connection) -> None:
    major = connection.info.server_version // 10000
    if major < MINIMUM_SERVER:
        raise OmicsError(
            f"the server is Postgres {major}",
            where=server_label(settings),
            expected=f"Postgres {MINIMUM_SERVER} or newer",
            fix="use a newer server, or unset DATABASE_URL and PG* for the embedded one",
        )


def _ensure_search_path(connection: psycopg.Connection) -> None:
    """Let the database's search path begin with `marts`, as far as this role may arrange it.

    Where it may not, everything still works with schemas written out, and `omics doctor` tells.
    """
    import psycopg
    from psycopg import sql

    shown = connection.execute("show search_path").fetchone()
    current = str(shown[0]) if shown else ""
    if current.split(",")[0].strip().strip('"') == "marts":
        return
    wanted = SEARCH_PATH if current in ("", '"$user", public') else f"marts, {current}"
    database = sql.Identifier(connection.info.dbname)
    # From the server itself, and quoted there already.
    path = sql.SQL(wanted)
    for order in (
        sql.SQL("alter database {} set search_path = {}").format(database, path),
        sql.SQL("alter role current_user in database {} set search_path = {}").format(
            database, path
        ),
    ):
        try:
            connection.execute(order)
        except psycopg.errors.InsufficientPrivilege:
            continue
        except (psycopg.errors.InternalError, psycopg.errors.UniqueViolation):
            # "tuple concurrently updated", or written for the first time by two at once: another
            # command is setting the very same thing.
            pass
        break
    # The database's default counts from the next connection on.
    connection.execute(sql.SQL("set search_path = {}").format(path))


def _unreachable(settings: Settings, error: psycopg.OperationalError) -> OmicsError:
    # The first line says what happened; the others guess why.
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    fix = "see `omics doctor`"
    if not settings.is_embedded:
        fix = "check DATABASE_URL or PG*, and that the server runs; unset them for the embedded one"
    return OmicsError(
        f"Postgres cannot be reached: {lines[0] if lines else type(error).__name__}",
        where=server_label(settings),
        expected="a server that accepts this connection",
        fix=fix,
    )
