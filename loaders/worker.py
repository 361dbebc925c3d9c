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

from loaders.discovery import FOLDER_RULE
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
from loaders.model import (
    Counts,
    DatasetReading,
    ReadOptions,
    Remembered,
    SourceFile,
    TablesReading,
    Unreadable,
)
from loaders.shards import Rows
from loaders.sources import TABLE_SOURCES, reader_of, recognise, sources

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of one file are kept back until the file is understood, up to this many bytes.
KEEP_BYTES = 24 * 1024 * 1024

#: Takes the name of a landing table, rows of it and their size in bytes.
Emit = Callable[[str, Rows, int], None]

#: Bytes that a row of a few texts takes, roughly.
_ROW_BYTES = 400


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
        declared_source: Source given by the user or by a folder, or None.
        declared_evidence: Why ``declared_source``.
        only_source: Land only what belongs to this source (a file may hold several omics types);
            empty to find out which sources the file belongs to and land nothing.
        options: Reading limits.
        run_id: Run that reads it.
        loaded_at: Start of that run; equal for every dataset of the run.
        sha256: Hash, if planning computed it.
        members: The files that are read together: each as a source file, or none.
    """

    path: str
    local: str
    root: str
    size: int
    modified_at: datetime
    signature: str
    key_base: str
    declared_source: str | None
    declared_evidence: Mapping[str, str]
    only_source: str
    options: ReadOptions
    run_id: str
    loaded_at: datetime
    sha256: str | None = None
    members: tuple[SourceFile, ...] = ()


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
        sources: Sources that it belongs to.
        content_evidence: Why its content makes it a file of ``sources``, where no one said so.
        discarded_file_ids: Rows of these ids left early and must be removed again.
        mappings: Column roles given by the user that fitted, to be remembered.
    """

    path: str
    sha256: str = ""
    datasets: int = 0
    rows_landed: int = 0
    rows_rejected: int = 0
    n_values: int = 0
    refusal: Unreadable | None = None
    sources: tuple[str, ...] = ()
    content_evidence: Mapping[str, str] = field(default_factory=dict)
    discarded_file_ids: list[int] = field(default_factory=list)
    mappings: list[Remembered] = field(default_factory=list)


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
    from loaders.plan import sha256_of, sha256_together

    result = FileResult(task.path)
    keeper = _Keeper(emit)
    try:
        if task.members:
            result.sha256 = task.sha256 or sha256_together(
                [(member.path, str(member.local)) for member in task.members], task.path
            )
        result.sha256 = result.sha256 or task.sha256 or sha256_of(task.local)
        source = SourceFile(task.path, Path(task.local), task.size, task.modified_at, task.members)
        if task.only_source in TABLE_SOURCES:
            _read_tables(task, source, result, keeper)
        else:
            _read_datasets(task, source, result, keeper)
        keeper.flush()
    except Unreadable as refusal:
        result.discarded_file_ids = sorted(keeper.emitted_ids)
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


def _read_tables(task: ReadTask, source: SourceFile, result: FileResult, keeper: _Keeper) -> None:
    try:
        parts = reader_of(task.only_source).read_file(source, options=task.options)
    except Unreadable:
        # Results beside the sheets of a folder, as ISA-Tab has them: content decides after all.
        if task.declared_evidence.get("rule") != FOLDER_RULE:
            raise
        if not _holds_results(task, source, result):
            raise
        return
    result.sources = (task.only_source,)
    for part in parts:
        _read_part(task, part, result, keeper)


def _holds_results(task: ReadTask, source: SourceFile, result: FileResult) -> bool:
    from loaders.reading.read import read_file

    try:
        readings = read_file(source, declared_omics_type=None, options=task.options)
    except Unreadable:
        return False
    types = {reading.header.omics_type for reading in readings}
    result.sources = tuple(sorted(t for t in types if t is not None))
    evidence = readings[0].header.omics_type_evidence
    result.content_evidence = {"rule": "content", "evidence": to_json(dict(evidence)) or ""}
    return bool(result.sources)


def _read_datasets(task: ReadTask, source: SourceFile, result: FileResult, keeper: _Keeper) -> None:
    """Reads a file of results; one that turns out to be of another source is only told so."""
    from loaders.reading.read import read_file

    if task.declared_source is None and _belongs_elsewhere(task, source, result):
        return
    try:
        readings = read_file(source, declared_omics_type=task.declared_source, options=task.options)
    except Unreadable:
        # A sample sheet or a signature beside the results of a folder: content decides after all,
        # unless the user said what the file is.
        if task.declared_evidence.get("rule") != FOLDER_RULE:
            raise
        if not _belongs_elsewhere(task, source, result):
            raise
        return
    types = {reading.header.omics_type for reading in readings}
    result.sources = tuple(sorted(t for t in types if t is not None))
    for reading in readings:
        if reading.header.omics_type == task.only_source:
            _read_dataset(task, reading, result, keeper)


def _belongs_elsewhere(task: ReadTask, source: SourceFile, result: FileResult) -> bool:
    if source.members:
        return False  # they were put together because of what they are
    name, reason = recognise(source, task.options)
    if name is not None:
        result.sources = (name,)
        result.content_evidence = {"rule": "content", "evidence": reason}
    return name is not None


class _Keeper:
    """Keeps rows back until the file is known to be good, or until they outgrow the limit."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._kept: list[tuple[str, Rows, int]] = []
        self._bytes = 0
        self._current_id = 0
        self.emitted_ids: set[int] = set()

    def start(self, current_id: int) -> None:
        self._current_id = current_id

    def add(self, table: str, rows: Rows) -> None:
        size = _ROW_BYTES * len(rows) if isinstance(rows, list) else rows.nbytes
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
    key, identity = _start(task, header.part, result, keeper)
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
            [
                (identity, a.position, a.name, a.source_column, to_json(a.attributes))
                for a in header.assays
            ],
        )
    if header.contrasts:
        keeper.add(
            CONTRASTS.name,
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
        )
    evidence = task.declared_evidence or header.omics_type_evidence
    described = {
        "omics_type": header.omics_type,
        "omics_type_evidence": to_json(evidence),
        "format": header.format,
        "format_fingerprint": header.format_fingerprint,
        "shape": header.shape,
        "feature_type": header.feature_type,
        "quantity": header.quantity,
        "unit": header.unit,
        "value_scale": header.value_scale,
        "scale_evidence": to_json(header.scale_evidence),
        "zero_is_missing": header.zero_is_missing,
        "software": header.software,
        "role_evidence": to_json(header.role_evidence),
        "n_assays": len(header.assays),
    }
    _finish(task, (key, header.part, identity), described, counts, result, keeper)
    result.datasets += 1
    given = header.role_evidence.get("mapping")
    if isinstance(given, Mapping) and "kind" in given:
        result.mappings.append(
            Remembered(given["mapping_id"], given["fingerprint"], dict(given["kind"]))
        )


def _read_part(task: ReadTask, reading: TablesReading, result: FileResult, keeper: _Keeper) -> None:
    header = reading.header
    key, identity = _start(task, header.part, result, keeper)
    tables = {table.name: table for table in sources()[task.only_source].tables}
    for name, rows in reading.batches():
        if rows.num_rows:
            keeper.add(name, _with_file_id(rows, identity, tables[name]))
    counts = reading.counts()
    rejects = reading.rejects()
    if rejects.num_rows:
        keeper.add(REJECTED_ROWS.name, _with_file_id(rejects, identity, REJECTED_ROWS))
    described = {
        "omics_type_evidence": to_json(task.declared_evidence),
        "format": header.format,
        "format_fingerprint": header.format_fingerprint,
        "shape": header.kind,
        "software": header.software,
        "role_evidence": to_json(header.evidence),
    }
    _finish(task, (key, header.part, identity), described, counts, result, keeper)


def _start(task: ReadTask, part: str, result: FileResult, keeper: _Keeper) -> tuple[str, int]:
    """Returns the key and the id of a part; the rows that follow are its."""
    key = dataset_key(task.key_base, part)
    identity = file_id(key, result.sha256)
    keeper.start(identity)
    return key, identity


def _finish(
    task: ReadTask,
    part: tuple[str, str, int],
    described: Mapping[str, object],
    counts: Counts,
    result: FileResult,
    keeper: _Keeper,
) -> None:
    """Adds the ``files`` row, which comes last and makes the part's other rows count."""
    skipped = dict(counts.rows_skipped_by_rule)
    key, name, identity = part
    row: dict[str, object] = {
        **described,
        "file_id": identity,
        "dataset_key": key,
        "part": name,
        "source_path": task.path,
        "source_root": task.root,
        "sha256": result.sha256,
        "size_bytes": task.size,
        "modified_at": task.modified_at,
        "stat_signature": task.signature,
        "reader_version": _reader_version(),
        "zero_count": counts.zero_count,
        "rows_read": counts.rows_read,
        "rows_landed": counts.rows_landed,
        "rows_rejected": counts.rows_rejected,
        "rows_skipped": sum(skipped.values()),
        "rows_skipped_by_rule": to_json(skipped),
        "n_values": counts.n_values,
        "status": "loaded",
        "run_id": task.run_id,
        "loaded_at": task.loaded_at,
    }
    keeper.add(FILES.name, [tuple(map(row.get, FILES.column_names))])
    result.rows_landed += counts.rows_landed
    result.rows_rejected += counts.rows_rejected
    result.n_values += counts.n_values


def _reader_version() -> str:
    from loaders.reading.read import READER_VERSION

    return READER_VERSION


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


def to_json(value: Mapping[str, Any]) -> str | None:
    """Returns compact JSON, or None for an empty mapping."""
    if not value:
        return None
    # Postgres cannot store NUL in text; a header cell of a damaged file may hold one.
    return _JSON.encode(value).replace("\\u0000", "\\ufffd")


def _with_file_id(rows: pa.Table, identity: int, table: LandingTable) -> pa.Table:
    import pyarrow as pa

    schema = arrow_schema(table)
    columns = [pa.repeat(pa.scalar(identity, pa.int64()), rows.num_rows)]
    for column, wanted in zip(schema.names[1:], schema.types[1:], strict=True):
        values = rows.column(column)
        columns.append(values if values.type == wanted else values.cast(wanted))
    return pa.Table.from_arrays(columns, schema=schema)
