"""Matrices that come as numbers (HDF5, Matrix Market): landed in blocks of rows, never as a whole.

A sparse matrix is turned into rows of features without ever being dense beyond one block: its
entries are sorted by feature, in memory or, where there are many, in files beside each other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.model import OMICS_TYPES, Assay, Counts, DatasetHeader, Roles, Unreadable
from loaders.reading import describe, rows, values
from loaders.reading.describe import Context, Sample
from loaders.reading.grid import Grid, RaggedLog
from loaders.reading.transposed import list_literals
from loaders.reading.values import NumberStyle

if TYPE_CHECKING:
    import pyarrow as pa

#: Cells of a block: 8 MB of doubles.
BLOCK_CELLS = 1_000_000
#: Entries of a sparse matrix that are sorted in memory (12 bytes each, and again while sorted).
_IN_MEMORY = 6_000_000
_NOTHING: dict[str, str] = {}

#: Yields pieces of a sparse matrix: features, assays (0-based) and values of its entries.
Entries = Callable[[], Iterator[tuple[Any, Any, Any]]]


@dataclass(frozen=True)
class Block:
    """Neighbouring features: index of the first, and their quantities (features x assays).

    ``numbers`` is a numpy array; NaN is missing.
    """

    start: int
    numbers: Any


class BlockReading:
    """A matrix that comes as numbers, while it is read."""

    def __init__(
        self,
        roles: Roles,
        context: Context,
        *,
        names: Sequence[str],
        notes: Sequence[Mapping[str, str]],
        assays: Sequence[Assay],
        blocks: Callable[[], Iterator[Block]],
        more: Mapping[str, object],
    ) -> None:
        """Decides the header from the first blocks.

        Args:
            roles: Format, quantity, scale and zero policy; its columns are not used.
            context: Part, declared type and path.
            names: Names of the features.
            notes: Annotations of each feature, or nothing.
            assays: The assays.
            blocks: Gives the quantities from the first feature on, each time it is called.
            more: What else was seen, for the evidence.

        Raises:
            Unreadable: If the omics type is undecided.
        """
        self._names = names
        self._notes = notes
        self._blocks = blocks
        self._context = context
        self._account = rows.Account(context.reject_limit)
        grid = Grid(("",), (), (), 0, 1, _no_rows, dict(more))
        step = max(1, len(names) // 240)
        sample = Sample(self._sampled(), NumberStyle(), names[::step], {}, None)
        try:
            self.header: DatasetHeader = describe.matrix_header(
                grid, roles, sample, assays, context, more={}, signature=[roles.format]
            )
        except Unreadable as refusal:
            refusal.mapping_stub = (
                f"format: {roles.format}\nomics_type: null  # one of: {', '.join(OMICS_TYPES)}\n"
            )
            raise

    def _sampled(self) -> values.Parsed:
        import numpy as np
        import pyarrow as pa

        held, count = [], 0
        for block in self._blocks():
            flat = block.numbers.ravel()
            flat = flat[:: max(1, len(flat) // (describe.SAMPLE_VALUES // 2))].astype(np.float64)
            held.append(flat)
            count += len(flat)
            if count >= 2 * describe.SAMPLE_VALUES:
                break
        flat = np.concatenate(held) if held else np.array([], dtype=np.float64)
        numbers = pa.array(flat, mask=~np.isfinite(flat))
        return values.Parsed(numbers, numbers, None, int((flat == 0).sum()))

    def batches(self) -> Iterator[pa.Table]:
        """Yields the landing rows.

        Raises:
            Unreadable: At the end, if too many rows were rejected.
        """
        import numpy as np
        import pyarrow as pa

        account = self._account = rows.Account(self._context.reject_limit)
        for block in self._blocks():
            numbers, start = block.numbers, block.start
            kept = np.arange(start, start + len(numbers))
            named = np.array([bool(self._names[at]) for at in kept.tolist()], dtype=bool)
            infinite = (
                np.isinf(numbers).any(axis=1) if numbers.dtype.kind == "f" else ~named & False
            )
            for at in kept[~named].tolist():
                account.reject(at + 1, None, "", "missing_feature_name", "The feature has no name.")
            for at in kept[infinite & named].tolist():
                message = rows.not_a_number("inf", "matrix", 0)
                account.reject(at + 1, None, "inf", "not_a_number", message)
            if not (named & ~infinite).all():
                kept, numbers = kept[named & ~infinite], numbers[named & ~infinite]
            if not len(kept):
                continue
            flat = numbers.ravel()
            missing = np.isnan(flat) if flat.dtype.kind == "f" else None
            n_missing = int(missing.sum()) if missing is not None else 0
            zeros = int((flat == 0).sum())
            account.zeros += zeros
            account.values += len(flat) - n_missing
            account.values -= zeros if self.header.zero_is_missing else 0
            account.land(len(kept))
            names = pa.array([self._names[at] for at in kept.tolist()], pa.string())
            notes = [self._notes[at] if self._notes else _NOTHING for at in kept.tolist()]
            yield rows.feature_rows(
                pa.array(kept + 1, pa.int64()),
                names,
                rows.json_objects(notes),
                list_literals(as_text(flat, missing), numbers.shape[1]),
                rows.flags(None, names, self.header.omics_type, {}),
            )
        account.check(place=self._context.part, final=True)

    def rejects(self) -> pa.Table:
        """Returns the rejected features."""
        return self._account.rejects()

    def counts(self) -> Counts:
        """Returns the reconciliation, valid once `batches` is exhausted."""
        return self._account.counts()


def as_text(flat: Any, missing: Any | None) -> Any:
    """Writes numbers as the shortest text that reads back as the same number."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if flat.dtype.kind == "f":
        known = flat if missing is None or not missing.any() else np.where(missing, 0, flat)
        if np.array_equal(known, np.trunc(known)) and np.abs(known).max(initial=0) < 1e15:
            flat = known.astype(np.int64)
    elif flat.dtype.kind == "b":
        flat = flat.astype(np.int8)
    array = pa.array(flat, mask=missing) if missing is not None else pa.array(flat)
    if pa.types.is_float16(array.type):
        array = pc.cast(array, pa.float32())
    return pc.cast(array, pa.string())


def sparse_blocks(
    entries: Entries, counts: Any, *, n_assays: int, dtype: Any, place: str
) -> Iterator[Block]:
    """Yields a sparse matrix as dense blocks of features; absent entries are 0.

    Args:
        entries: Gives all entries, in any order.
        counts: Number of entries of each feature.
        n_assays: Number of assays.
        dtype: numpy type of the values.
        place: Where a broken entry is reported.

    Raises:
        Unreadable: If an entry stands twice.
    """
    import numpy as np

    total = int(counts.sum())
    if total <= _IN_MEMORY:
        pieces = list(entries())
        none = np.array([], dtype=np.int32)
        features, assays, numbers = (
            np.concatenate([piece[at] for piece in pieces]) if pieces else none for at in range(3)
        )
        del pieces
        yield from _dense(features, assays, numbers, 0, len(counts), n_assays, dtype, place)
        return
    bounds = _bounds(counts)
    with tempfile.TemporaryDirectory(prefix="omics-sparse-") as folder:
        _spill(entries, bounds, Path(folder))
        for at in range(len(bounds) - 1):
            held = np.fromfile(Path(folder) / str(at), dtype=_entry_type())
            yield from _dense(
                held["feature"],
                held["assay"],
                held["value"],
                int(bounds[at]),
                int(bounds[at + 1]),
                n_assays,
                dtype,
                place,
            )


def _entry_type() -> Any:
    import numpy as np

    return np.dtype([("feature", np.int32), ("assay", np.int32), ("value", np.float64)])


def _bounds(counts: Any) -> Any:
    """Cuts the features where every part has about `_IN_MEMORY` entries."""
    import numpy as np

    reached = np.cumsum(counts)
    wanted = np.arange(_IN_MEMORY, int(reached[-1]) + _IN_MEMORY, _IN_MEMORY)
    cuts = np.searchsorted(reached, wanted, side="left") + 1
    return np.unique(np.concatenate([[0], np.minimum(cuts, len(counts)), [len(counts)]]))


def _spill(entries: Entries, bounds: Any, folder: Path) -> None:
    """Writes the entries of each part to a file of its own."""
    import numpy as np

    for at in range(len(bounds) - 1):
        (folder / str(at)).touch()
    for features, assays, numbers in entries():
        parts: Any = np.searchsorted(bounds, features, side="right") - 1
        order = np.argsort(parts, kind="stable")
        held: Any = np.empty(len(features), dtype=_entry_type())
        held["feature"], held["assay"], held["value"] = (
            features[order],
            assays[order],
            numbers[order],
        )
        ends = np.searchsorted(parts[order], np.arange(len(bounds))).tolist()
        for at in range(len(bounds) - 1):
            if ends[at] < ends[at + 1]:
                with (folder / str(at)).open("ab") as file:
                    held[ends[at] : ends[at + 1]].tofile(file)


def _dense(
    features: Any,
    assays: Any,
    numbers: Any,
    low: int,
    high: int,
    n_assays: int,
    dtype: Any,
    place: str,
) -> Iterator[Block]:
    import numpy as np

    order = np.lexsort((assays, features))
    features, assays, numbers = features[order], assays[order], numbers[order]
    twice = np.flatnonzero((features[1:] == features[:-1]) & (assays[1:] == assays[:-1]))
    if len(twice):
        at = int(twice[0])
        raise Unreadable(
            "broken_blocks",
            place=place or "matrix",
            seen=f"two entries for row {int(features[at]) + 1}, column {int(assays[at]) + 1}",
            expected="one entry for each row and column",
            question="Which of the two is right?",
        )
    step = max(1, BLOCK_CELLS // max(1, n_assays))
    for start in range(low, high, step):
        end = min(start + step, high)
        first, last = np.searchsorted(features, [start, end]).tolist()
        block = np.zeros((end - start, n_assays), dtype=dtype)
        block[features[first:last] - start, assays[first:last]] = numbers[first:last]
        yield Block(start, block)


def sparse_roles(roles: Roles, *, n_entries: int, n_cells: int) -> Roles:
    """Says what absent entries are: zeros of which the file holds none, so they are not values."""
    return replace(
        roles,
        zero_is_missing=True,
        evidence={
            **roles.evidence,
            "sparse": {
                "entries": n_entries,
                "cells": n_cells,
                "absent_entries": "zero; counted in zero_count and not among the values",
            },
        },
    )


def _no_rows(log: RaggedLog) -> Iterator[pa.Table]:
    """Stands where a table of text would have its rows."""
    return iter(())
