"""Runs dbt with the settings applied, and tells how each node ended."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import exits

if TYPE_CHECKING:
    from warehouse.settings import Settings

PROJECT_FOLDER = "dbt_project"

#: dbt.log tells what its own output tells. With every statement in it, as is dbt's default, a build
#: of 2,000 files took 13 % longer; `--log-level-file debug` brings them back.
_QUIET_LOG = {"DBT_LOG_LEVEL_FILE": "info"}


def build_arguments(extra: Sequence[str] = ()) -> list[str]:
    """Returns the arguments of a build of data: unit tests check the code and not the data.

    They belong to ``make test`` and cost two to three seconds of every build; asking for a resource
    type oneself brings them back. Seeds are kept by :mod:`omics.seeds`, only when they change.
    """
    own_choice = any("resource-type" in argument for argument in extra)
    left_out = ["--exclude-resource-type", "unit_test", "--exclude-resource-type", "seed"]
    return ["build", *extra, *([] if own_choice else left_out)]


@dataclass(frozen=True)
class NodeResult:
    """One model, seed or test of a dbt run."""

    node_id: str
    node_type: str
    status: str
    seconds: float
    rows_affected: int | None
    failures: int | None
    message: str | None
    schema: str | None = None

    @property
    def name(self) -> str:
        """The node's name without its package."""
        return self.node_id.split(".")[2] if self.node_id.count(".") >= 2 else self.node_id


@dataclass(frozen=True)
class DbtRun:
    """How a dbt command ended.

    Attributes:
        return_code: What dbt returned: 0 fine, 1 a node failed, 2 dbt itself failed.
        results: One entry per node, empty when dbt did not come to run any.
        output: What dbt printed, kept only when it was asked to be quiet.
    """

    return_code: int
    results: tuple[NodeResult, ...] = ()
    output: str = ""
    seconds: float = 0.0
    arguments: tuple[str, ...] = field(default=())

    @property
    def exit_code(self) -> int:
        """The exit code of this project for dbt's."""
        return exits.DONE if self.return_code == 0 else exits.FAILED

    @property
    def failed(self) -> list[NodeResult]:
        """Nodes that failed."""
        return [
            result for result in self.results if result.status in ("error", "fail", "runtime error")
        ]

    @property
    def warned(self) -> list[NodeResult]:
        """Tests that warned."""
        return [result for result in self.results if result.status == "warn"]

    @property
    def counts(self) -> dict[str, int]:
        """Number of nodes per kind and status, for example ``model_success``."""
        return dict(Counter(f"{r.node_type}_{r.status}" for r in self.results))


def dbt_settings(settings: Settings) -> dict[str, str]:
    """Returns the environment by which the settings reach dbt."""
    return {
        "OMICS_DBT_THREADS": str(settings.dbt_threads),
        "OMICS_FEATURE_DOCUMENTS": str(settings.feature_documents).lower(),
        "USE_POSTGRES_AS_SOT": str(settings.use_postgres_as_sot).lower(),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_PROFILES_DIR": str(settings.root),
    }


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    quiet: bool = False,
) -> DbtRun:
    """Runs one dbt command in a process of its own.

    Args:
        settings: Settings of the warehouse.
        arguments: dbt's own arguments, beginning with the command.
        environment: ``PG*`` variables of the warehouse.
        quiet: Keep dbt's output instead of printing it.

    Returns:
        How it ended.
    """
    from warehouse.settings import child_environment

    folder = settings.root / PROJECT_FOLDER
    extra = {**environment, **dbt_settings(settings)}
    # Its files cost seconds; dbt takes the flag before the command or after it, not both.
    unwritten = [] if "--write-json" in arguments else ["--no-write-json"]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="omics-dbt-") as scratch:
        results_file = Path(scratch) / "results.json"
        command = [
            *(sys.executable, "-m", "omics.dbt_process", str(results_file)),
            *(*unwritten, *arguments, "--project-dir", str(folder)),
        ]
        finished = subprocess.run(  # noqa: S603 - our own interpreter and module; no shell
            command,
            cwd=settings.root,
            # The address is resolved already; these would win over it in profiles.yml and in libpq.
            env=child_environment(
                extra, without=("DATABASE_URL", "PGSERVICE"), unless_set=_QUIET_LOG
            ),
            check=False,
            text=True,
            stdout=subprocess.PIPE if quiet else None,
            stderr=subprocess.STDOUT if quiet else None,
        )
        written = results_file.read_text("utf-8") if results_file.exists() else "[]"
    return DbtRun(
        return_code=finished.returncode,
        results=_results(json.loads(written)),
        output=finished.stdout or "",
        seconds=round(time.monotonic() - began, 3),
        arguments=tuple(arguments),
    )


def _results(entries: Sequence[Mapping[str, Any]]) -> tuple[NodeResult, ...]:
    found = []
    for entry in entries:
        node_id = str(entry["unique_id"])
        affected = (entry.get("adapter_response") or {}).get("rows_affected")
        found.append(
            NodeResult(
                node_id=node_id,
                node_type=node_id.split(".", 1)[0],
                status=str(entry["status"]),
                seconds=float(entry.get("execution_time") or 0.0),
                rows_affected=int(affected) if isinstance(affected, int) else None,
                failures=entry.get("failures"),
                message=entry.get("message"),
                schema=entry.get("schema"),
            )
        )
    return tuple(found)
