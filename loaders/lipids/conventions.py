"""How a dataset names its lipids: a vote over all its names, because single names cannot tell.

``Cer 16:0`` may be the sum of base and acyl chain or the acyl chain beside a base that is taken for
granted; ``C18:1`` a carnitine or a fatty acid. The other names of the same file decide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from statistics import median
from typing import Any

from loaders.datafiles import read_yaml
from loaders.lipids import shorthand
from loaders.lipids.normalise import NACYL_ONLY, SUMS
from loaders.lipids.rules import alias_of, rewrite, take_off_adduct, take_off_label

_LIKE_A_LIPID = re.compile(r"(?<!\d)\d{1,2}:\d{1,2}(?!\d)")


@dataclass(frozen=True)
class Convention:
    """How one dataset names its lipids.

    Attributes:
        is_lipid: False when too few names are spelled like lipids.
        dialect: biocrates, lipidyzer, sums, nacyl_only, or '' for none that matters.
        nacyl_only: True when its sphingolipids are named by the acyl chain alone.
        evidence: What decided, JSON-able.
    """

    is_lipid: bool
    dialect: str
    nacyl_only: bool
    evidence: Mapping[str, Any] = field(default_factory=dict)


@cache
def _settings() -> Mapping[str, Any]:
    content: Mapping[str, Any] = read_yaml("loaders.lipids", "conventions.yml")
    return content


@cache
def _patterns() -> Mapping[str, tuple[re.Pattern[str], int]]:
    return {
        dialect: (re.compile(vote["pattern"]), vote["names"])
        for dialect, vote in _settings()["votes"].items()
    }


@dataclass(frozen=True, slots=True)
class _Traits:
    """What one name tells about its dataset."""

    like_a_lipid: bool
    dialects: tuple[str, ...]
    base_unstated_carbons: int | None


@lru_cache(maxsize=200_000)
def _traits(name: str) -> _Traits:
    dialects = tuple(
        dialect for dialect, (pattern, _) in _patterns().items() if pattern.search(name)
    )
    like = bool(dialects) or bool(_LIKE_A_LIPID.search(name)) or alias_of(name) is not None
    carbons = None
    if like and name[:1] in "CEHILSchdls":
        core, _ = take_off_label(take_off_adduct(name)[0])
        reading = shorthand.read(core)
        if reading is None and "C" in core:
            reading = shorthand.read(rewrite(core, "")[0])
        if reading is not None and reading.level == "SPECIES" and "base_assumed" in reading.flags:
            carbons = reading.carbons
    return _Traits(like, dialects, carbons)


def find_convention(names: Iterable[str], *, format_words: str = "") -> Convention:
    """Returns how a dataset names its lipids.

    Args:
        names: Its reported names.
        format_words: Its format and software.

    >>> find_convention(["PC aa C34:1", "PC ae C36:2", "C2"]).dialect
    'biocrates'
    >>> find_convention(["Cer 16:0", "Cer 24:1", "SM 18:0", "PC 34:1"]).dialect
    'nacyl_only'
    >>> find_convention(["Cer 34:1", "Cer 42:2", "SM 36:1"]).dialect
    'sums'
    """
    known = [_traits(name) for name in set(names)]
    like = sum(traits.like_a_lipid for traits in known)
    evidence: dict[str, Any] = {"names": len(known), "spelled_like_lipids": like}
    is_lipid = bool(known) and like >= _settings()["lipid_share"] * len(known)
    words = format_words.casefold()
    for dialect, spellings in _settings()["formats"].items():
        if any(word in words for word in spellings):
            return Convention(is_lipid, dialect, False, evidence | {"format": format_words})
    votes = Counter(dialect for traits in known for dialect in traits.dialects)
    for dialect, count in votes.most_common():
        if count >= _patterns()[dialect][1]:
            return Convention(is_lipid, dialect, False, evidence | {"votes": dict(votes)})
    carbons = [t.base_unstated_carbons for t in known if t.base_unstated_carbons is not None]
    rule = _settings()["nacyl"]
    if len(carbons) < rule["names"]:
        return Convention(is_lipid, "", False, evidence)
    middle = median(carbons)
    evidence |= {"base_unstated_names": len(carbons), "median_carbons": middle}
    nacyl_only = middle < rule["median_below"]
    return Convention(is_lipid, NACYL_ONLY if nacyl_only else SUMS, nacyl_only, evidence)
