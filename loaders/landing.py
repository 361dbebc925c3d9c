"""Arrow tables into one ``raw_<source>`` schema with dlt: Parquet files, copied by ADBC.

dlt's usual path, row dictionaries through ``insert_values``, took 506 s for 4.8 million values
where this one takes seconds, so the format is asked for and checked, never left to a default.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.pool import Gatherer
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import pyarrow as pa

    from loaders.sources import Source

#: Rows of one table travel to dlt in pieces of about this many bytes; one piece is a row group.
#: Peak memory of a load of 7.2 M values: 300 MB with 2 MiB, 490 MB with 16 MiB, equally fast.
PIECE_BYTES = 2 * 1024 * 1024
#: dlt begins a new Parquet file, hence a further copy job, after this many bytes.
FILE_BYTES = 128 * 1024 * 1024


@dataclass(frozen=True)
class Landed:
    """A finished load of one schema."""

    load_ids: tuple[str, ...]
    rows: dict[str, int]


def land(
    rows: Iterable[tuple[str, pa.Table]],
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
        rows: Pairs of landing table name and rows, in any order.
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
        return _run(rows, source, url, folder, on_stage)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def import_ahead() -> threading.Thread:
    """Imports dlt in a thread of its own, while the reading processes start.

    One after the other they take 2 s and 1 s before the first row of a large load moves.
    """

    def work() -> None:
        import dlt  # noqa: F401 - the import is the purpose

    thread = threading.Thread(target=work, name="import dlt")
    thread.start()
    return thread


def clear_leftovers(work_folder: Path, source_name: str) -> int:
    """Removes work folders of killed loads; call it while holding the lock of the source."""
    leftovers = list(work_folder.glob(f"{source_name}-*")) if work_folder.is_dir() else []
    for folder in leftovers:
        shutil.rmtree(folder, ignore_errors=True)
    return len(leftovers)


def _run(
    rows: Iterable[tuple[str, pa.Table]],
    source: Source,
    url: str,
    folder: Path,
    on_stage: Callable[[str], None],
) -> Landed:
    import dlt
    import pyarrow
    from dlt.pipeline.exceptions import PipelineStepFailed

    _configure(dlt)
    # The default pool keeps freed memory for itself: 50 MB more at the peak, no faster here.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
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
    counted: dict[str, int] = {}
    try:
        on_stage("extract")
        pipeline.extract(
            _resource(dlt, rows, counted),
            loader_file_format="parquet",
        )
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
    return Landed(load_ids=tuple(info.loads_ids), rows=counted)


def _configure(dlt: Any) -> None:
    dlt.config["runtime.dlthub_telemetry"] = False
    dlt.config["runtime.log_level"] = "ERROR"
    # What is loaded is asked of Postgres by our own query; dlt's stored state is not needed.
    dlt.config["restore_from_destination"] = False
    dlt.config["normalize.parquet_normalizer.add_dlt_load_id"] = True
    dlt.config["normalize.parquet_normalizer.add_dlt_id"] = False
    dlt.config["data_writer.file_max_bytes"] = FILE_BYTES
    dlt.config["normalize.workers"] = 1
    dlt.config["load.workers"] = 2
    dlt.config["load.delete_completed_jobs"] = True


def _resource(dlt: Any, rows: Iterable[tuple[str, pa.Table]], counted: dict[str, int]) -> Any:
    def items() -> Iterator[Any]:
        ready: list[tuple[str, pa.Table]] = []
        gatherer = Gatherer(lambda name, table: ready.append((name, table)), PIECE_BYTES)

        def marked() -> Iterator[Any]:
            for name, table in ready:
                counted[name] = counted.get(name, 0) + table.num_rows
                yield dlt.mark.with_table_name(table, name)
            ready.clear()

        for name, table in rows:
            gatherer.add(name, table, table.nbytes)
            yield from marked()
        gatherer.flush()
        yield from marked()

    # No column hints: each table comes with its exact Arrow schema, from which dlt takes the types.
    # Hints on top would tell the same, and dlt warned of differences between the two.
    return dlt.resource(items(), name="rows", write_disposition="append")


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
