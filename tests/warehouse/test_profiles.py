"""`profiles.yml`: plain dbt finds the same database as every `omics` command."""

from __future__ import annotations

import datetime
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
import yaml

from warehouse import connection, server
from warehouse.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]
PROFILE = REPOSITORY / "profiles.yml"


def _render(profiles_dir: str = "/a b", **environment: str) -> dict[str, Any]:
    """The target as dbt would see it, with dbt's few functions stood in for."""
    jinja = jinja2.Environment(autoescape=False)  # noqa: S701 - a profile is no web page
    jinja.filters["as_number"] = int
    context = {
        "env_var": lambda name, default="": environment.get(name, default),
        "modules": SimpleNamespace(re=re, datetime=datetime),
        "flags": SimpleNamespace(PROFILES_DIR=profiles_dir),
        "local_md5": lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
    }
    target = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))["omics"]["outputs"]["dev"]
    return {
        name: jinja.from_string(value).render(context) if isinstance(value, str) else value
        for name, value in target.items()
    }


def _place(target: dict[str, Any]) -> tuple[str, ...]:
    return tuple(str(target[name]) for name in ("host", "port", "user", "password", "dbname"))


def test_with_nothing_set_it_is_the_embedded_server() -> None:
    own = str(Settings(root=Path("/a b")).socket_dir)
    expected = (own, "5432", "omics", "", "amprenta_rag")
    assert _place(_render("/a b")) == expected
    assert _place(_render(".", PWD="/a b")) == expected
    assert _place(_render("/elsewhere", OMICS_HOME="/a b")) == expected
    assert _place(_render("/a b", DATABASE_URL="", PGHOST="")) == expected


@pytest.mark.parametrize(
    "parameters",
    [
        {"host": "db.example.org", "port": "5433", "user": "me", "password": "x", "dbname": "d"},
        {"host": "::1", "port": "5432", "user": "ü@:/", "password": "p%/?#&= +", "dbname": "a b"},
        {"host": "/tmp/s é/x", "port": "5432", "user": "o", "password": "x", "dbname": "d"},
    ],
)
def test_an_address_is_taken_apart_as_libpq_does(parameters: dict[str, str]) -> None:
    target = _render(DATABASE_URL=connection.build_url({**parameters, "sslmode": "require"}))
    assert _place(target) == tuple(parameters.values())
    assert target["sslmode"] == "require"


def test_a_short_address_and_variables() -> None:
    assert _place(_render(DATABASE_URL="postgres://h/d", USER="me")) == ("h", "5432", "me", "", "d")
    given = _render(PGHOST="h", PGPORT="6000", PGUSER="u", PGPASSWORD="p", PGSSLMODE="require")
    assert _place(given) == ("h", "6000", "u", "p", "amprenta_rag")
    assert given["sslmode"] == "require"
    assert _place(_render(PGDATABASE="d", USER="me")) == ("localhost", "5432", "me", "", "d")


def test_plain_dbt_finds_the_embedded_server(new_root: Callable[[str], Settings]) -> None:
    settings = new_root("a checkout")
    connection.ensure_database(settings)
    shutil.copy(PROFILE, settings.root)
    project = settings.root / "dbt_project"
    (project / "models").mkdir(parents=True)
    (project / "dbt_project.yml").write_text('name: tiny\nversion: "1.0.0"\nprofile: omics\n')
    (project / "models" / "one.sql").write_text("select 1 as one")
    command = [sys.executable, "-m", "dbt.cli.main", "run", "--project-dir", "dbt_project"]
    ran = subprocess.run(command, cwd=settings.root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    with connection.connect(settings) as conn:
        assert conn.execute("select one from one").fetchone() == (1,), "found without a schema"
    assert server.is_usable(settings)
