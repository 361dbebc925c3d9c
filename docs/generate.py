"""Writes docs/configuration.md from the settings, so that the page cannot fall behind the code.

Run it after a change of `warehouse/settings.py`: `.venv/bin/python docs/generate.py`.
A test compares the page with what this script would write.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from warehouse.settings import Settings

PAGE = Path(__file__).resolve().parent / "configuration.md"

#: Heading, what the group is for, and its settings. Every setting stands in one group.
GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (
        "Places",
        "Neither has to be set.",
        ("OMICS_HOME", "OMICS_DATA_DIR"),
    ),
    (
        "Postgres",
        "With any of `DATABASE_URL`, `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGUSER`, `PGPASSWORD`, "
        "`PGDATABASE` or `PGSERVICE` set, that server is used and nothing embedded is started; it "
        "must be Postgres 15 or newer. Otherwise the embedded server is used, and started when "
        "needed.",
        (
            "DATABASE_URL",
            "PGHOST",
            "PGHOSTADDR",
            "PGPORT",
            "PGUSER",
            "PGPASSWORD",
            "PGDATABASE",
            "PGSSLMODE",
            "PGSERVICE",
            "OMICS_DATABASE",
        ),
    ),
    (
        "Loading and building",
        "The defaults suit a laptop and a small server alike.",
        (
            "OMICS_WORKERS",
            "OMICS_REJECT_LIMIT",
            "OMICS_MAX_UNPACKED_BYTES",
            "OMICS_STAR_STRAND",
            "OMICS_DBT_THREADS",
        ),
    ),
    (
        "Refreshes",
        "Who is told how a refresh ended, and where its log lies. Command and address may hold "
        "secrets and are never printed. See [schedules](scheduling.md).",
        (
            "OMICS_NOTIFY_COMMAND",
            "OMICS_NOTIFY_URL",
            "OMICS_NOTIFY_ON",
            "OMICS_LOG_DIR",
            "OMICS_DIFF_TOLERANCE",
        ),
    ),
    (
        "Switches",
        "What is published, and what wins. `omics doctor` checks them.",
        ("USE_POSTGRES_AS_SOT", "ENABLE_NOTION_SYNC", "ENABLE_DUAL_WRITE"),
    ),
    (
        "Publishing",
        "Read by `omics sync apply`. Another address than the usual one points it at a local "
        "stand-in.",
        (
            "NOTION_PARENT_PAGE",
            "NOTION_REQUESTS_PER_SECOND",
            "NOTION_SIGNATURE_COMPONENTS",
            "NOTION_FEATURES",
            "NOTION_BASE_URL",
            "PINECONE_INDEX",
            "PINECONE_CLOUD",
            "PINECONE_REGION",
            "PINECONE_HOST",
            "OMICS_EMBEDDER",
            "OMICS_FEATURE_DOCUMENTS",
            "OPENAI_BASE_URL",
            "OMICS_MAX_DELETE_FRACTION",
        ),
    ),
    (
        "Asking",
        "Read by `omics ask`, which prints what it found where no model is set.",
        ("OMICS_MODEL_URL", "OMICS_MODEL"),
    ),
    (
        "Keys",
        "None is needed to load, build and query. Keep them in `.env` or in the environment, never "
        "in a commit. They are never printed.",
        ("PINECONE_API_KEY", "NOTION_TOKEN", "OPENAI_API_KEY", "OMICS_MODEL_KEY"),
    ),
)

#: Shown where the default is worked out on each machine.
_COMPUTED = {
    "OMICS_HOME": "the checkout around the working folder",
    "OMICS_WORKERS": "processors, four at most",
}

_HEAD = """\
# Settings

<!-- Written by docs/generate.py from warehouse/settings.py. Do not edit this page by hand. -->

A value comes from the environment, else from the file `.env` at the project root, else from the
default. An empty value counts as not set. Copy `.env.example` to `.env` to begin; `omics doctor`
says what is in force, without showing secrets.

Only `warehouse/settings.py` reads the environment.
"""

_TAIL = """\
## Other variables

| variable | who reads it |
|---|---|
| `OMICS_TEST_DATABASE_URL` | the tests: a server to use instead of a temporary embedded one |
| `PGPASSFILE` | libpq: where passwords are kept; works for every command |
| `DBT_TARGET_PATH` | dbt: another folder for what it builds |
"""


def settings_by_name() -> dict[str, FieldInfo]:
    """Returns every setting by the name of its variable."""
    return {str(field.validation_alias): field for field in Settings.model_fields.values()}


def render() -> str:
    """Returns the text of the page.

    Raises:
        ValueError: A setting stands in no group, or a group names one that is gone.
    """
    fields = settings_by_name()
    grouped = [name for _, _, names in GROUPS for name in names]
    if sorted(grouped) != sorted(fields):
        odd = sorted(set(grouped) ^ set(fields))
        raise ValueError(f"GROUPS and warehouse/settings.py do not name the same settings: {odd}")
    parts = [_HEAD]
    for heading, purpose, names in GROUPS:
        parts.append(f"## {heading}\n\n{purpose}\n\n{_table(names, fields)}")
    return "\n".join([*parts, _TAIL])


def _table(names: Iterable[str], fields: dict[str, FieldInfo]) -> str:
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name in names:
        field = fields[name]
        rows.append(f"| `{name}` | {_default(name, field)} | {_cell(field.description or '')} |")
    return "\n".join(rows) + "\n"


def _default(name: str, field: FieldInfo) -> str:
    if name in _COMPUTED:
        return _COMPUTED[name]
    value: Any = field.default
    if value is None or isinstance(value, SecretStr):
        return "not set"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
