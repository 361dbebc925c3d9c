"""Addresses that every tool understands, and databases that are there when needed."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from pydantic import SecretStr

from warehouse import connection
from warehouse.errors import OmicsError
from warehouse.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]


def test_the_address_works_with_psycopg_adbc_and_dlt(settings: Settings) -> None:
    from adbc_driver_postgresql import dbapi
    from dlt.destinations.impl.postgres.configuration import PostgresCredentials

    url = connection.database_url(settings)
    with psycopg.connect(url) as conn:
        assert conn.info.dbname == settings.database
    with dbapi.connect(url) as adbc, adbc.cursor() as cursor:
        cursor.execute("select current_database()")
        assert cursor.fetchone() == (settings.database,)
    credentials = PostgresCredentials(url)
    assert credentials.host
    assert credentials.password, "dlt refuses an address without a password"
    with psycopg.connect(credentials.to_native_representation()) as conn:
        assert conn.info.dbname == settings.database


def test_the_search_path_begins_with_marts_for_everybody(settings: Settings) -> None:
    with psycopg.connect(connection.database_url(settings)) as conn:
        assert conn.execute("show search_path").fetchone() == ("marts, public",)


def test_variables_name_the_same_database(settings: Settings) -> None:
    variables = connection.pg_environment(settings)
    again = Settings(
        root=settings.root,
        pghost=variables["PGHOST"],
        pgport=variables["PGPORT"],
        pguser=variables["PGUSER"],
        pgdatabase=variables["PGDATABASE"],
        pgpassword=SecretStr(variables["PGPASSWORD"]) if "PGPASSWORD" in variables else None,
    )
    # A shell that took the variables of the embedded server still starts it when needed.
    assert again.is_embedded == settings.is_embedded
    with connection.connect(again) as conn:
        assert conn.info.dbname == settings.database


def test_another_server_is_resolved_from_the_connection(settings: Settings, tmp_path: Path) -> None:
    # Another root, so this is a server that somebody else runs.
    url = connection.database_url(settings)
    other = Settings(root=tmp_path, database_url=SecretStr(url))
    assert not other.is_embedded
    assert connection.database_url(other) == url
    service = tmp_path / "services.conf"
    variables = connection.pg_environment(settings)
    service.write_text(
        f"[lab]\nhost={variables['PGHOST']}\nport={variables['PGPORT']}\n"
        f"user={variables['PGUSER']}\ndbname={variables['PGDATABASE']}\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGSERVICEFILE", str(service))
        named = Settings(root=tmp_path, pgservice="lab", pgpassword=other.pgpassword)
        if "PGPASSWORD" in variables:
            named = named.model_copy(update={"pgpassword": SecretStr(variables["PGPASSWORD"])})
        assert connection.pg_environment(named) == variables


def test_a_missing_database_is_made_whatever_its_name(settings: Settings) -> None:
    name = f'{settings.database} é "quoted"/%'
    try:
        with psycopg.connect(connection.database_url(settings, database=name)) as conn:
            assert conn.info.dbname == name
    finally:
        with connection.connect(settings, database="postgres") as conn:
            conn.execute(psycopg.sql.SQL("drop database {}").format(psycopg.sql.Identifier(name)))


@pytest.fixture
def limited(settings: Settings, conn: psycopg.Connection) -> Iterator[Settings]:
    """A role that may connect and nothing else."""
    role = f"{settings.database}_guest"
    conn.execute(f"create role {role} login password 'guest'")
    conn.execute(f"grant {role} to current_user")
    variables = connection.pg_environment(settings)
    yield Settings(
        root=settings.root / "elsewhere",
        pghost=variables["PGHOST"],
        pgport=variables["PGPORT"],
        pguser=role,
        pgpassword=SecretStr("guest"),
        pgdatabase=settings.database,
    )
    conn.execute(f"drop owned by {role}")
    conn.execute(f"drop role {role}")


def test_without_the_right_to_make_a_database_the_message_says_what_to_ask(
    limited: Settings,
) -> None:
    with pytest.raises(OmicsError, match="may not make it") as caught:
        connection.connect(limited, database="not_there")
    assert "create database not_there" in str(caught.value)


def test_two_commands_that_are_the_first_both_connect(
    settings: Settings, conn: psycopg.Connection
) -> None:
    url = connection.database_url(settings)
    conn.execute(f'alter database "{settings.database}" reset all'.encode())
    with (
        psycopg.connect(url) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        # Set, and not yet committed: our own order now waits for its end, and comes too late.
        other.execute(
            f'alter database "{settings.database}" set search_path = marts, public'.encode()
        )
        ours = thread.submit(connection.connect, settings)
        waiting = "select from pg_stat_activity where datname = %s and wait_event_type = 'Lock'"
        while not conn.execute(waiting, (settings.database,)).fetchall() and not ours.done():
            time.sleep(0.01)
        other.commit()
        with ours.result(timeout=10) as opened:
            assert opened.execute("show search_path").fetchone() == ("marts, public",)


def test_without_owning_the_database_the_search_path_is_the_roles(
    limited: Settings, conn: psycopg.Connection
) -> None:
    conn.execute(f"alter database {limited.pgdatabase} reset search_path")
    url = connection.database_url(limited)
    with psycopg.connect(url) as again:
        assert again.execute("show search_path").fetchone() == ("marts, public",)
        assert again.info.user == limited.pguser


def test_an_old_server_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "MINIMUM_SERVER", 99)
    with pytest.raises(OmicsError, match="99 or newer"):
        connection.connect(settings)


def test_no_password_reaches_a_message(tmp_path: Path) -> None:
    secret = "hunter2%zz"
    for settings in (
        Settings(root=tmp_path, database_url=SecretStr(f"postgresql://me:{secret}@127.0.0.1:1/d")),
        Settings(root=tmp_path, database_url=SecretStr("postgresql://me:hunter2@127.0.0.1:1/d")),
        Settings(root=tmp_path, pghost="127.0.0.1", pgport="1", pgpassword=SecretStr("hunter2")),
    ):
        with pytest.raises(OmicsError) as caught:
            connection.connect(settings)
        assert "hunter2" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert "hunter2" not in repr(settings)
        assert "hunter2" not in connection.server_label(settings)


def test_an_address_survives_being_written_and_read() -> None:
    parameters = {
        "host": "/tmp/a b",
        "port": "5433",
        "user": "ü:@/",
        "password": "p%/?#&= +",
        "dbname": "a/b?c",
        "sslmode": "require",
    }
    read = psycopg.conninfo.conninfo_to_dict(connection.build_url(parameters))
    assert {name: str(value) for name, value in read.items()} == parameters
    assert urlsplit(connection.build_url(parameters)).hostname == "localhost"


def test_importing_it_is_cheap() -> None:
    code = (
        "import sys, warehouse.connection, warehouse.ledger, warehouse.lock, warehouse.doctor;"
        "print(*[name for name in ('psycopg', 'pyarrow', 'dlt', 'dbt', 'pandas')"
        " if name in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == []
