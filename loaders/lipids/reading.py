"""What either reader, our own or pygoslin, found in one shorthand name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain of a lipid.

    Attributes:
        carbons: Carbon atoms, those of branches included.
        double_bonds: Double bonds and rings, that of an alkenyl bond not included.
        oxygens: Oxygens beside the one or two that bind the chain.
        bond: acyl, alkyl (``O-``), alkenyl (``P-``) or base (long-chain base).
    """

    carbons: int
    double_bonds: int
    oxygens: int
    bond: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A lipid as one reader understood it.

    Attributes:
        lipid_class: Class in shorthand.
        category: LIPID MAPS category.
        level: Highest level that the reader knows; a key of ``strings``.
        strings: Shorthand at every level up to that one.
        formula: Sum formula of the neutral molecule.
        chains: The chains in the order of the name; empty at species level.
        carbons: Carbons of all chains.
        double_bonds: Double bonds of all chains, alkenyl bonds included.
        oxygens: Oxygens of all chains beside those that bind them.
        flags: Codes of what had to be taken for granted.
    """

    lipid_class: str
    category: str
    level: str
    strings: Mapping[str, str]
    formula: str
    chains: tuple[Chain, ...]
    carbons: int
    double_bonds: int
    oxygens: int
    flags: tuple[str, ...] = ()
