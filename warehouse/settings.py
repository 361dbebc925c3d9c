"""Every setting of the project, and the only module that reads the environment.

Values come from the environment first, then from a file `.env` at the project root, then from the
defaults below. An empty value counts as not set, so a copied `.env.example` changes nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.errors import OmicsError

#: Port of the embedded server. It does not listen on the network: the port only names its socket.
EMBEDDED_PORT = 5432

_GIB = 1024**3


def _default_workers() -> int:
    # More than four readers wait for one Postgres on the machines this is meant for.
    return max(1, min(4, os.cpu_count() or 1))


def find_root(start: Path | None = None) -> Path:
    """The project root: `OMICS_HOME`, else the checkout around `start`, else around this package.

    Args:
        start: Folder to search upwards from; the working folder when left out.
    """
    home = os.environ.get("OMICS_HOME")
    if home:
        return Path(home).expanduser().resolve()
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "dbt_project").is_dir() and (folder / "pyproject.toml").is_file():
            return folder
    return Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What can be set, where it is read from, and what it means."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    root: Path = Field(
        default_factory=find_root,
        validation_alias="OMICS_HOME",
        description="Project root: holds dbt_project/, .env and .warehouse/. Found by itself.",
    )

    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="Server to use instead of the embedded one: postgresql://user:password@host/db",
    )
    pghost: str | None = Field(
        default=None,
        validation_alias="PGHOST",
        description="Host or socket folder of the server to use instead of the embedded one.",
    )
    pghostaddr: str | None = Field(
        default=None, validation_alias="PGHOSTADDR", description="Its address, instead of its name."
    )
    pgport: str | None = Field(
        default=None, validation_alias="PGPORT", description="Its port; 5432 when left out."
    )
    pguser: str | None = Field(
        default=None, validation_alias="PGUSER", description="User to connect as."
    )
    pgpassword: SecretStr | None = Field(
        default=None,
        validation_alias="PGPASSWORD",
        description="Password of that user; a password file (PGPASSFILE, ~/.pgpass) works too.",
    )
    pgdatabase: str | None = Field(
        default=None,
        validation_alias="PGDATABASE",
        description="Database to use; made when it is missing and the user may.",
    )
    pgsslmode: str | None = Field(
        default=None,
        validation_alias="PGSSLMODE",
        description="How to use TLS: disable, prefer, require, verify-ca or verify-full.",
    )
    pgservice: str | None = Field(
        default=None,
        validation_alias="PGSERVICE",
        description="Name of a service in the connection service file of libpq.",
    )
    database: str = Field(
        default="amprenta_rag",
        min_length=1,
        validation_alias="OMICS_DATABASE",
        description="Database name where neither DATABASE_URL nor PGDATABASE names one.",
    )

    workers: int = Field(
        default_factory=_default_workers,
        ge=1,
        le=64,
        validation_alias="OMICS_WORKERS",
        description="Files read at the same time; the number of processors, four at most.",
    )
    reject_limit: float = Field(
        default=0.05,
        ge=0.0,
        le=1.0,
        validation_alias="OMICS_REJECT_LIMIT",
        description="Share of a file's rows that may be rejected before the file is quarantined.",
    )
    max_unpacked_bytes: int = Field(
        default=8 * _GIB,
        gt=0,
        validation_alias="OMICS_MAX_UNPACKED_BYTES",
        description="Bytes a compressed file may unpack to before it is refused.",
    )
    star_strand: Literal["unstranded", "forward", "reverse"] | None = Field(
        default=None,
        validation_alias="OMICS_STAR_STRAND",
        description="Strandedness of libraries counted by STAR: `unstranded`, `forward` or "
        "`reverse`. Not set, such files ask for it.",
    )
    dbt_threads: int = Field(
        default=4,
        ge=1,
        le=64,
        validation_alias="OMICS_DBT_THREADS",
        description="Models that dbt builds at the same time.",
    )

    diff_tolerance: float = Field(
        default=1e-6,
        ge=0.0,
        le=1.0,
        validation_alias="OMICS_DIFF_TOLERANCE",
        description="Relative difference up to which a number counts as unchanged in `omics diff`.",
    )

    notify_command: SecretStr | None = Field(
        default=None,
        validation_alias="OMICS_NOTIFY_COMMAND",
        description="Shell command told how a refresh ended: it reads one JSON document.",
    )
    notify_url: SecretStr | None = Field(
        default=None,
        validation_alias="OMICS_NOTIFY_URL",
        description="Address (webhook) that the same JSON document is sent to.",
    )
    notify_on: Literal["failure", "trouble", "always"] = Field(
        default="failure",
        validation_alias="OMICS_NOTIFY_ON",
        description="When: `failure` (exit code 1), `trouble` (also 2) or `always`.",
    )
    log_dir: Path = Field(
        default=Path(".warehouse/logs"),
        validation_alias="OMICS_LOG_DIR",
        description="Folder of the JSON-lines logs of refreshes, one file for each month.",
    )

    results_dir: Path = Field(
        default=Path("data"),
        validation_alias="OMICS_DATA_DIR",
        description="Folder of result files that load, plan and refresh take without --dir.",
    )

    use_postgres_as_sot: bool = Field(
        default=True,
        validation_alias="USE_POSTGRES_AS_SOT",
        description="true: fields come from files and sheets; false (rollback): Notion pages win.",
    )
    enable_notion_sync: bool = Field(
        default=False,
        validation_alias="ENABLE_NOTION_SYNC",
        description="true: sync creates and updates Notion pages; false: Notion is never called.",
    )
    enable_dual_write: bool = Field(
        default=False,
        validation_alias="ENABLE_DUAL_WRITE",
        description="true: every load is followed at once by the Notion pages of what it loaded.",
    )

    feature_documents: bool = Field(
        default=False,
        validation_alias="OMICS_FEATURE_DOCUMENTS",
        description="true: features get documents too, thousands of them, to be found by meaning.",
    )

    notion_parent_page: str | None = Field(
        default=None,
        validation_alias="NOTION_PARENT_PAGE",
        description="Page under which sync makes its databases, or finds them: its id or address.",
    )
    notion_signature_components: str | None = Field(
        default=None,
        validation_alias="NOTION_SIGNATURE_COMPONENTS",
        description="Signatures whose components get Notion pages, one each: `all`, or names or "
        "short ids parted by semicolons. Not set, none.",
    )
    notion_features: str | None = Field(
        default=None,
        validation_alias="NOTION_FEATURES",
        description="Features that get Notion pages: `signatures` for those in signatures, names, "
        "canonical ids, parted by semicolons. Not set, none.",
    )
    notion_base_url: str = Field(
        default="https://api.notion.com",
        validation_alias="NOTION_BASE_URL",
        description="Address of Notion's API; another one for a local stand-in.",
    )
    notion_requests_per_second: float = Field(
        default=2.5,
        gt=0,
        le=100,
        validation_alias="NOTION_REQUESTS_PER_SECOND",
        description="Calls to Notion per second, over all workers; it allows about three.",
    )
    pinecone_index: str = Field(
        default="amprenta-rag",
        pattern=r"^[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?$",
        validation_alias="PINECONE_INDEX",
        description="Index that vectors go to; made when it is missing.",
    )
    pinecone_host: str | None = Field(
        default=None,
        validation_alias="PINECONE_HOST",
        description="Address of Pinecone's control plane; another one for a local stand-in.",
    )
    pinecone_cloud: str = Field(
        default="aws",
        validation_alias="PINECONE_CLOUD",
        description="Cloud in which a missing index is made.",
    )
    pinecone_region: str = Field(
        default="us-east-1",
        validation_alias="PINECONE_REGION",
        description="Region in which a missing index is made.",
    )
    openai_base_url: str = Field(
        default="https://api.openai.com",
        validation_alias="OPENAI_BASE_URL",
        description="Address of OpenAI's API.",
    )
    embedder: str = Field(
        default="hash-v1:512",
        validation_alias="OMICS_EMBEDDER",
        description="What turns text into vectors: hash-v1:512 (built in, by words and spelling "
        "only), pinecone:llama-text-embed-v2:1024, openai:text-embedding-3-small:1536 or "
        "openai:text-embedding-3-large:3072.",
    )
    model_url: str | None = Field(
        default=None,
        validation_alias="OMICS_MODEL_URL",
        description="Address of a language model for `omics ask`, as far as `/v1`: any server that "
        "speaks OpenAI's chat completions. Not set, no model is asked.",
    )
    model_name: str | None = Field(
        default=None,
        validation_alias="OMICS_MODEL",
        description="Name of that model.",
    )
    max_delete_fraction: float = Field(
        default=0.2,
        ge=0.0,
        le=1.0,
        validation_alias="OMICS_MAX_DELETE_FRACTION",
        description="Share of the published entities that one sync may delete without being told.",
    )

    pinecone_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="PINECONE_API_KEY",
        description="Key of Pinecone; search uses Postgres alone without it.",
    )
    notion_token: SecretStr | None = Field(
        default=None,
        validation_alias="NOTION_TOKEN",
        description="Token of the Notion integration; needed when ENABLE_NOTION_SYNC is true.",
    )
    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OPENAI_API_KEY",
        description="Key of OpenAI; only needed for its embedding models.",
    )

    model_api_key: SecretStr | None = Field(
        default=None,
        validation_alias="OMICS_MODEL_KEY",
        description="Key of the language model for `omics ask`, where it needs one.",
    )

    @field_validator("root")
    @classmethod
    def _resolve_root(cls, value: Path) -> Path:
        # Resolved, because the socket folder is named after it and dbt names it after getcwd().
        return value.expanduser().resolve()

    @field_validator("notify_url")
    @classmethod
    def _web_address(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and urlsplit(value.get_secret_value()).scheme not in ("http", "https"):
            raise ValueError("it is not an address that begins with http:// or https://")
        return value

    @field_validator("database_url")
    @classmethod
    def _plain_postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        # SQLAlchemy writes postgresql+psycopg2://; libpq, ADBC and dlt do not know the driver part.
        if value is None:
            return None
        scheme, found, rest = value.get_secret_value().partition("://")
        if not found or scheme.split("+")[0] not in {"postgres", "postgresql"}:
            raise ValueError("it is not of the form postgresql://user:password@host:5432/database")
        urlsplit(f"postgresql://{rest}")
        return SecretStr(f"postgresql://{rest}")

    @property
    def results_folder(self) -> Path:
        """The default folder of result files; a relative one counts from the root."""
        return self.root / self.results_dir.expanduser()

    @property
    def log_folder(self) -> Path:
        """Folder of the logs; a relative one lies in the root."""
        return self.root / self.log_dir.expanduser()

    @property
    def secrets(self) -> tuple[str, ...]:
        """The values that must not be written anywhere, and the password within an address."""
        values = [
            value.get_secret_value()
            for name in type(self).model_fields
            if isinstance(value := getattr(self, name), SecretStr)
        ]
        if self.database_url is not None:
            password = urlsplit(self.database_url.get_secret_value()).password
            values += [password, unquote(password)] if password else []
        # Longest first: an address goes before the password that it holds.
        return tuple(sorted((value for value in values if value), key=len, reverse=True))

    @property
    def warehouse_dir(self) -> Path:
        """Folder of what this machine keeps: the embedded server's data, its log, work files."""
        return self.root / ".warehouse"

    @property
    def data_dir(self) -> Path:
        """Data folder of the embedded server."""
        return self.warehouse_dir / "pgdata"

    @property
    def socket_dir(self) -> Path:
        """Socket folder of the embedded server.

        Named after the root and kept short: a Unix socket path holds 107 bytes at most, and a
        checkout may lie deeper. `profiles.yml` derives the same name, so plain dbt finds it too.
        """
        digest = hashlib.md5(str(self.root).encode(), usedforsecurity=False).hexdigest()
        # Always /tmp, never TMPDIR: every command and dbt must come to the same folder. Its owner
        # and mode are checked before each use.
        return Path("/tmp") / f"omics-{digest[:16]}"  # noqa: S108 - see above

    @property
    def is_embedded(self) -> bool:
        """Whether the embedded server is used: no `DATABASE_URL` and no `PG*` names another one.

        `omics env` exports `PG*` for other tools. Those name the embedded server, so a shell that
        took them still starts it when needed.
        """
        own = str(self.socket_dir)
        if self.database_url is not None:
            return self._url_host() == own
        if self.pghost is not None:
            return self.pghost == own
        others = (self.pghostaddr, self.pgport, self.pguser, self.pgpassword, self.pgdatabase)
        return all(value is None for value in (*others, self.pgservice))

    @property
    def database_name(self) -> str:
        """The database to use, whoever names it."""
        if self.database_url is not None:
            path = unquote(urlsplit(self.database_url.get_secret_value()).path.lstrip("/"))
            return path or self.database
        return self.pgdatabase or self.database

    def _url_host(self) -> str | None:
        if self.database_url is None:
            return None
        parts = urlsplit(self.database_url.get_secret_value())
        in_query = parse_qs(parts.query).get("host")
        return in_query[-1] if in_query else unquote(parts.hostname or "")


def load_settings(root: Path | None = None) -> Settings:
    """Read the settings anew, with the `.env` of `root`.

    Args:
        root: Project root; found when left out.

    Raises:
        OmicsError: A value cannot be used. Its text is not repeated: it may be a secret.
    """
    folder = (root or find_root()).expanduser().resolve()
    try:
        return Settings(root=folder, _env_file=folder / ".env")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise OmicsError(
            f"a setting cannot be used: {first['msg']}",
            where=".".join(str(part) for part in first["loc"]),
            expected="see .env.example for what each setting means",
            fix="correct it in the environment or in .env at the project root",
        ) from None


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once; `get_settings.cache_clear()` forgets them."""
    return load_settings()


def child_environment(
    extra: Mapping[str, str],
    *,
    without: Collection[str] = (),
    unless_set: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The environment for a program that is started: this process's own, with `extra` on top.

    Args:
        extra: Variables to set.
        without: Variables of this process that the program must not see.
        unless_set: Variables to set where this process has none of that name.
    """
    own = {name: value for name, value in os.environ.items() if name not in without}
    return {**(unless_set or {}), **own, **extra}
