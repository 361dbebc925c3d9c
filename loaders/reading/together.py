"""Files that are read together: one per sample of a run, or the parts of one matrix."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from loaders.model import (
    Assay,
    Counts,
    DatasetHeader,
    DatasetReading,
    ReadOptions,
    SourceFile,
    Unreadable,
)
from loaders.reading import rows
from loaders.reading.matrix import array_literals

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH_VALUES = 1_000_000
#: Rows in which annotations of the members are compared: those that differ are of the sample.
_COMPARED = 2_000


def read_together(
    source: SourceFile, *, declared_omics_type: str | None, options: ReadOptions
) -> list[DatasetReading]:
    """Reads a group.

    Raises:
        Unreadable: If one of its members is not understood; the place names it.
    """
    from loaders.reading.read import read_matrix_parts

    parts = read_matrix_parts(source, declared_omics_type, options)
    if parts is not None:
        return parts
    held: list[tuple[SourceFile, list[DatasetReading]]] = []
    for member in source.members:
        held.append((member, _read_member(member, source, declared_omics_type, options)))
    quantities = dict.fromkeys(reading.header.quantity for _, found in held for reading in found)
    readings: list[DatasetReading] = []
    for at, quantity in enumerate(quantities):
        chosen = [
            (member, reading)
            for member, found in held
            for reading in found
            if reading.header.quantity == quantity
        ]
        readings.append(RunReading(source, chosen, is_first=at == 0, options=options))
    return readings


def _read_member(
    member: SourceFile, source: SourceFile, declared: str | None, options: ReadOptions
) -> list[DatasetReading]:
    from loaders.reading.read import read_file

    try:
        return read_file(member, declared_omics_type=declared, options=options)
    except Unreadable as refusal:
        refusal.place = f"{relative(member, source)}: {refusal.place}"
        raise


def relative(member: SourceFile, source: SourceFile) -> str:
    """Returns the path of a member below the folder of its group."""
    folder = posixpath.dirname(source.path)
    return member.path.removeprefix(f"{folder}/")


class RunReading:
    """The samples of a run as one matrix; a feature that a file lacks is missing in its sample."""

    def __init__(
        self,
        source: SourceFile,
        chosen: Sequence[tuple[SourceFile, DatasetReading]],
        *,
        is_first: bool,
        options: ReadOptions,
    ) -> None:
        """Describes the matrix by its first member; the rows are read by `batches`."""
        self._source = source
        self._chosen = chosen
        self._account = rows.Account(options.reject_limit)
        self._done: list[Counts] = []
        self._rejects: list[pa.Table] = []
        first = chosen[0][1].header
        evidence = {
            **first.role_evidence,
            "members": len(chosen),
            "group": "one file per sample of a run",
        }
        self.header: DatasetHeader = replace(
            first,
            part="" if is_first else f"quantity={first.quantity}",
            role_evidence=evidence,
            assays=tuple(self._assays()),
        )

    def _assays(self) -> Iterator[Assay]:
        held = [
            (member, assay) for member, reading in self._chosen for assay in reading.header.assays
        ]
        names = _distinct_names(self._source, held)
        for at, (name, (member, assay)) in enumerate(zip(names, held, strict=True), start=1):
            attributes = {**assay.attributes, "file": relative(member, self._source)}
            yield replace(assay, position=at, name=name, attributes=attributes)

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: If a member has too many rows that are not understood.
        """
        import numpy as np
        import pyarrow as pa

        self._done, self._rejects = [], []
        index: dict[tuple[str, int], int] = {}
        notes: list[str | None] = []
        flags: dict[str, list[bool | None]] = {
            flag: [] for flag in ("is_contaminant", "is_decoy", "is_internal_standard")
        }
        numbers: list[int] = []
        columns: list[tuple[Any, Any]] = []
        varying: set[str] = set()
        for member, reading in self._chosen:
            table, width = self._whole(member, reading)
            seen: Counter[str] = Counter()
            places = np.empty(table.num_rows, dtype=np.int64)
            new: list[int] = []
            for at, name in enumerate(table.column("reported_name").to_pylist()):
                key = (name, seen[name])
                seen[name] += 1
                place = index.get(key)
                if place is None:
                    place = index[key] = len(index)
                    new.append(at)
                places[at] = place
            held = table.column("annotations")
            varying |= _varying(notes, held, places)
            picked = table.take(pa.array(new, pa.int64())) if len(new) < table.num_rows else table
            notes += picked.column("annotations").to_pylist()
            numbers += picked.column("row_number").to_pylist()
            for flag, said in flags.items():
                said += picked.column(flag).to_pylist()
            literals = table.column("quantities").combine_chunks()
            columns += [(places, cells) for cells in _cells(literals, width)]
        notes = _without(notes, varying) if varying else notes
        yield from self._rows(list(index), notes, numbers, flags, columns)

    def _whole(self, member: SourceFile, reading: DatasetReading) -> tuple[pa.Table, int]:
        """Reads one member to its end."""
        import pyarrow as pa

        try:
            tables = list(reading.batches())
        except Unreadable as refusal:
            refusal.place = f"{relative(member, self._source)}: {refusal.place}"
            raise
        self._done.append(reading.counts())
        self._rejects.append(_named(reading.rejects(), relative(member, self._source)))
        if not tables:
            raise Unreadable(
                "header_only",
                place=relative(member, self._source),
                seen="no row below the header",
                expected="the features of the sample",
                question="Was the run complete? Remove the file, or write it again.",
            )
        return pa.concat_tables(tables), len(reading.header.assays)

    def _rows(
        self,
        names: Sequence[tuple[str, int]],
        notes: Sequence[str | None],
        numbers: Sequence[int],
        flags: Mapping[str, Sequence[bool | None]],
        columns: Sequence[tuple[Any, Any]],
    ) -> Iterator[pa.Table]:
        import numpy as np
        import pyarrow as pa

        step = max(1, _BATCH_VALUES // max(1, len(columns)))
        sources = []
        for places, cells in columns:
            source = np.full(len(names), -1, dtype=np.int64)
            source[places] = np.arange(len(places))
            sources.append((source, cells))
        for start in range(0, len(names), step):
            end = min(start + step, len(names))
            held = [
                cells.take(pa.array(source[start:end], mask=source[start:end] < 0))
                for source, cells in sources
            ]
            yield rows.feature_rows(
                pa.array(numbers[start:end], pa.int64()),
                pa.array([name for name, _ in names[start:end]], pa.string()),
                pa.array(notes[start:end], pa.string()),
                array_literals(held),
                {flag: pa.array(said[start:end], pa.bool_()) for flag, said in flags.items()},
            )

    def rejects(self) -> pa.Table:
        """Returns the rejected rows of all members, each message with its file."""
        import pyarrow as pa

        if not self._rejects:
            return self._account.rejects()
        return pa.concat_tables(self._rejects)

    def counts(self) -> Counts:
        """Returns the reconciliation over all members, valid once `batches` is exhausted."""
        skipped: Counter[str] = Counter()
        for counts in self._done:
            skipped.update(counts.rows_skipped_by_rule)
        return Counts(
            rows_read=sum(counts.rows_read for counts in self._done),
            rows_landed=sum(counts.rows_landed for counts in self._done),
            rows_rejected=sum(counts.rows_rejected for counts in self._done),
            rows_skipped_by_rule=dict(sorted(skipped.items())),
            n_values=sum(counts.n_values for counts in self._done),
            zero_count=sum(counts.zero_count for counts in self._done),
        )


def _distinct_names(source: SourceFile, held: Sequence[tuple[SourceFile, Assay]]) -> list[str]:
    """Names assays as their files do; where that is one name for several, by their folders."""
    names = [assay.name for _, assay in held]
    if len(set(names)) == len(names):
        return names
    folders = [posixpath.basename(posixpath.dirname(member.path)) for member, _ in held]
    if len(set(folders)) == len(folders):
        return folders
    paths = [relative(member, source) for member, _ in held]
    if len(set(paths)) == len(paths):
        return paths
    return rows.unique_names([f"{p} {n}" for p, n in zip(paths, names, strict=True)])


def _cells(literals: Any, width: int) -> list[Any]:
    """Takes array literals apart again: one array of text per assay, null where NULL stands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    inner = pc.utf8_slice_codeunits(literals, 1, -1)
    if width == 1:
        parts = [inner]
    else:
        split = pc.list_flatten(pc.split_pattern(inner, ","))
        parts = [
            split.take(pa.array(range(at, len(split), width), pa.int64())) for at in range(width)
        ]
    none = pa.scalar(None, pa.string())
    return [pc.if_else(pc.equal(part, "NULL"), none, part) for part in parts]


def _varying(notes: Sequence[str | None], held: Any, places: Any) -> set[str]:
    """Returns the keys of annotations that say something else of a feature in another file."""
    found: set[str] = set()
    for at, text in enumerate(held.slice(0, _COMPARED).to_pylist()):
        place = int(places[at])
        if place >= len(notes) or notes[place] == text:
            continue
        mine, theirs = json.loads(text or "{}"), json.loads(notes[place] or "{}")
        found |= {key for key in {*mine, *theirs} if mine.get(key) != theirs.get(key)}
    return found


def _without(notes: Sequence[str | None], keys: set[str]) -> list[str | None]:
    kept = []
    for text in notes:
        said = {k: v for k, v in json.loads(text).items() if k not in keys} if text else {}
        kept.append(json.dumps(said, ensure_ascii=False) if said else None)
    return kept


def _named(rejects: pa.Table, name: str) -> pa.Table:
    import pyarrow as pa

    at = rejects.schema.get_field_index("message")
    messages = [f"{name}: {message}" for message in rejects.column(at).to_pylist()]
    return rejects.set_column(at, "message", pa.array(messages, pa.string()))
