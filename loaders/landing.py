"""Parquet files into one ``raw_<source>`` schema with dlt, copied by ADBC.

dlt's usual path, row dictionaries through ``insert_values``, took 506 s for 4.8 million values
where this one takes seconds, so the format is asked for and checked, never left to a default.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.landing_tables import LandingTable, arrow_schema
from loaders.shards import Shard, ShardTarget, release_memory, with_load_id
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    from loaders.sources import Source


@dataclass(frozen=True)
class Landed:
    """A finished load of one schema."""

    load_ids: tuple[str, ...]


def land(
    write: Callable[[ShardTarget], Iterable[Shard]],
    *,
    source: Source,
    url: str,
    work_folder: Path,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Landed:
    """Copies rows to the landing tables of one source as one load.

    The rows become visible together, when dlt records the load as finished; until then no reader
    sees any of them.

    Args:
        write: Reads, and writes the rows of the landing tables as files.
        source: Whose landing schema.
        url: Connection address.
        work_folder: Folder for dlt's files; what an earlier, killed load left there is dropped.
        on_stage: Told the stage: extract, normalize, load.

    Returns:
        The load ids and the number of rows per table.

    Raises:
        OmicsError: dlt or Postgres refused; nothing of this load is visible.
    """
    work_folder.mkdir(parents=True, exist_ok=True)
    # A folder of its own for every load: a package that a killed load left pending must never be
    # picked up again (dlt would retry it and ignore the new rows).
    folder = Path(tempfile.mkdtemp(prefix=f"{source.name}-", dir=work_folder))
    try:
        return _run(write, source, url, folder, on_stage)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        release_memory()


def clear_leftovers(work_folder: Path, source_name: str) -> int:
    """Removes work folders of killed loads; call it while holding the lock of the source."""
    leftovers = list(work_folder.glob(f"{source_name}-*")) if work_folder.is_dir() else []
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    return len(leftovers)


def _run(
    write: Callable[[ShardTarget], Iterable[Shard]],
    source: Source,
    url: str,
    folder: Path,
    on_stage: Callable[[str], None],
) -> Landed:
    import dlt
    from dlt.pipeline.exceptions import PipelineStepFailed

    _configure(dlt)
    destination = dlt.destinations.postgres(
        credentials=url,
        create_indexes=False,
        staging_dataset_name_layout=f"dlt_{source.name}_tmp",
    )
    pipeline = dlt.pipeline(
        pipeline_name=f"omics_{source.name}",
        pipelines_dir=str(folder),
        destination=destination,
        dataset_name=source.schema,
    )
    shards = folder / "shards"
    shards.mkdir()
    written: list[Shard] = []
    try:
        on_stage("extract")
        pipeline.extract(
            _resources(dlt, source, write, shards, written), loader_file_format="parquet"
        )
        if not written:
            return Landed(load_ids=())
        # dlt has links of its own to the files, and deletes each once it is copied.
        shutil.rmtree(shards)
        release_memory()
        on_stage("normalize")
        pipeline.normalize()
        _refuse_slow_path(pipeline, source)
        on_stage("load")
        info = pipeline.load()
        info.raise_on_failed_jobs()
    except PipelineStepFailed as error:
        cause = error.exception
        if isinstance(cause, OmicsError):
            raise cause from error
        raise OmicsError(
            what=f"the load failed while dlt did '{error.step}': {cause}",
            where=source.schema,
            expected="a finished load; nothing of this one is visible",
            fix="run the same command again; if it repeats, see 'omics doctor'",
        ) from error
    return Landed(load_ids=tuple(info.loads_ids))


def declare(source: Source) -> Any:
    """Returns the dlt source of a landing schema, as a load gives it to dlt; nothing is read.

    For tools that show what a load lands before there is one. Resources are generators, so none of
    them runs until dlt asks it.
    """
    import dlt

    def read(target: ShardTarget) -> Iterable[Shard]:
        raise OmicsError(
            "this declares what is landed, and lands nothing",
            where=source.schema,
            fix=f"omics load {source.name}",
        )

    resources = _resources(dlt, source, read, Path(), [])
    return dlt.source(lambda: resources, name=source.schema)()


def _configure(dlt: Any) -> None:
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    # What is loaded is asked of Postgres by our own query; dlt's stored state is not needed.
    dlt.config["restore_from_destination"] = False
    # Our files have their load id already.
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = False
    dlt.config["normalize.parquet_normalizer.add_dlt_id"] = False
    dlt.config["normalize.workers"] = 1
    dlt.config["load.workers"] = 2
    dlt.config["load.delete_completed_jobs"] = True


def _resources(
    dlt: Any,
    source: Source,
    write: Callable[[ShardTarget], Iterable[Shard]],
    folder: Path,
    written: list[Shard],
) -> list[Any]:
    """One resource per landing table; the first that dlt asks has everything read."""

    @cache
    def shards() -> list[Shard]:
        written.extend(write(ShardTarget(str(folder), dlt.current.load_package_state()["load_id"])))
        return written

    def resource(table: LandingTable) -> Any:
        def files() -> Iterator[Any]:
            # No column hints: from an empty table with the exact Arrow schema dlt takes the types.
            empty = with_load_id(arrow_schema(table).empty_table(), "")
            for shard in shards():
                if shard.table == table.name:
                    yield dlt.mark.with_file_import(shard.path, "parquet", shard.rows, empty)

        return dlt.resource(files, name=table.name, write_disposition="append")

    return [resource(table) for table in source.tables]


def _refuse_slow_path(pipeline: Any, source: Source) -> None:
    """Fails when dlt prepared a landing table as anything but Parquet."""
    landing = {table.name for table in source.tables}
    for load_id in pipeline.list_normalized_load_packages():
        package = pipeline.get_load_package_info(load_id)
        for job in package.jobs["new_jobs"]:
            info = job.job_file_info
            if info.table_name in landing and info.file_format != "parquet":
                raise OmicsError(
                    what=f"dlt prepared {info.table_name} as {info.file_format}",
                    where=pipeline.dataset_name,
                    expected="parquet, copied by ADBC",
                    fix="install the pinned versions: pip install -e . -c constraints.txt",
                )
