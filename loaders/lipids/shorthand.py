"""Reads the common forms of lipid shorthand without a grammar.

Most names of most files are a class with sums or chains: ``PC 34:1``, ``TG(16:0_18:1_18:2)``,
``Cer d18:1/16:0``. pygoslin needs one to three milliseconds for each and a second to start; this
reader takes a few microseconds and gives the same strings and formulas, which the tests hold it to.
What it does not know for certain it leaves alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from loaders.datafiles import read_yaml
from loaders.lipids import formula
from loaders.lipids.model import LEVELS
from loaders.lipids.reading import Chain, Reading

_CHAIN = re.compile(
    r"(?:(?P<count>[dte]?)(?P<ether>[OP])-|(?P<base>[mdt]))?"
    r"(?P<carbons>[1-9]\d?|1\d\d|0):(?P<double>0|[1-9]\d?)"
    r"(?:\((?P<positions>\d+[EZ]?(?:,\d+[EZ]?)*)\))?"
    r"(?:;(?:O(?P<oxygens>[2-9]?)|(?P<old>\d)))?"
)
_OLD_SEPARATOR = re.compile(r"(?<=\d)-(?=(?:[OP]-)?\d+:)")
_FLAT = re.compile(r"(?P<head>.*?[A-Za-z\]0-9'])[ ]?\((?P<body>[^()]*(?:\([^()]*\)[^()]*)*)\)")
_GLUED = re.compile(r"(?P<head>.*?[A-Za-z]) ?(?P<body>(?:[dte]?[OP]-|[mdt])?\d+:\d.*)")

_PACKAGE = "loaders.lipids"
_ETHERS = ("", "O-", "dO-", "tO-", "eO-")
_ETHER_COUNT = {"": 1, "d": 2, "t": 3, "e": 4}
_BASE_OXYGENS = {"m": 1, "d": 2, "t": 3}

#: Total carbons below which a species name of a sphingolipid can hardly count base and acyl chain.
NACYL_ONLY_BELOW = 26


@dataclass(frozen=True, slots=True)
class LipidClass:
    """A class of ``classes.yml``."""

    name: str
    category: str
    head: Mapping[str, int]
    chains: int
    sites: int
    kind: str
    lyso: str | None
    prefix: str
    display: str


@cache
def classes() -> tuple[Mapping[str, LipidClass], Mapping[str, LipidClass]]:
    """Returns the classes by exact spelling, and by spelling without case where that is unique."""
    exact: dict[str, LipidClass] = {}
    names: dict[str, set[str]] = {}
    for category, members in read_yaml(_PACKAGE, "classes.yml").items():
        for name, entry in members.items():
            found = LipidClass(
                name=name,
                category=category,
                head=formula.parse(entry["head"]),
                chains=entry["chains"],
                sites=entry["sites"],
                kind=entry["kind"],
                lyso=entry.get("lyso"),
                prefix=entry.get("prefix", " "),
                display=entry.get("display", name),
            )
            for spelling in (name, *entry.get("synonyms", ())):
                exact[spelling] = found
                names.setdefault(spelling.casefold(), set()).add(name)
    unique = {
        folded_name: exact[next(iter(owners))]
        for folded_name, owners in names.items()
        if len(owners) == 1
    }
    return exact, unique


def read(name: str) -> Reading | None:
    """Reads a name, or returns None when it is none of the forms that are known here.

    >>> reading = read("PC(16:0/18:1)")
    >>> reading.strings["SN_POSITION"], reading.strings["SPECIES"], reading.formula
    ('PC 16:0/18:1', 'PC 34:1', 'C42H82NO8P')
    >>> read("PC 16:0/18:1(9Z);8OH") is None
    True
    """
    parts = _split(name)
    if parts is None:
        return _sterol(name)
    lipid_class, body = parts
    if lipid_class.kind == "acyl":
        body = _OLD_SEPARATOR.sub("_", body)
    if "/" in body and "_" in body:
        return None
    if lipid_class.kind == "base" and body[:1] in "mdt":
        # A base that is marked as one is told from the acyl chain, whatever stands between them.
        body = body.replace("_", "/")
    separator = "/" if "/" in body else "_"
    chains: list[_Piece] = []
    for piece in body.split(separator):
        found = _chain(piece, lipid_class.kind in ("base", "lone_base"), not chains)
        if found is None:
            return None
        chains.append(found)
    if lipid_class.kind == "acyl":
        return _acyl(lipid_class, chains, is_placed=separator == "/")
    if lipid_class.kind == "base":
        return _base(lipid_class, chains, is_placed=separator == "/")
    if len(chains) != 1:
        return None
    return _lone(lipid_class, chains[0])


def find_class(text: str) -> LipidClass | None:
    """Returns the class that is spelled so, or so but for small letters.

    Capitals are not taken for small letters: ``PET`` is not ``PEt``.
    """
    exact, folded = classes()
    return exact.get(text) or (None if text.isupper() else folded.get(text.casefold()))


_STEROL = re.compile(
    r"ST (?P<carbons>[12]\d|30):(?P<double>\d)(?:;O(?P<oxygens>[1-9]?))(?:;(?P<conjugate>[GTS]))?"
)
#: What an amide of glycine or taurine and a sulfate add to a sterol.
_CONJUGATES = {
    "G": {"C": 2, "H": 3, "N": 1, "O": 1},
    "T": {"C": 2, "H": 5, "N": 1, "O": 2, "S": 1},
    "S": {"O": 3, "S": 1},
}


@lru_cache(maxsize=1024)
def _sterol(name: str) -> Reading | None:
    """Reads sums of sterols and bile acids; the four rings are not among the double bonds."""
    found = _STEROL.fullmatch(name)
    if not found or found["oxygens"] == "1":
        return None
    carbons, double_bonds = int(found["carbons"]), int(found["double"])
    oxygens = int(found["oxygens"] or 1)
    atoms = Counter({"C": carbons, "H": 2 * carbons - 6 - 2 * double_bonds, "O": oxygens})
    atoms.update(_CONJUGATES.get(found["conjugate"] or "", {}))
    return Reading(
        lipid_class="ST",
        category="ST",
        level="SPECIES",
        strings={"SPECIES": name},
        formula=formula.text(atoms),
        chains=(),
        carbons=carbons,
        double_bonds=double_bonds,
        oxygens=oxygens,
    )


def _split(name: str) -> tuple[LipidClass, str] | None:
    """Cuts a name into class and chains."""
    exact, _ = classes()
    head, gap, body = name.rpartition(" ")
    if gap and head in exact and not body.startswith("("):
        return exact[head], body
    if name.startswith("SE 27:1/"):
        return exact["SE 27:1"], name[len("SE 27:1/") :]
    for form in (_FLAT, _GLUED):
        found = form.fullmatch(name)
        if found:
            lipid_class = find_class(found["head"])
            return (lipid_class, found["body"]) if lipid_class else None
    return None


@dataclass(frozen=True, slots=True)
class _Piece:
    """One chain as it is written.

    Attributes:
        chain: What it is.
        ethers: 2 for ``dO-`` and so on.
        is_base_stated: True when it says how many hydroxyl groups it has.
        positions: Double bonds as ``(9, "Z")`` in order, or None where they are not written.
    """

    chain: Chain
    ethers: int
    is_base_stated: bool
    positions: tuple[tuple[int, str], ...] | None = None


@lru_cache(maxsize=4096)
def _chain(text: str, in_sphingolipid: bool, is_first: bool) -> _Piece | None:
    found = _CHAIN.fullmatch(text)
    if not found:
        return None
    carbons, double_bonds = int(found["carbons"]), int(found["double"])
    letters, count = found["base"], found["oxygens"]
    oxygens = 0 if count is None else int(count or 1)
    if found["old"] is not None:
        # The older shorthand writes the number of hydroxyl groups without the O.
        if not in_sphingolipid:
            return None
        oxygens = int(found["old"])
    stated = count is not None or found["old"] is not None
    if letters:
        if not (in_sphingolipid and is_first) or stated:
            return None
        oxygens, stated = _BASE_OXYGENS[letters], True
    if found["ether"] and in_sphingolipid:
        return None
    if (carbons < 2 and (carbons or double_bonds)) or double_bonds >= max(carbons, 1):
        return None
    if carbons == 0 and (found["ether"] or oxygens):
        return None
    positions = None
    if found["positions"]:
        if in_sphingolipid or oxygens:
            # There, positions of double bonds come with those of the hydroxyl groups.
            return None
        positions = _positions(found["positions"], carbons)
        if positions is None or len(positions) != double_bonds:
            return None
    bond = {"O": "alkyl", "P": "alkenyl"}.get(found["ether"] or "", "acyl")
    if in_sphingolipid and is_first:
        bond = "base"
    ethers = _ETHER_COUNT[found["count"] or ""] if found["ether"] else 0
    return _Piece(Chain(carbons, double_bonds, oxygens, bond), ethers, stated, positions)


def _positions(text: str, carbons: int) -> tuple[tuple[int, str], ...] | None:
    """Returns positions in order, or None when two double bonds could not be there."""
    found = sorted((int(part.rstrip("EZ")), part.lstrip("0123456789")) for part in text.split(","))
    places = [place for place, _ in found]
    if len(set(places)) != len(places) or places[-1] >= carbons or places[0] < 1:
        return None
    return tuple(found)


def _structures(head: str, pieces: list[_Piece], separator: str) -> dict[str, str]:
    """Returns the strings above sn-position: only when each double bond has a position."""
    if not any(piece.positions for piece in pieces):
        return {}
    if any(piece.chain.double_bonds and not piece.positions for piece in pieces):
        return {}
    if any(piece.chain.oxygens for piece in pieces):
        return {}
    levels = {"STRUCTURE_DEFINED": separator.join(_with_positions(p, "") for p in pieces)}
    if all(geometry for piece in pieces for _, geometry in piece.positions or ()):
        levels["FULL_STRUCTURE"] = separator.join(_with_positions(p, "EZ") for p in pieces)
    return {level: f"{head}{chains}" for level, chains in levels.items()}


def _with_positions(piece: _Piece, shown: str) -> str:
    if not piece.positions:
        return _written(piece.chain)
    places = ",".join(f"{place}{geometry if shown else ''}" for place, geometry in piece.positions)
    return f"{_written(piece.chain)}({places})"


def _highest(strings: Mapping[str, str]) -> str:
    return [level for level in LEVELS if level in strings][-1]


def _written(chain: Chain) -> str:
    """Returns a chain in shorthand."""
    ether = {"alkyl": "O-", "alkenyl": "P-"}.get(chain.bond, "")
    return f"{ether}{chain.carbons}:{chain.double_bonds}{_oxygen_suffix(chain.oxygens)}"


def _oxygen_suffix(oxygens: int) -> str:
    return "" if not oxygens else ";O" if oxygens == 1 else f";O{oxygens}"


def _acyl(lipid_class: LipidClass, pieces: list[_Piece], *, is_placed: bool) -> Reading | None:
    """Reads glycero- and glycerophospholipids."""
    if len(pieces) == 1 and lipid_class.chains > 1:
        return _sum_of_chains(lipid_class, pieces[0])
    chains = [piece.chain for piece in pieces]
    if any(piece.ethers > 1 for piece in pieces):
        return None
    there = [chain for chain in chains if chain.carbons]
    if is_placed:
        if len(chains) != lipid_class.sites:
            return None
        if len(there) == 1 and lipid_class.lyso and lipid_class.sites == 2:
            lipid_class = classes()[0][lipid_class.lyso]
    elif len(there) != len(chains):
        return None
    hidden = lipid_class.chains - len(there)
    if hidden and (is_placed or not there or hidden < 0 or lipid_class.name not in ("TG", "CL")):
        return None
    ethers = sum(chain.bond != "acyl" for chain in there)
    if hidden and ethers:
        return None
    carbons = sum(chain.carbons for chain in there)
    double_bonds = sum(chain.double_bonds + (chain.bond == "alkenyl") for chain in there)
    oxygens = sum(chain.oxygens for chain in there)
    sum_formula = _acyl_formula(lipid_class, carbons, double_bonds, oxygens, ethers)
    if sum_formula is None:
        return None
    name = lipid_class.name
    strings = {
        "SPECIES": f"{name} {_ETHERS[ethers]}{carbons}:{double_bonds}{_oxygen_suffix(oxygens)}",
        "MOLECULAR_SPECIES": f"{name} {'_'.join(_written(chain) for chain in there)}",
    }
    if is_placed:
        strings["SN_POSITION"] = f"{name} {'/'.join(_written(chain) for chain in chains)}"
        strings |= _structures(f"{name} ", pieces, "/")
    return Reading(
        lipid_class=name,
        category=lipid_class.category,
        level=_highest(strings),
        strings=strings,
        formula=sum_formula,
        chains=tuple(there),
        carbons=carbons,
        double_bonds=double_bonds,
        oxygens=oxygens,
    )


def _sum_of_chains(lipid_class: LipidClass, piece: _Piece) -> Reading | None:
    """Reads a species, of which only the sum of the chains is known."""
    if piece.positions:
        return None
    chain, ethers = piece.chain, piece.ethers
    if ethers > lipid_class.chains or not chain.carbons:
        return None
    if chain.bond == "alkenyl" and ethers > 1:
        return None
    # One of the double bonds of an alkenyl chain is not counted in "P-34:1" but in "O-34:2".
    double_bonds = chain.double_bonds + (chain.bond == "alkenyl")
    sum_formula = _acyl_formula(lipid_class, chain.carbons, double_bonds, chain.oxygens, ethers)
    if sum_formula is None or chain.carbons < 2 * lipid_class.chains:
        return None
    name = lipid_class.name
    suffix = _oxygen_suffix(chain.oxygens)
    species = f"{name} {_ETHERS[ethers]}{chain.carbons}:{double_bonds}{suffix}"
    return Reading(
        lipid_class=name,
        category=lipid_class.category,
        level="SPECIES",
        strings={"SPECIES": species},
        formula=sum_formula,
        chains=(),
        carbons=chain.carbons,
        double_bonds=double_bonds,
        oxygens=chain.oxygens,
        flags=("plasmenyl",) if chain.bond == "alkenyl" else (),
    )


def _acyl_formula(
    lipid_class: LipidClass, carbons: int, double_bonds: int, oxygens: int, ethers: int
) -> str | None:
    atoms = Counter(lipid_class.head)
    atoms["C"] += carbons
    atoms["H"] += 2 * carbons - 2 * double_bonds - lipid_class.chains + 2 * ethers
    atoms["H"] += lipid_class.sites - lipid_class.chains
    atoms["O"] += lipid_class.chains - ethers + oxygens
    return formula.text(atoms) if carbons > double_bonds and atoms["H"] > 0 else None


def _base(lipid_class: LipidClass, pieces: list[_Piece], *, is_placed: bool) -> Reading | None:
    """Reads sphingolipids with a base and an acyl chain."""
    first = pieces[0]
    flags: tuple[str, ...] = ()
    chains: tuple[Chain, ...] = ()
    base_oxygens = first.chain.oxygens
    if not first.is_base_stated:
        base_oxygens, flags = 2, ("base_assumed",)
    elif not base_oxygens:
        return None
    if len(pieces) == 1:
        total, oxygens = first.chain, base_oxygens
        if not first.is_base_stated and total.carbons < NACYL_ONLY_BELOW:
            flags = (*flags, "nacyl_only_suspect")
        elif not first.is_base_stated and not total.double_bonds:
            flags = (*flags, "base_unclear")
        carbons, double_bonds = total.carbons, total.double_bonds
        level = "SPECIES"
    elif len(pieces) == 2 and is_placed and pieces[1].chain.carbons:
        acyl = pieces[1].chain
        base = Chain(first.chain.carbons, first.chain.double_bonds, base_oxygens, "base")
        chains = (base, acyl)
        carbons = base.carbons + acyl.carbons
        double_bonds = base.double_bonds + acyl.double_bonds
        oxygens = base_oxygens + acyl.oxygens
        level = "SN_POSITION"
    else:
        return None
    atoms = Counter(lipid_class.head)
    atoms["C"] += carbons
    atoms["H"] += 2 * carbons - 2 * double_bonds
    atoms["N"] += 1
    atoms["O"] += 1 + oxygens
    if carbons <= 4 or carbons <= double_bonds:
        return None
    name = lipid_class.name
    strings = {"SPECIES": f"{name} {carbons}:{double_bonds}{_oxygen_suffix(oxygens)}"}
    if chains:
        # A base and an acyl chain are different things, so their order is known whenever they are.
        written = f"{name} {_written(chains[0])}/{_written(chains[1])}"
        strings |= {"MOLECULAR_SPECIES": written, "SN_POSITION": written}
    return Reading(
        lipid_class=name,
        category=lipid_class.category,
        level=level,
        strings=strings,
        formula=formula.text(atoms),
        chains=chains,
        carbons=carbons,
        double_bonds=double_bonds,
        oxygens=oxygens,
        flags=flags,
    )


def _lone(lipid_class: LipidClass, piece: _Piece) -> Reading | None:
    """Reads lipids of one chain that has no choice of place."""
    chain = piece.chain
    if piece.ethers or chain.carbons < 2:
        return None
    flags: tuple[str, ...] = ()
    atoms = Counter(lipid_class.head)
    atoms["C"] += chain.carbons
    if lipid_class.kind == "lone_base":
        if not piece.is_base_stated:
            chain, flags = replace(chain, oxygens=2), ("base_assumed",)
        if not chain.oxygens:
            return None
        atoms["H"] += 2 * (chain.carbons - chain.double_bonds) + 1
        atoms["N"] += 1
        atoms["O"] += chain.oxygens
    else:
        atoms["H"] += 2 * chain.carbons - 1 - 2 * chain.double_bonds
        atoms["O"] += 1 + chain.oxygens
    written = f"{lipid_class.name}{lipid_class.prefix}{_written(chain)}"
    strings = {"SPECIES": written, "MOLECULAR_SPECIES": written}
    structures = _structures(f"{lipid_class.name}{lipid_class.prefix}", [piece], "")
    if structures:
        strings |= {"SN_POSITION": written, **structures}
    return Reading(
        lipid_class=lipid_class.name,
        category=lipid_class.category,
        level=_highest(strings),
        strings=strings,
        formula=formula.text(atoms),
        chains=(chain,),
        carbons=chain.carbons,
        double_bonds=chain.double_bonds,
        oxygens=chain.oxygens,
        flags=flags,
    )
