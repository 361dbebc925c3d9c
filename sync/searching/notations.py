"""Lipids that are written another way than the marts write them.

What a lipid name means is decided where files are loaded, and the command line hands that reader
in. Without it, as in a notebook, the sum of chains is worked out here: `PC(16:0/18:1)` is a
`PC 34:1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Notation:
    """What a name means.

    Attributes:
        asked: As it was written.
        asked_level: What that tells: SPECIES, MOLECULAR_SPECIES, SN_POSITION and so on.
        names: Names that the marts may know it by, with the level of each; the closest first.
    """

    asked: str
    asked_level: str
    names: tuple[tuple[str, str], ...]


#: Reads a name, or does not.
Reader = Callable[[str], Notation | None]

_LIPID = re.compile(
    r"(?P<cls>[A-Za-z][A-Za-z0-9-]{0,9}?)[ (]*"
    r"(?P<base>[dtm]?)(?P<chains>\d{1,2}:\d{1,2}(?:\([^()]*\))?"
    r"(?:[/_|]\d{1,2}:\d{1,2}(?:\([^()]*\))?)*)"
    r"(?P<oxygen>;O?\d*)?\)?"
)
_CHAIN = re.compile(r"(\d{1,2}):(\d{1,2})")
_LEVELS = {"/": "SN_POSITION", "_": "MOLECULAR_SPECIES", "|": "MOLECULAR_SPECIES"}
# Long-chain bases by the old letters: m one, d two, t three hydroxyl groups.
_BASES = {"m": ";O", "d": ";O2", "t": ";O3"}


def by_sum(text: str) -> Notation | None:
    """Reads class and chains, and adds the chains up.

    Examples:
        >>> [name for name, _ in by_sum("PC(16:0/18:1(9Z))").names]
        ['PC 16:0/18:1', 'PC 16:0_18:1', 'PC 34:1']
        >>> by_sum("SM(d18:1/16:0)").names[-1]
        ('SM 34:1;O2', 'SPECIES')
        >>> by_sum("34:1") is None
        True
    """
    found = _LIPID.fullmatch(text.strip(" .,;?!\"'"))
    if found is None:
        return None
    chains = [(int(a), int(b)) for a, b in _CHAIN.findall(_without_positions(found["chains"]))]
    oxygen = _BASES.get(found["base"].lower(), "") or (found["oxygen"] or "")
    name = found["cls"].rstrip("- ")
    separator = next((mark for mark in "/_|" if mark in found["chains"]), "")
    total = f"{sum(a for a, _ in chains)}:{sum(b for _, b in chains)}"
    names = [(f"{name} {total}{oxygen}", "SPECIES")]
    if len(chains) > 1 and not oxygen:
        written = [f"{a}:{b}" for a, b in chains]
        names.insert(0, (f"{name} {'_'.join(sorted(written))}", "MOLECULAR_SPECIES"))
        if separator == "/":
            names.insert(0, (f"{name} {'/'.join(written)}", "SN_POSITION"))
    return Notation(text, _LEVELS.get(separator, "SPECIES"), tuple(names))


def _without_positions(chains: str) -> str:
    return re.sub(r"\([^()]*\)", "", chains)


def read(text: str, readers: Sequence[Reader]) -> Notation | None:
    """What the first reader that knows the name says; only for what holds chains or is one word."""
    for reader in readers:
        try:
            found = reader(text)
        except (ValueError, KeyError, IndexError):
            continue
        if found is not None:
            return found
    return None
