"""Known delimited layouts: what the field's tools write, described in ``layouts.yml``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from loaders.model import Roles


def recognise(
    header: Sequence[str],
    sample_rows: Sequence[Sequence[str]],
    preamble: Sequence[Sequence[str]] = (),
) -> Roles | None:
    """Recognises a known layout; None when the header is of no known tool."""
    return None


def flag_values(pairs: Sequence[tuple[Any, str]]) -> Any:
    """Reads a flag from the columns that carry it.

    Args:
        pairs: Text columns of one batch with the token that sets the flag. A token between slashes
            is a regular expression (``/^CON__/``); any other must be the whole cell, in any case.

    Returns:
        A boolean array: true where any column says so, null where none does and a cell is ``NA``
        (the file does not know), else false.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    length = len(pairs[0][0])
    is_set = pa.array([False] * length)
    unknown = pa.array([False] * length)
    for column, token in pairs:
        cells = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        cells = pc.fill_null(pc.utf8_trim_whitespace(pc.cast(cells, pa.string())), "")
        if len(token) > 1 and token.startswith("/") and token.endswith("/"):
            is_set = pc.or_(is_set, pc.match_substring_regex(cells, token[1:-1]))
            continue
        is_set = pc.or_(is_set, pc.equal(pc.utf8_lower(cells), token.lower()))
        unknown = pc.or_(unknown, pc.is_in(cells, value_set=pa.array(["NA", "NaN", "#N/A"])))
    return pc.if_else(is_set, True, pc.if_else(unknown, pa.scalar(None, pa.bool_()), False))


def is_flagged(cell: str, token: str) -> bool:
    """Says of one cell what `flag_values` says of columns."""
    if len(token) > 1 and token.startswith("/") and token.endswith("/"):
        return re.search(token[1:-1], cell.strip()) is not None
    return cell.strip().lower() == token.lower()
