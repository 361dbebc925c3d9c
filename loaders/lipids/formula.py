"""Sum formulas, monoisotopic masses and the m/z of ions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache

#: Monoisotopic masses in Da: AME2020 (Wang et al. 2021, Chinese Phys. C 45:030003).
MASSES: Mapping[str, float] = {
    "C": 12.0,
    "H": 1.00782503190,
    "N": 14.00307400425,
    "O": 15.99491461926,
    "P": 30.97376199768,
    "S": 31.97207117354,
    "F": 18.99840316207,
    "Cl": 34.968852694,
    "Br": 78.9183376,
    "I": 126.904472,
    "Na": 22.98976928195,
    "K": 38.96370648482,
    "Li": 7.01600343426,
    "As": 74.92159456,
    "B": 11.00930516,
}
#: Mass of the electron in Da (CODATA 2018).
ELECTRON = 0.000548579909065

#: Order of the elements in a formula as lipid tables write it: C, H, then by letter.
_ORDER = ("C", "H", "As", "B", "Br", "Cl", "F", "I", "K", "Li", "N", "Na", "O", "P", "S")
_PART = re.compile(r"([A-Z][a-z]?)(\d*)")

#: What an ion has beside M, and its charge. The key is the text between ``[M`` and ``]``.
ADDUCTS: Mapping[str, tuple[Mapping[str, int], int]] = {
    "+H": ({"H": 1}, 1),
    "+2H": ({"H": 2}, 2),
    "+NH4": ({"N": 1, "H": 4}, 1),
    "+Na": ({"Na": 1}, 1),
    "+K": ({"K": 1}, 1),
    "+Li": ({"Li": 1}, 1),
    "+H-H2O": ({"H": -1, "O": -1}, 1),
    "": ({}, 1),
    "-H": ({"H": -1}, -1),
    "-2H": ({"H": -2}, -2),
    "+Cl": ({"Cl": 1}, -1),
    "+HCOO": ({"H": 1, "C": 1, "O": 2}, -1),
    "+CH3COO": ({"H": 3, "C": 2, "O": 2}, -1),
    "-CH3": ({"C": -1, "H": -3}, -1),
}


def parse(formula: str) -> Counter[str]:
    """Returns the atoms of a sum formula.

    >>> sorted(parse("C2H6O").items())
    [('C', 2), ('H', 6), ('O', 1)]

    Raises:
        ValueError: Something in it is no element with a number.
    """
    return _parsed(formula).copy()


# The head groups of classes are asked for with every name.
@lru_cache(maxsize=1024)
def _parsed(formula: str) -> Counter[str]:
    atoms: Counter[str] = Counter()
    end = 0
    for part in _PART.finditer(formula):
        if part.start() != end or part[1] not in MASSES:
            break
        atoms[part[1]] += int(part[2] or 1)
        end = part.end()
    if end != len(formula):
        raise ValueError(f"no sum formula: {formula!r}")
    return atoms


def text(atoms: Mapping[str, int]) -> str:
    """Returns the sum formula of atoms.

    >>> text({"O": 1, "C": 2, "H": 6})
    'C2H6O'

    Raises:
        ValueError: An element has a negative number of atoms.
    """
    if any(count < 0 for count in atoms.values()):
        raise ValueError(f"impossible composition: {dict(atoms)}")
    return "".join(
        element + (str(atoms[element]) if atoms[element] > 1 else "")
        for element in _ORDER
        if atoms.get(element, 0) > 0
    )


def mass(atoms: Mapping[str, int]) -> float:
    """Returns the monoisotopic mass in Da.

    >>> round(mass(parse("H2O")), 5)
    18.01056
    """
    return sum(MASSES[element] * count for element, count in atoms.items())


def ion_mz(formula: str, adduct: str) -> float:
    """Returns the m/z of an ion of a neutral molecule.

    Args:
        formula: Sum formula of the neutral molecule.
        adduct: For example ``[M+H]1+``; the charge may be left out where it is 1.

    Raises:
        ValueError: The adduct is not known, or its charge is not the adduct's.

    >>> round(ion_mz("C42H82NO8P", "[M+H]1+"), 4)
    760.5851
    """
    inner, charge = split_adduct(adduct)
    change, own_charge = ADDUCTS[inner]
    if charge != own_charge:
        raise ValueError(f"{adduct}: {inner} has the charge {own_charge:+d}")
    total = mass(parse(formula)) + mass(change) - charge * ELECTRON
    return total / abs(charge)


_ADDUCT = re.compile(r"^\[M([^\[\]]*)\](\d*)([+-]?)$")


def split_adduct(adduct: str) -> tuple[str, int]:
    """Returns what an adduct adds and its signed charge.

    >>> split_adduct("[M-2H]2-")
    ('-2H', -2)

    Raises:
        ValueError: It is not an adduct that is known.
    """
    found = _ADDUCT.match(adduct)
    if not found or found[1] not in ADDUCTS:
        raise ValueError(f"unknown adduct: {adduct!r}")
    if not found[3]:
        return found[1], ADDUCTS[found[1]][1]
    return found[1], int(found[2] or 1) * (1 if found[3] == "+" else -1)


def adduct_name(inner: str) -> str:
    """Returns the whole name of an adduct.

    >>> adduct_name("+NH4")
    '[M+NH4]1+'
    """
    charge = ADDUCTS[inner][1]
    return f"[M{inner}]{abs(charge)}{'+' if charge > 0 else '-'}"
