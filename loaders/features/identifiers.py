"""Identifiers in cells to prefix and local part, whole columns at once; the rules are data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from loaders.datafiles import read_yaml

#: Stands in a layout for "whichever kind the cell itself names".
ANY = "any"


@dataclass(frozen=True)
class Kind:
    """How identifiers of one kind are written.

    Attributes:
        prefix: Prefix under which they are kept.
        pattern: RE2 pattern of a whole cell without its prefix, with the group ``id``.
        prefixed: RE2 pattern of the prefixes that people write before it.
        fixes: Pairs of pattern and replacement, applied before ``pattern``.
        upper: Whether case carries no meaning.
        alone: True where a cell without prefix says what it is, or the feature type for which it
            does so.
    """

    prefix: str
    pattern: str
    prefixed: str
    fixes: tuple[tuple[str, str], ...]
    upper: bool
    alone: bool | str


@cache
def kinds() -> dict[str, Kind]:
    """Returns the kinds of ``identifiers.yml`` by name."""
    return {
        name: Kind(
            prefix=entry["prefix"],
            pattern=entry["pattern"],
            prefixed="(?i)^(?:(?:" + "|".join(map(re.escape, entry["spelled"])) + r")\s*:\s*)+",
            fixes=tuple((pattern, to) for pattern, to in entry.get("fixes", ())),
            upper=bool(entry.get("upper", False)),
            alone=entry.get("alone", False),
        )
        for name, entry in read_yaml("loaders.features", "identifiers.yml").items()
    }


def local_ids(cells: Any, name: str) -> Any:
    """Returns the local part of each identifier of one kind; null where a cell is none.

    Args:
        cells: Arrow array of text, of any length, nulls allowed.
        name: Kind of ``identifiers.yml``, or any other prefix, whose cells are taken as they are.
    """
    import pyarrow.compute as pc

    kind = kinds().get(name)
    if kind is None:
        return cells
    if pc.any(pc.match_substring(cells, ":")).as_py():
        cells = pc.replace_substring_regex(cells, kind.prefixed, "")
    return _matched(cells, kind)


def identify(cells: Any, names: Sequence[str], feature_types: Any = None) -> tuple[Any, Any]:
    """Returns prefix and local part of each identifier; both null where a cell is none.

    Args:
        cells: Arrow array of text.
        names: Kinds to try in order, or ``["any"]`` for all: first by the prefix in the cell, then
            by shape, where the shape alone is proof.
        feature_types: Feature type of each cell, for kinds whose shape tells in one type only.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    none = pa.scalar(None, pa.string())
    prefixes = pa.nulls(len(cells), pa.string())
    locals_ = pa.nulls(len(cells), pa.string())

    def take(found: Any, prefix: str) -> None:
        nonlocal prefixes, locals_
        new = pc.and_(pc.is_null(locals_), pc.is_valid(found))
        prefixes = pc.if_else(new, pa.scalar(prefix, pa.string()), prefixes)
        locals_ = pc.if_else(new, found, locals_)

    if list(names) != [ANY]:
        for name in names:
            kind = kinds().get(name)
            take(local_ids(cells, name), kind.prefix if kind else name)
        return prefixes, locals_
    for kind in kinds().values():
        has_prefix = pc.fill_null(pc.match_substring_regex(cells, kind.prefixed), False)
        if pc.any(has_prefix).as_py():
            bare = pc.replace_substring_regex(cells, kind.prefixed, "")
            take(_matched(pc.if_else(has_prefix, bare, none), kind), kind.prefix)
    for kind in kinds().values():
        if kind.alone is True:
            take(_matched(cells, kind), kind.prefix)
        elif kind.alone and feature_types is not None:
            fits = pc.fill_null(pc.equal(feature_types, kind.alone), False)
            take(_matched(pc.if_else(fits, cells, none), kind), kind.prefix)
    return prefixes, locals_


def curies(prefixes: Any, locals_: Any) -> Any:
    """Joins prefix and local part; null where there is none."""
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(prefixes, locals_, ":")


def _matched(cells: Any, kind: Kind) -> Any:
    import pyarrow.compute as pc

    if kind.upper:
        cells = pc.utf8_upper(cells)
    for pattern, replacement in kind.fixes:
        cells = pc.replace_substring_regex(cells, pattern, replacement)
    return pc.struct_field(pc.extract_regex(cells, kind.pattern), "id")
