"""Word lists of the readers, kept as data files beside this module and read once."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any

from loaders.datafiles import read_yaml

_SEPARATORS = re.compile(r"[\s._\-]+")


@cache
def load(name: str) -> dict[str, Any]:
    """Returns the content of ``<name>.yml`` in this folder."""
    content = read_yaml(__name__, f"{name}.yml")
    if not isinstance(content, dict):
        raise TypeError(
            f"{name}.yml: expected a mapping at the top, found {type(content).__name__}"
        )
    return content


@cache
def words(name: str, key: str) -> frozenset[str]:
    """Returns the entries of a list as normalised words."""
    return frozenset(normalise(entry) for entry in load(name)[key])


@cache
def pattern(name: str, key: str) -> re.Pattern[str]:
    """Returns one pattern that matches what any entry of a list matches."""
    return re.compile("|".join(f"(?:{entry})" for entry in load(name)[key]), re.IGNORECASE)


@lru_cache(maxsize=8192)
def normalise(text: str) -> str:
    """Folds case and the separators that tools exchange freely: ``P.Value`` is ``p value``.

    >>> normalise(" Lipid_Species ")
    'lipid species'
    """
    return _SEPARATORS.sub(" ", text).strip().casefold()
