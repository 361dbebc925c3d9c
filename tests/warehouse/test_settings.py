"""Settings: where they come from, which one wins, and what is never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from warehouse.connection import redacted
from warehouse.errors import OmicsError
from warehouse.settings import (
    Settings,
    child_environment,
    find_root,
    get_settings,
    load_settings,
)

REPOSITORY = Path(__file__).resolve().parents[2]


def _variables() -> dict[str, str]:
    return {str(field.validation_alias): name for name, field in Settings.model_fields.items()}


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_settings(tmp_path).reject_limit == 0.05
    (tmp_path / ".env").write_text("OMICS_REJECT_LIMIT=0.1\nOMICS_DBT_THREADS=2\nOTHER=thing\n")
    assert load_settings(tmp_path).reject_limit == 0.1
    monkeypatch.setenv("OMICS_REJECT_LIMIT", "0.2")
    settings = load_settings(tmp_path)
    assert (settings.reject_limit, settings.dbt_threads) == (0.2, 2)


def test_a_started_program_has_what_is_said_then_what_is_set_then_what_is_usual(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DBT_LOG_LEVEL_FILE", "debug")
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    monkeypatch.delenv("DBT_LOG_FORMAT", raising=False)
    seen = child_environment(
        {"PGHOST": "here"},
        without=("PGSERVICE",),
        unless_set={"DBT_LOG_LEVEL_FILE": "info", "DBT_LOG_FORMAT": "text", "PGHOST": "there"},
    )
    assert (seen["DBT_LOG_LEVEL_FILE"], seen["DBT_LOG_FORMAT"]) == ("debug", "text")
    assert seen["PGHOST"] == "here"
    assert "PGSERVICE" not in seen


def test_an_empty_value_counts_as_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("PGHOST", "")
    monkeypatch.setenv("OMICS_WORKERS", "")
    settings = load_settings(tmp_path)
    assert settings.is_embedded
    assert 1 <= settings.workers <= 4


def test_the_example_file_names_every_setting_and_changes_nothing(tmp_path: Path) -> None:
    text = (REPOSITORY / ".env.example").read_text()
    named = set(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE))
    # The root is where the file is looked for, so the file cannot name it.
    assert named == set(_variables()) - {"OMICS_HOME"}
    (tmp_path / ".env").write_text(text)
    bare = tmp_path / "bare"
    bare.mkdir()
    assert load_settings(tmp_path).model_dump(exclude={"root"}) == load_settings(bare).model_dump(
        exclude={"root"}
    )


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("given", "embedded"),
    [
        ({}, True),
        ({"database_url": "postgresql://h/d"}, False),
        ({"pghost": "h"}, False),
        ({"pghostaddr": "10.0.0.1"}, False),
        ({"pguser": "u"}, False),
        ({"pgdatabase": "d"}, False),
        ({"pgservice": "s"}, False),
        # How to connect, not where to.
        ({"pgsslmode": "require"}, True),
    ],
)
def test_another_server_is_used_when_one_is_named(
    tmp_path: Path, given: dict[str, str], embedded: bool
) -> None:
    assert Settings(root=tmp_path, **given).is_embedded is embedded


def test_our_own_socket_folder_is_not_another_server(tmp_path: Path) -> None:
    own = str(Settings(root=tmp_path).socket_dir)
    assert Settings(root=tmp_path, pghost=own, pguser="omics").is_embedded
    url = f"postgresql://omics:x@localhost:5432/d?host={own.replace('/', '%2F')}"
    assert Settings(root=tmp_path, database_url=url).is_embedded


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "amprenta_rag"),
        ({"database": "x"}, "x"),
        ({"database_url": "postgresql://h/my%20db?sslmode=require"}, "my db"),
        ({"database_url": "postgresql+psycopg2://h"}, "amprenta_rag"),
        ({"pgdatabase": "y", "database": "x"}, "y"),
    ],
)
def test_the_database_has_the_name_that_was_given(
    tmp_path: Path, given: dict[str, str], name: str
) -> None:
    assert Settings(root=tmp_path, **given).database_name == name


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "mysql://me:hunter2@h/d"),
        ("DATABASE_URL", "hunter2"),
        ("DATABASE_URL", "postgresql://me:hunter2@[::1/d"),
        ("OMICS_WORKERS", "hunter2"),
        ("OMICS_REJECT_LIMIT", "2"),
    ],
)
def test_a_wrong_value_is_named_but_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(OmicsError) as caught:
        load_settings(tmp_path)
    assert caught.value.where == variable
    assert caught.value.fix
    assert "hunter2" not in str(caught.value)


def test_secrets_are_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {
        "DATABASE_URL": "postgresql://me:hunter2@h/d",
        "PGPASSWORD": "hunter2",
        "PINECONE_API_KEY": "hunter2",
        "NOTION_TOKEN": "hunter2",
        "OPENAI_API_KEY": "hunter2",
    }
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(tmp_path)
    assert settings.notion_token is not None
    assert settings.notion_token.get_secret_value() == "hunter2"
    for shown in (repr(settings), str(settings), settings.model_dump_json(), f"{vars(settings)}"):
        assert "hunter2" not in shown
    for url in (
        "postgresql://me:hunter2@h/d",
        "postgresql://h/d?password=hunter2",
        "postgresql://me:hunter2@[::1]:5/d?host=%2Ftmp&sslpassword=hunter2#hunter2",
    ):
        assert "hunter2" not in redacted(url)


def test_the_root_is_found_from_below_and_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project" / "models").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    assert find_root(tmp_path / "dbt_project" / "models") == tmp_path
    assert find_root(Path("/")) == REPOSITORY
    monkeypatch.setenv("OMICS_HOME", str(tmp_path / "dbt_project" / ".."))
    assert find_root(Path("/")) == tmp_path


def test_the_socket_path_fits_however_deep_the_root(tmp_path: Path) -> None:
    settings = Settings(root=tmp_path / ("x" * 200))
    assert len(str(settings.socket_dir / ".s.PGSQL.5432.lock")) < 60


def test_settings_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()
    first = get_settings()
    monkeypatch.setenv("OMICS_WORKERS", "7")
    assert get_settings() is first
    get_settings.cache_clear()
    assert get_settings().workers == 7
    get_settings.cache_clear()
