"""Parquet files of landing rows, written by whichever process read them.

Rows do not travel: a reading process writes its own files, and dlt only takes their names. Before,
every row went through a socket to the process that ran dlt, which wrote them one after the other
and was as busy as two readers.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from loaders.landing_tables import table_of_rows

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of a landing table: as a table, or where a file has a few only, one tuple each.
Rows = Union["pa.Table", list[tuple[Any, ...]]]

#: Rows of one table are written in pieces of about this many bytes; one piece is a row group.
#: Peak memory of a load of 7.2 M values: 300 MB with 2 MiB, 490 MB with 16 MiB, equally fast.
PIECE_BYTES = 2 * 1024 * 1024
#: A new file is begun after this many bytes, hence a further copy job.
SHARD_BYTES = 128 * 1024 * 1024
#: Column with the load that rows belong to; a reader sees them once that load is finished.
LOAD_ID = "_dlt_load_id"


@dataclass(frozen=True)
class ShardTarget:
    """Where the rows of one load go.

    Attributes:
        folder: Folder of the load; it exists.
        load_id: Id that dlt gave the load.
    """

    folder: str
    load_id: str


@dataclass(frozen=True)
class Shard:
    """A finished Parquet file of one landing table.

    Attributes:
        table: Name of the landing table.
        path: Where it is.
        rows: Number of rows.
    """

    table: str
    path: str
    rows: int


class Gatherer:
    """Joins small tables of one kind to larger ones before they travel on."""

    def __init__(self, send: Callable[[str, pa.Table], None], limit: int = PIECE_BYTES) -> None:
        """Hands joined tables to ``send`` whenever ``limit`` bytes are held."""
        self._send = send
        self._limit = limit
        self._held: dict[str, list[pa.Table]] = {}
        self._loose: dict[str, list[tuple[Any, ...]]] = {}
        self._bytes = 0

    def add(self, name: str, rows: Rows, size: int) -> None:
        """Holds rows of table ``name``, ``size`` bytes; sends all once the limit is passed."""
        if isinstance(rows, list):
            # Arrow takes 0.2 ms to make a table with the many columns of one row of files.
            self._loose.setdefault(name, []).extend(rows)
        else:
            self._held.setdefault(name, []).append(rows)
        self._bytes += size
        if self._bytes >= self._limit:
            self.flush()

    def flush(self) -> None:
        """Sends all that is held."""
        import pyarrow as pa

        for name, loose in self._loose.items():
            self._held.setdefault(name, []).append(table_of_rows(name, loose))
        for name, rows in self._held.items():
            self._send(name, pa.concat_tables(rows).combine_chunks())
        self._held, self._loose = {}, {}
        self._bytes = 0


class ShardWriter:
    """Writes rows to one Parquet file per landing table, or several when they grow large."""

    def __init__(self, target: ShardTarget) -> None:
        """Makes a file only when there are rows for it."""
        self._target = target
        self._gatherer = Gatherer(self._write)
        self._open: dict[str, _OpenShard] = {}
        self._done: list[Shard] = []
        self._numbers = itertools.count()

    def add(self, name: str, rows: Rows, size: int) -> None:
        """Takes rows of the landing table ``name``, ``size`` bytes in memory."""
        self._gatherer.add(name, rows, size)

    def close(self) -> list[Shard]:
        """Finishes the files and returns them."""
        self._gatherer.flush()
        for name in list(self._open):
            self._finish(name)
        done, self._done = self._done, []
        return done

    def _write(self, name: str, rows: pa.Table) -> None:
        rows = with_load_id(rows, self._target.load_id)
        if name not in self._open:
            file = f"{name}.{os.getpid()}.{next(self._numbers)}.parquet"
            self._open[name] = _OpenShard(str(Path(self._target.folder, file)), rows.schema)
        shard = self._open[name]
        shard.write(rows)
        if shard.size >= SHARD_BYTES:
            self._finish(name)

    def _finish(self, name: str) -> None:
        shard = self._open.pop(name)
        shard.writer.close()
        self._done.append(Shard(name, shard.path, shard.rows))


class _OpenShard:
    def __init__(self, path: str, schema: pa.Schema) -> None:
        from pyarrow import parquet

        self.path = path
        self.rows = 0
        self.size = 0
        # Read once and then deleted: squeezing it takes longer than writing it.
        self.writer: Any = parquet.ParquetWriter(
            path, schema, compression="none", use_dictionary=[LOAD_ID], write_statistics=False
        )

    def write(self, rows: pa.Table) -> None:
        self.writer.write_table(rows)
        self.rows += rows.num_rows
        self.size += rows.nbytes


def release_memory() -> None:
    """Gives back what Arrow freed and kept, before a step that needs memory of its own."""
    import pyarrow as pa

    for pool in (pa.default_memory_pool(), pa.system_memory_pool()):
        pool.release_unused()


def with_load_id(rows: pa.Table, load_id: str) -> pa.Table:
    """Returns rows with the id of their load as last column."""
    import pyarrow as pa

    places = pa.repeat(pa.scalar(0, pa.int32()), rows.num_rows)
    ids = pa.DictionaryArray.from_arrays(places, pa.array([load_id]))
    return rows.append_column(pa.field(LOAD_ID, ids.type, nullable=False), ids)


def write_shards(rows: Iterable[tuple[str, pa.Table]], target: ShardTarget) -> Iterator[Shard]:
    """Writes rows that were read in this process.

    Args:
        rows: Pairs of landing table name and rows, in any order.
        target: Where they go.

    Yields:
        The files, after the last row.
    """
    writer = ShardWriter(target)
    for name, table in rows:
        writer.add(name, table, table.nbytes)
    yield from writer.close()
