"""Whether anything that the marts rest on has changed since the last build: if not, none is needed.

Before a build, what it will read is noted; when all of it passed, that is kept together with what
it left. A refresh that finds both as they were does not build. Skipping wrongly would leave the
marts wrong without a word, and building wrongly costs seconds: whatever is not certain leads to a
build.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omics.dbt import PROJECT_FOLDER, DbtRun, dbt_settings
from warehouse import marks
from warehouse.marks import CannotTell, Mark

if TYPE_CHECKING:
    import psycopg

    from loaders.load import LoadReport
    from loaders.plan import LoadPlan
    from warehouse.settings import Settings

#: Folders that dbt makes at the top of its project.
_WRITTEN_BY_DBT = {"target", "logs"}

#: Settings that say where the database is. Which one it is, is asked of the database itself.
_ADDRESS = re.compile(rb"PG\w+|DATABASE_URL|OMICS_HOME|OMICS_DATABASE|PWD|USER")

#: Names the run, and is another one each time.
_RUN = b"OMICS_BUILD"

_ENV_VAR = re.compile(rb"""env_var\(\s*['"](\w+)['"]""")

_PACKAGES = ("dbt-core", "dbt-postgres", "dbt-adapters", "dbt-common")

#: What builds write for the next one counts as unchanged: one that is complete and passed leaves it
#: empty, and any other no mark.
_NOTES_OF_BUILDS = {"ops.unfinished": "empty"}

#: Seconds to wait for sessions that are ending, such as dbt's own, so that their rows are counted.
_ENDING = 1.0


@dataclass(frozen=True)
class Verdict:
    """Whether a build is needed.

    Attributes:
        unchanged_since: When the build was kept that another one would only repeat, if so.
        because: Otherwise, why there has to be a build.
    """

    unchanged_since: datetime | None = None
    because: str | None = None


def verdict(settings: Settings, conn: psycopg.Connection[Any]) -> Verdict:
    """Compares what a build would read and what the last one left with how they are now.

    Args:
        settings: Settings of the warehouse.
        conn: An autocommit connection.
    """
    import psycopg

    from warehouse.builds import marts_state

    try:
        kept = marks.kept_mark(conn)
        state = marts_state(conn)
        if kept is None or state.is_stale or state.cut_off or state.good_at != kept.built_at:
            return Verdict(because="the last build did not pass, or was not one of everything")
        # Others are waited for only where nothing else has changed.
        for seconds in (0.0, _ENDING):
            # Asked first, counted then: what is committed later belongs to the next refresh.
            is_settled = marks.settled(conn, seconds=seconds)
            written = marks.relations_written(conn, kept.mark.schemas, kept.mark.inputs)
            changed = _difference(kept.mark.inputs, inputs_of(settings, conn)) or _difference(
                kept.mark.outputs, written
            )
            if changed is not None:
                return Verdict(because=changed)
            if is_settled:
                return Verdict(unchanged_since=kept.built_at)
    except (CannotTell, psycopg.Error, OSError) as error:
        return Verdict(because=f"it cannot be told whether anything changed: {error}")
    return Verdict(because="another session is at work in the database, or may not be looked at")


def inputs_before(settings: Settings, conn: psycopg.Connection[Any]) -> dict[str, str] | None:
    """What a build that begins now will read; none where it cannot be told."""
    import psycopg

    try:
        # What this command has just loaded: noted too low, it would be built twice.
        marks.settled(conn, seconds=0.0)
        return inputs_of(settings, conn)
    except (CannotTell, psycopg.Error, OSError):
        return None


def mark_after(
    conn: psycopg.Connection[Any], inputs: Mapping[str, str] | None, done: DbtRun
) -> Mark | None:
    """What a build read and left, for the next refresh; none where that cannot be told.

    Args:
        conn: An autocommit connection that holds the lock `build`; the build is still open.
        inputs: What `inputs_before` gave before it began.
        done: The build: all models and tests, and all passed.
    """
    import psycopg

    schemas = {r.schema for r in done.results if r.node_type == "model" and r.schema is not None}
    if inputs is None or not schemas:
        return None
    try:
        # Rows of dbt that are counted later would look like those of somebody else.
        marks.settled(conn, seconds=_ENDING)
        return Mark(
            inputs, marks.relations_written(conn, sorted(schemas), inputs), tuple(sorted(schemas))
        )
    except (CannotTell, psycopg.Error):
        return None


def change_by_load(load: LoadReport | None) -> str | None:
    """Why a build has to follow a load; none if it changed nothing that its report counts."""
    if load is None:
        return "nothing was loaded"
    planned = sum(load.planned.get(action, 0) for action in ("new", "changed", "moved"))
    if planned or load.loaded or load.refused or load.load_ids or load.mappings:
        return "files are new, changed or moved, or were refused"
    if load.removed_datasets:
        return "datasets were removed"
    if load.lipid_names is not None and load.lipid_names.looked_at:
        return "lipid names were read"
    return None


def change_by_plan(plan: LoadPlan, conn: psycopg.Connection[Any], *, prune: bool) -> str | None:
    """Why a build would have to follow a load that is only planned; none if nothing is to be done.

    Args:
        plan: What the load would do.
        conn: An autocommit connection.
        prune: Whether it would remove the datasets of files that have gone.
    """
    if plan.of("new", "changed", "moved", "unsupported"):
        return "files are new, changed or moved"
    gone = [planned.path for planned in plan.of("removed")]
    noted = conn.execute(
        "select source_path from ops.dataset_states where state = 'removed' or not %s", (prune,)
    ).fetchall()
    return "files have gone" if set(gone) - {path for (path,) in noted} else None


def inputs_of(settings: Settings, conn: psycopg.Connection[Any]) -> dict[str, str]:
    """Everything that a build reads: name to what it is now.

    Raises:
        CannotTell: Some of it may change unseen.
    """
    project = settings.root / PROJECT_FOLDER
    files = dict(_files(project, without=_WRITTEN_BY_DBT))
    profiles = (settings.root / "profiles.yml").read_bytes()
    return {
        PROJECT_FOLDER: _digest(files),
        "profiles.yml": hashlib.sha256(profiles).hexdigest(),
        "settings of dbt": _digest(_environment(settings, b"\n".join([*files.values(), profiles]))),
        "programs": _programs(),
        **marks.server_state(conn),
        **marks.relations_read(conn, [*declared_sources(files), *_seeds(files)]),
        **_NOTES_OF_BUILDS,
    }


def declared_sources(files: Mapping[str, bytes]) -> list[str]:
    """Returns the tables that the project declares as sources, quoted where they need it.

    Args:
        files: Path within the project to content.

    Raises:
        CannotTell: A declaration is not understood; dbt will say what is wrong with it.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found = []
    for path, content in files.items():
        if not path.endswith((".yml", ".yaml")) or b"sources:" not in content:
            continue
        try:
            declared = (yaml.load(content, loader) or {}).get("sources") or []  # noqa: S506 - safe
            for source in declared if isinstance(declared, list) else []:
                schema = source.get("schema", source["name"])
                for table in source.get("tables") or []:
                    found.append(_quoted(schema, table.get("identifier", table["name"])))
        except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
            raise CannotTell(f"the sources in {path} are not understood") from error
    return found


def _seeds(files: Mapping[str, bytes]) -> list[str]:
    """Returns the tables that `omics` copies from the seeds of the project."""
    from omics.seeds import SCHEMA

    return [
        _quoted(SCHEMA, Path(path).stem)
        for path in files
        if path.startswith("seeds/") and path.endswith(".csv")
    ]


def _quoted(*names: str) -> str:
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def _files(folder: Path, *, without: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Yields the files below a folder, in order; some folders at its top are left out."""
    # As dbt looks for them: links to folders are followed.
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(set(folders) - set(without if Path(place) == folder else ()))
        for name in sorted(names):
            path = Path(place) / name
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _environment(settings: Settings, text: bytes) -> dict[str, bytes]:
    """Returns the environment variables that dbt and its project ask for."""
    from warehouse.settings import child_environment

    asked = {name for name in _ENV_VAR.findall(text) if not _ADDRESS.fullmatch(name)} - {_RUN}
    return {
        name: value.encode()
        for name, value in sorted(child_environment(dbt_settings(settings)).items())
        if name.startswith("DBT_") or name.encode() in asked
    }


def _programs() -> str:
    """Returns the versions of what builds, and a hash of our own part of it."""
    import warehouse

    own = {
        str(path.relative_to(folder.parent)): path.read_bytes()
        for folder in (Path(__file__).parent, Path(warehouse.__file__).parent)
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".py", ".sql")
    }
    try:
        versions = " ".join(f"{name} {version(name)}" for name in _PACKAGES)
    except PackageNotFoundError as error:
        raise CannotTell(f"the version of {error} is not known") from error
    return f"python {platform.python_version()} {versions} {_digest(own)}"


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in files.items():
        # Lengths part them: no two sets of files run into the same bytes.
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _difference(before: Mapping[str, str], now: Mapping[str, str]) -> str | None:
    """Names what is another now, or none."""
    changed = sorted(
        name for name in before.keys() | now.keys() if before.get(name) != now.get(name)
    )
    if not changed:
        return None
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"changed: {', '.join(changed[:3])}{more}"
