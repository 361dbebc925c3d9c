"""One file to landing tables. Runs in this process or in a worker; knows no database.

A finished file is a :class:`FileResult`. Rows of large files leave earlier, through ``emit``, so
that memory is bounded by batches; they count only once the ``files`` row of the same file has been
landed, which comes last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.landing_tables import (
    ASSAYS,
    CONTRASTS,
    FEATURE_ROWS,
    FILES,
    REJECTED_ROWS,
    RESULT_ROWS,
    LandingTable,
    arrow_schema,
)
from loaders.model import DatasetReading, ReadOptions, SourceFile, Unreadable

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of one file are kept back until the file is understood, up to this many bytes.
KEEP_BYTES = 24 * 1024 * 1024

#: Takes the name of a landing table, rows of it and their size in bytes.
Emit = Callable[[str, "pa.Table", int], None]


@dataclass(frozen=True)
class ReadTask:
    """What a worker needs to know to read one file.

    Attributes:
        path: Path or URL the file is remembered by.
        local: Local path of its bytes.
        root: Place it was found in.
        size: Size in bytes.
        modified_at: Last change.
        signature: Cheap change mark.
        key_base: Dataset key without the part.
        declared_type: Omics type given by the user or by a folder, or None.
        declared_evidence: Why ``declared_type``.
        only_type: Land only datasets of this type (a file may hold several types); empty to find
            out which types the file holds and land nothing.
        options: Reading limits.
        run_id: Run that reads it.
        loaded_at: Start of that run; equal for every dataset of the run.
        sha256: Hash, if planning computed it.
    """

    path: str
    local: str
    root: str
    size: int
    modified_at: datetime
    signature: str
    key_base: str
    declared_type: str | None
    declared_evidence: Mapping[str, str]
    only_type: str
    options: ReadOptions
    run_id: str
    loaded_at: datetime
    sha256: str | None = None


@dataclass
class FileResult:
    """What came of one file.

    Attributes:
        path: Path or URL.
        sha256: Hash of the bytes that were read.
        datasets: Number of datasets landed.
        rows_landed: Rows landed.
        rows_rejected: Rows rejected.
        n_values: Quantities that are not missing.
        refusal: Why nothing was landed, or None.
        omics_types: Omics types that its datasets have.
        discarded_file_ids: Rows of these ids left early and must be removed again.
    """

    path: str
    sha256: str = ""
    datasets: int = 0
    rows_landed: int = 0
    rows_rejected: int = 0
    n_values: int = 0
    refusal: Unreadable | None = None
    omics_types: tuple[str, ...] = ()
    discarded_file_ids: list[int] = field(default_factory=list)


def file_id(dataset_key: str, sha256: str) -> int:
    """Returns the 63-bit id of a dataset version: same key and content, same id.

    >>> file_id("/data/a.csv", "00") == file_id("/data/a.csv", "00")
    True
    >>> 0 <= file_id("/data/a.csv", "00") < 2**63
    True
    """
    digest = hashlib.sha256(f"{dataset_key}\0{sha256}".encode()).digest()
    return int.from_bytes(digest[:8], "big") & (2**63 - 1)


def dataset_key(key_base: str, part: str) -> str:
    """Returns the natural key of a dataset.

    >>> dataset_key("/data/plate.xlsx", "sheet=Lipids")
    '/data/plate.xlsx#sheet=Lipids'
    """
    return f"{key_base}#{part}" if part else key_base


def read_one(task: ReadTask, emit: Emit) -> FileResult:
    """Reads one file and hands its rows to ``emit``; never raises for what the file holds.

    Args:
        task: The file and how to read it.
        emit: Takes a landing table name, its rows, ``file_id`` included, and their size in bytes.

    Returns:
        The outcome; ``refusal`` is set when the file must go to quarantine.
    """
    from loaders.plan import sha256_of
    from loaders.reading.read import read_file

    result = FileResult(task.path)
    try:
        result.sha256 = task.sha256 or sha256_of(task.local)
        source = SourceFile(task.path, Path(task.local), task.size, task.modified_at)
        readings = read_file(source, declared_omics_type=task.declared_type, options=task.options)
        types = {reading.header.omics_type for reading in readings}
        result.omics_types = tuple(sorted(t for t in types if t is not None))
        if not task.only_type:
            return result
        keeper = _Keeper(emit)
        try:
            for reading in readings:
                if reading.header.omics_type == task.only_type:
                    _read_dataset(task, reading, result, keeper)
        except Unreadable:
            result.discarded_file_ids = sorted(keeper.emitted_ids)
            raise
        keeper.flush()
    except Unreadable as refusal:
        result.refusal = refusal
    except (OSError, EOFError) as error:
        result.refusal = Unreadable(
            "cannot_open",
            place="file",
            seen=f"{type(error).__name__}: {error}",
            expected="a file that can be opened and read to its end",
        )
    except Exception as error:
        # A defect of a reader must not take the other files down; it is shown as what it is.
        result.refusal = Unreadable(
            "reader_error",
            place="file",
            seen=f"{type(error).__name__}: {error}"[:2000],
            expected="a file that the reader understands",
            question="A defect of the reader: please report it with the file's first lines.",
        )
    if result.refusal is not None:
        result.datasets = result.rows_landed = result.n_values = 0
    return result


class _Keeper:
    """Keeps rows back until the file is known to be good, or until they outgrow the limit."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._kept: list[tuple[str, pa.Table, int]] = []
        self._bytes = 0
        self._current_id = 0
        self.emitted_ids: set[int] = set()

    def start(self, current_id: int) -> None:
        self._current_id = current_id

    def add(self, table: str, rows: pa.Table) -> None:
        # Passed on, because Arrow takes 0.2 ms to add up the many columns of a files row.
        size = rows.nbytes
        self._kept.append((table, rows, size))
        self._bytes += size
        if self._bytes > KEEP_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._kept:
            self.emitted_ids.add(self._current_id)
        for table, rows, size in self._kept:
            self._emit(table, rows, size)
        self._kept = []
        self._bytes = 0


def _read_dataset(
    task: ReadTask, reading: DatasetReading, result: FileResult, keeper: _Keeper
) -> None:
    header = reading.header
    key = dataset_key(task.key_base, header.part)
    identity = file_id(key, result.sha256)
    keeper.start(identity)
    fact = FEATURE_ROWS if header.shape == "matrix" else RESULT_ROWS
    for batch in reading.batches():
        if batch.num_rows:
            keeper.add(fact.name, _with_file_id(batch, identity, fact))
    counts = reading.counts()
    rejects = reading.rejects()
    if rejects.num_rows:
        keeper.add(REJECTED_ROWS.name, _with_file_id(rejects, identity, REJECTED_ROWS))
    if header.assays:
        keeper.add(
            ASSAYS.name,
            _rows_table(
                ASSAYS,
                [
                    (identity, a.position, a.name, a.source_column, to_json(a.attributes))
                    for a in header.assays
                ],
            ),
        )
    if header.contrasts:
        keeper.add(
            CONTRASTS.name,
            _rows_table(
                CONTRASTS,
                [
                    (
                        identity,
                        c.position,
                        c.name,
                        c.numerator,
                        c.denominator,
                        c.tool,
                        c.adjust_method,
                        c.statistic_type,
                        to_json(c.columns),
                    )
                    for c in header.contrasts
                ],
            ),
        )
    skipped = dict(counts.rows_skipped_by_rule)
    evidence = task.declared_evidence or header.omics_type_evidence
    keeper.add(
        FILES.name,
        _rows_table(
            FILES,
            [
                (
                    identity,
                    key,
                    header.part,
                    task.path,
                    task.root,
                    result.sha256,
                    task.size,
                    task.modified_at,
                    task.signature,
                    header.omics_type,
                    to_json(evidence),
                    header.format,
                    header.format_fingerprint,
                    _reader_version(),
                    header.shape,
                    header.feature_type,
                    header.quantity,
                    header.unit,
                    header.value_scale,
                    to_json(header.scale_evidence),
                    header.zero_is_missing,
                    counts.zero_count,
                    header.software,
                    to_json(header.role_evidence),
                    counts.rows_read,
                    counts.rows_landed,
                    counts.rows_rejected,
                    sum(skipped.values()),
                    to_json(skipped),
                    len(header.assays),
                    counts.n_values,
                    "loaded",
                    None,
                    task.run_id,
                    task.loaded_at,
                )
            ],
        ),
    )
    result.datasets += 1
    result.rows_landed += counts.rows_landed
    result.rows_rejected += counts.rows_rejected
    result.n_values += counts.n_values


def _reader_version() -> str:
    from loaders.reading.read import READER_VERSION

    return READER_VERSION


def to_json(value: Mapping[str, Any]) -> str | None:
    """Returns compact JSON, or None for an empty mapping."""
    if not value:
        return None
    # Postgres cannot store NUL in text; a header cell of a damaged file may hold one.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str).replace(
        "\\u0000", "\\ufffd"
    )


def _with_file_id(rows: pa.Table, identity: int, table: LandingTable) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(table)
    columns = [pa.repeat(pa.scalar(identity, pa.int64()), rows.num_rows)]
    for column in schema.names[1:]:
        values = rows.column(column)
        wanted = schema.field(column).type
        columns.append(values if values.type == wanted else values.cast(wanted))
    return pa.Table.from_arrays(columns, schema=schema)


def _rows_table(table: LandingTable, rows: list[tuple[Any, ...]]) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(table)
    columns = zip(*rows, strict=True)
    return pa.Table.from_arrays(
        [pa.array(values, type=kind) for values, kind in zip(columns, schema.types, strict=True)],
        schema=schema,
    )
