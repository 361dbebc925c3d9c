"""Which reference table a file is, decided by the words of its header; the layouts are data."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from loaders import vocabulary
from loaders.datafiles import read_yaml


@dataclass(frozen=True)
class Layout:
    """One entry of ``references.yml``; what its keys mean is said there."""

    name: str
    reference: str
    content: str | None
    container: str
    is_sure: bool
    needs: tuple[tuple[str, ...], ...]
    starts: re.Pattern[str] | None
    spec: Mapping[str, Any]

    def words(self) -> frozenset[str]:
        """Returns every column that the layout knows."""
        return frozenset(_column_words(self.spec))

    def fit(self, header: Iterable[str]) -> int:
        """Returns how many columns of a header are known here; 0 where one is missing."""
        found = {vocabulary.normalise(cell) for cell in header}
        if not all(found.intersection(group) for group in self.needs):
            return 0
        return len(found & self.words())


@cache
def layouts() -> tuple[Layout, ...]:
    """Returns all layouts, in the order in which they are written down."""
    return tuple(
        Layout(
            name=entry["name"],
            reference=entry["reference"],
            content=entry.get("content"),
            container=entry.get("container", "table"),
            is_sure=bool(entry.get("sure", False)),
            needs=tuple(
                tuple(vocabulary.normalise(word) for word in group)
                for group in entry.get("needs", ())
            ),
            starts=re.compile(entry["starts"]) if "starts" in entry else None,
            spec=entry,
        )
        for entry in read_yaml("loaders.features", "references.yml")["formats"]
    )


def by_header(header: Sequence[str], container: str) -> Layout | None:
    """Returns the layout that knows most columns of a header; the first one of equals."""
    found = [
        (layout.fit(header), -at)
        for at, layout in enumerate(layouts())
        if layout.container == container
    ]
    best = max(found, default=(0, 0))
    return layouts()[-best[1]] if best[0] else None


def by_start(head: str) -> Layout | None:
    """Returns the layout without header whose first lines a text shows."""
    beginning = head[:20_000].lstrip("\ufeff")
    for layout in layouts():
        if layout.starts is None:
            continue
        if layout.container == "pairs":
            if layout.starts.search(beginning):
                return layout
            continue
        lines = [line for line in beginning.splitlines()[:20] if line.strip()]
        cells = {line.count("\t") for line in lines[:5]}
        if lines and len(cells) == 1 and layout.starts.match(lines[0]):
            return layout
    return None


def may_be_known(head: str) -> bool:
    """Whether the words of some layout occur in the first lines at all; cutting them costs more."""
    beginning = vocabulary.normalise("\n".join(head[:20_000].splitlines()[:40]))
    return any(
        layout.needs and all(any(word in beginning for word in group) for group in layout.needs)
        for layout in layouts()
    )


def nearest(header: Sequence[str]) -> str | None:
    """Returns the layout that shares most columns with a header, for an error message."""
    words = {vocabulary.normalise(cell) for cell in header}
    scored = [(len(words & layout.words()), -at) for at, layout in enumerate(layouts())]
    best = max(scored)
    return layouts()[-best[1]].name if best[0] >= 2 else None


def _column_words(node: Any) -> Iterable[str]:
    """Yields every column named below a node of the specification."""
    listed = (
        "column",
        "name",
        "formula",
        "inchikey",
        "lipid_class",
        "exact_mass",
        "annotations",
        "dates",
        "columns",
    )
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in listed and isinstance(value, list):
                yield from (vocabulary.normalise(str(word)) for word in value)
            elif key in (
                "entities",
                "id",
                "names",
                "xrefs",
                "status",
                "replaced_by",
                "replaces",
                "type",
                "taxon",
            ):
                yield from _column_words(value)
    elif isinstance(node, list):
        for entry in node:
            yield from _column_words(entry)
