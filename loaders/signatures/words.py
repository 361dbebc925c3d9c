"""The words of signature files, from ``words.yml``, in the form in which they are asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

from loaders.datafiles import read_yaml
from loaders.vocabulary import normalise


@cache
def load() -> dict[str, Any]:
    """Returns the content of ``words.yml``."""
    found: dict[str, Any] = read_yaml(__package__, "words.yml")
    return found


def direction_of(text: str) -> str | None:
    """Returns 1, -1 or 0 for a word or sign, None for a word that is unknown.

    >>> direction_of("Up-regulated"), direction_of("+"), direction_of(""), direction_of("sideways")
    ('1', '1', '0', None)
    """
    stripped = text.strip().casefold()
    found = _spellings("directions")
    # A sign alone is all separator: it is compared as it stands.
    return found.get(stripped, found.get(normalise(text)) if normalise(text) else None)


def feature_type_of(text: str) -> str | None:
    """Returns the feature type that a word means.

    >>> feature_type_of("Lipids"), feature_type_of("mRNA"), feature_type_of("rock")
    ('lipid', 'gene', None)
    """
    return _spellings("feature_types").get(normalise(text))


def field_of(header: str) -> str | None:
    """Returns what a column or line says about a signature, for example ``description``.

    >>> field_of("Disease context"), field_of("weight")
    ('disease_context', None)
    """
    return _spellings("fields").get(normalise(header))


def roles_of(header: Sequence[str]) -> dict[str, int]:
    """Returns which column plays which role: set, feature, feature_type, direction, weight.

    >>> roles_of(["source", "target", "mor"])
    {'set': 0, 'feature': 1, 'weight': 2}
    """
    folded = [normalise(cell) for cell in header]
    beside: dict[str, list[str]] = load()["set_beside"]
    doubtful = {
        word for other, entries in beside.items() if other not in folded for word in entries
    }
    preferred: dict[str, list[str]] = load()["preferred"]
    found: dict[str, int] = {}
    for role, words in load()["columns"].items():
        ordered = [*preferred.get(role, ()), *words]
        doubted = doubtful if role == "set" else set[str]()
        column = next((folded.index(w) for w in ordered if w in folded and w not in doubted), None)
        if column is not None and column not in found.values():
            found[role] = column
    return found


def is_signature_table(header: Sequence[str]) -> bool:
    """Whether a header names a feature and something that only signatures say of it."""
    roles = roles_of(header)
    return "feature" in roles and any(role in roles for role in load()["telling"])


def split_pair(name: str) -> tuple[str, str] | None:
    """Returns the common name and the direction of one half of an up/down pair.

    >>> split_pair("STATIN_LIVER_DN"), split_pair("STATIN_LIVER")
    (('STATIN_LIVER', '-1'), None)
    """
    for direction, endings in load()["pair_endings"].items():
        for ending in endings:
            if name.upper().endswith(ending) and len(name) > len(ending):
                return name[: -len(ending)], str(direction)
    return None


def means_nothing(text: str, kind: str) -> bool:
    """Whether a description or a member is one of the fillers of its format."""
    return text.strip().casefold() in load()[kind]


def is_address(text: str) -> bool:
    """Whether a description is only a link."""
    return re.fullmatch(r"(?:https?|ftp)://\S+", text.strip()) is not None


@cache
def _spellings(key: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for meaning, entries in load()[key].items():
        for entry in entries:
            for spelling in (normalise(str(entry)), str(entry).strip().casefold()):
                if spelling or entry == "":
                    found.setdefault(spelling, str(meaning))
    return found
