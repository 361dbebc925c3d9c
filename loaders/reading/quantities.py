"""Quantities named in headers: ``LFQ intensity A`` is quantity ``LFQ intensity`` of ``A``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from loaders import vocabulary
from loaders.reading.remember import by_texts

#: A sample's name with a unit of amount behind it, in brackets: ``S1 (uM)``.
_WITH_UNIT = re.compile(
    r"(\S.*?)\s*[(\[]((?:[pnuµμm]?(?:M|mol(?:/\S+)?|g/\S+)|mol ?%|ppm|ppb|a\.?u\.?))[)\]]\s*\Z"
)
_BRACKETED = re.compile(r"\s*([^\[\]:]+?)\s*(?::\s*(.+)|\[\s*(.+?)\s*\])\s*\Z")


@dataclass(frozen=True)
class Families:
    """What the headers of the samples say of the quantity.

    Attributes:
        samples: Name of each sample, without the quantity.
        quantity: Name of the quantity as the headers write it, or None.
        unit: Its unit, where the name fixes it.
        omics: The omics type that the name implies, or None.
        several: Names of the quantities if there are two or more side by side, else empty.
    """

    samples: tuple[str, ...]
    quantity: str | None = None
    unit: str | None = None
    omics: str | None = None
    several: tuple[str, ...] = ()


@cache
def _known() -> dict[str, dict[str, str]]:
    return {entry["name"]: entry for entry in vocabulary.load("quantities")["quantities"]}


@cache
def _affixes() -> tuple[re.Pattern[str], re.Pattern[str]]:
    names = sorted(_known(), key=len, reverse=True)
    body = "|".join(re.escape(name).replace(r"\ ", r"[ ._]") for name in names)
    before = re.compile(rf"({body})(?:\s*[ ._:\-]\s*|\s*(?=[\[(]))(\S.*)\Z", re.IGNORECASE)
    after = re.compile(rf"(\S.*?)\s*[ ._:\-]\s*\(?({body})\)?\Z", re.IGNORECASE)
    return before, after


@lru_cache(maxsize=8192)
def split(header: str) -> tuple[str, str] | None:
    """Splits a header into quantity and sample; None if it names no known quantity.

    >>> split("LFQ intensity L3"), split("WT_1 Peak area"), split("WT_1")
    (('LFQ intensity', 'L3'), ('Peak area', 'WT_1'), None)
    """
    before, after = _affixes()
    text = header.strip()
    if found := before.match(text):
        return found[1], found[2].strip(" []()")
    if found := after.match(text):
        return found[2], found[1].strip()
    return None


@by_texts
def families(headers: Sequence[str]) -> Families:
    """Finds the quantity that all headers share, or that there are several of them."""
    parts = [split(header) for header in headers]
    named = [part for part in parts if part is not None]
    groups: dict[str, list[str]] = {}
    for quantity, sample in named:
        groups.setdefault(_folded(quantity), []).append(sample)
    if len(groups) > 1 and _overlap(list(groups.values())):
        return Families(tuple(headers), several=tuple(dict.fromkeys(q for q, _ in named)))
    if len(named) == len(headers) and len(groups) == 1 and len({s for _, s in named}) > 0:
        entry = _known().get(_folded(named[0][0]), {})
        samples = tuple(sample for _, sample in named)
        return Families(samples, named[0][0], entry.get("unit"), entry.get("omics"))
    if several := _structured(headers):
        return Families(tuple(headers), several=several)
    if named and len(named) < len(headers) and len(groups) >= 1:
        plain = {header.strip() for header, part in zip(headers, parts, strict=True) if not part}
        if any(sample in plain for _, sample in named):
            return Families(tuple(headers), several=("(unnamed)", named[0][0]))
    units = [_WITH_UNIT.match(header) for header in headers]
    found = [unit for unit in units if unit is not None]
    if len(found) == len(headers) and len({unit[2] for unit in found}) == 1:
        return Families(tuple(unit[1].strip() for unit in found), unit=found[0][2])
    return Families(tuple(header.strip() for header in headers))


def _structured(headers: Sequence[str]) -> tuple[str, ...]:
    """Finds ``PREC:a, PREC:b, SUMFA:a, SUMFA:b``: equal samples behind different names."""
    groups: dict[str, list[str]] = {}
    for header in headers:
        found = _BRACKETED.match(header)
        if found:
            groups.setdefault(found[1], []).append(found[2] or found[3])
    if len(groups) > 1 and _overlap(list(groups.values())):
        return tuple(groups)
    return ()


def _overlap(groups: Sequence[Sequence[str]]) -> bool:
    seen: set[str] = set()
    for group in groups:
        if seen & set(group):
            return True
        seen |= set(group)
    return False


def _folded(quantity: str) -> str:
    return re.sub(r"[ ._]+", " ", quantity).strip().casefold()
