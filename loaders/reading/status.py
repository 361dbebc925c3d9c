"""Quantities that are missing for a stated reason: ``< LOD``, ``Filtered``, ``#VALUE!``.

Such a cell is no number and no plain gap. What it says is kept in the annotations of its row, under
``quantity_status``: assay name to the text of the cell.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from loaders import vocabulary

KEY = "quantity_status"


def by_row(
    cells: Any, quantities: Any, assays: Sequence[str], count: int
) -> dict[int, dict[str, str]]:
    """Finds the statuses of a batch with features in rows.

    Args:
        cells: Cells as they stand, one assay after the other.
        quantities: The same as quantities; null where missing.
        assays: Names of the assays.
        count: Number of rows.

    Returns:
        Row of the batch to assay and status.
    """
    found: dict[int, dict[str, str]] = {}
    for at, text in statuses(cells, quantities):
        found.setdefault(at % count, {})[assays[at // count]] = text
    return found


def by_column(
    cells: Any, quantities: Any, assays: Sequence[str], kept: Sequence[int]
) -> dict[int, dict[str, str]]:
    """Finds the statuses of a batch with samples in rows.

    Args:
        cells: Cells as they stand, one feature after the other.
        quantities: The same as quantities; null where missing.
        assays: Names of the assays.
        kept: Features of the batch that land, in order.

    Returns:
        Landing row of the batch to assay and status.
    """
    count = len(assays)
    places = {feature: row for row, feature in enumerate(kept)}
    found: dict[int, dict[str, str]] = {}
    for at, text in statuses(cells, quantities):
        row = places.get(at // count)
        if row is not None:
            found.setdefault(row, {})[assays[at % count]] = text
    return found


def beside(notes: Any, found: Mapping[int, Mapping[str, str]], key: str = KEY) -> Any:
    """Adds statuses to the annotations of rows: an Arrow array of JSON objects, or nulls."""
    import pyarrow as pa

    if not found:
        return notes
    texts = notes.to_pylist()
    for row, said in found.items():
        added = f"{json.dumps(key, ensure_ascii=False)}: {json.dumps(said, ensure_ascii=False)}}}"
        held = texts[row]
        texts[row] = "{" + added if held is None else f"{held[:-1]}, {added}"
    return pa.array(texts, pa.string())


@cache
def _words() -> frozenset[str]:
    return frozenset(_folded(word) for word in vocabulary.load("values")["statuses"])


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


@cache
def _is_status(text: str) -> bool:
    limit = vocabulary.pattern("values", "missing_patterns")
    return _folded(text) in _words() or limit.fullmatch(text) is not None


def statuses(cells: Any, quantities: Any) -> list[tuple[int, str]]:
    """Returns place and text of each cell that is missing and says why."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not quantities.null_count:
        return []
    places = pc.indices_nonzero(pc.is_null(quantities))
    missing = pc.utf8_trim_whitespace(cells.take(places))
    # Few spellings stand for many cells.
    said = [text for text in pc.unique(missing).to_pylist() if text and _is_status(text)]
    if not said:
        return []
    hit = pc.is_in(missing, value_set=pa.array(said, pa.string()))
    return list(zip(places.filter(hit).to_pylist(), missing.filter(hit).to_pylist(), strict=True))
