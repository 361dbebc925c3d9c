"""pygoslin behind one function: a name and a grammar to a ``Reading``.

pygoslin keeps state in its parsers, so a process has one set of them, and they are used by one
thread. Starting it: see ``_import_pygoslin``.
"""

from __future__ import annotations

import math
import sys
import types
from functools import cache
from importlib import metadata
from typing import Any

from loaders.lipids.model import LEVELS
from loaders.lipids.reading import Chain, Reading

#: Order in which grammars are tried. HMDB drops an oxygen of sum names such as ``Cer(d37:2)`` and
#: FattyAcids takes systematic names of anything for a fatty acid, so these two come last.
WITH_BRACKETS = ("LipidMaps", "SwissLipids", "Shorthand", "Goslin", "FattyAcid", "Hmdb")
WITHOUT_BRACKETS = ("Shorthand", "Goslin", "LipidMaps", "SwissLipids", "FattyAcid", "Hmdb")


#: Classes whose formula pygoslin gets wrong: it takes the two acids of a FAHFA for one.
WRONG_CLASSES = frozenset({"FAHFA"})


@cache
def version() -> str:
    """Returns the version of pygoslin, without importing it."""
    return metadata.version("pygoslin")


def read(name: str, grammar: str) -> Reading | None:
    """Reads a name with one grammar.

    Args:
        name: The name.
        grammar: Shorthand, Goslin, LipidMaps, SwissLipids, FattyAcid or Hmdb.

    Returns:
        The reading, or None when the grammar does not take the name, when it takes it for a lipid
        that cannot be (pygoslin raises several kinds of errors for these), or when it finds an
        adduct or a label in it. Those are taken off before, where they are written as such; what
        only pygoslin finds is in names that are no lipids, as in gene HDHD5 a fivefold deuterated
        fatty acid.
    """
    lipid = _parse(name, grammar)
    if lipid is None or lipid.adduct is not None:
        return None
    try:
        reading = _reading(lipid)
    except _pygoslin_errors():
        return None
    return None if reading.lipid_class in WRONG_CLASSES else reading


def level_strings(name: str, grammar: str) -> dict[str, str]:
    """Returns what pygoslin itself gives for a name, level by level, and its formula.

    Keys are LEVELS as far as they are known, ``AS_GIVEN`` and ``FORMULA``.
    """
    lipid = _parse(name, grammar)
    if lipid is None:
        return {}
    levels = _import_pygoslin().LipidLevel
    known = {"AS_GIVEN": lipid.get_lipid_string(), "FORMULA": lipid.get_sum_formula()}
    for level in LEVELS:
        if levels[level].value <= lipid.lipid.info.level.value:
            known[level] = lipid.get_lipid_string(levels[level])
    return known


def _parse(name: str, grammar: str) -> Any:
    try:
        return _parser(grammar).parse(name, raise_error=False)
    except _pygoslin_errors():
        return None


@cache
def _pygoslin_errors() -> tuple[type[Exception], ...]:
    module = _import_pygoslin()
    # Beside its own errors, its event handlers let these through for names they half understand.
    return (module.LipidException, KeyError, IndexError, ValueError, TypeError, AttributeError)


@cache
def _parser(grammar: str) -> Any:
    return getattr(_import_pygoslin(), f"{grammar}Parser")()


@cache
def _import_pygoslin() -> Any:
    """Imports what is needed of pygoslin, without scipy where that is possible.

    pygoslin takes one function of scipy, the binomial probability, for average masses, which are
    not used here; importing scipy.stats for it takes three seconds and 80 MB in every process. So
    while pygoslin is imported, the same function stands in its place; nothing of pygoslin is
    changed, and scipy stays as it is for everybody else. Should pygoslin ever ask for more, it
    gets scipy.
    """
    before = sys.modules.get("scipy.stats")
    if before is None:
        sys.modules["scipy.stats"] = _binomial_only()
        try:
            return _modules()
        except ImportError:
            for name in [name for name in sys.modules if name.split(".")[0] == "pygoslin"]:
                del sys.modules[name]
        finally:
            del sys.modules["scipy.stats"]
    return _modules()


def _modules() -> Any:
    from pygoslin.domain.Element import Element
    from pygoslin.domain.LipidExceptions import LipidException
    from pygoslin.domain.LipidFaBondType import LipidFaBondType
    from pygoslin.domain.LipidLevel import LipidLevel
    from pygoslin.parser import Parser

    found = types.SimpleNamespace(
        Element=Element,
        LipidException=LipidException,
        LipidFaBondType=LipidFaBondType,
        LipidLevel=LipidLevel,
    )
    for grammar in WITH_BRACKETS:
        setattr(found, f"{grammar}Parser", getattr(Parser, f"{grammar}Parser"))
    return found


def _binomial_only() -> types.ModuleType:
    class Binomial:
        @staticmethod
        def pmf(successes: int, trials: int, probability: float) -> float:
            chance = math.comb(trials, successes)
            return chance * probability**successes * (1 - probability) ** (trials - successes)

    module = types.ModuleType("scipy.stats")
    module.binom = Binomial  # type: ignore[attr-defined]
    return module


def _reading(lipid: Any) -> Reading:
    module = _import_pygoslin()
    levels, element = module.LipidLevel, module.Element
    species = lipid.lipid
    known = min(species.info.level.value, levels.FULL_STRUCTURE.value)
    strings = {
        level: lipid.get_lipid_string(levels[level])
        for level in LEVELS
        if levels[level].value <= known
    }
    category = species.headgroup.lipid_category.name
    info = species.info
    chains = tuple(_chain(chain) for chain in species.fa_list if chain.num_carbon > 0)
    extra = info.get_functional_group_elements()
    return Reading(
        lipid_class=lipid.get_lipid_string(levels.CLASS),
        category=category,
        level=[level for level in LEVELS if level in strings][-1],
        strings=strings,
        formula=_formula(lipid.get_elements()),
        chains=chains,
        carbons=int(info.num_carbon),
        double_bonds=int(info.get_double_bonds()),
        oxygens=int(extra.get(element.O, 0)),
    )


def _formula(elements: Any) -> str:
    from loaders.lipids import formula

    return formula.text({element.name: count for element, count in elements.items()})


def _chain(chain: Any) -> Chain:
    module = _import_pygoslin()
    bonds, element = module.LipidFaBondType, module.Element
    bond = {
        bonds.ETHER_PLASMANYL: "alkyl",
        bonds.ETHER: "alkyl",
        bonds.ETHER_UNSPECIFIED: "alkyl",
        bonds.ETHER_PLASMENYL: "alkenyl",
        bonds.LCB_REGULAR: "base",
        bonds.LCB_EXCEPTION: "base",
    }.get(chain.lipid_FA_bond_type, "acyl")
    extra = chain.get_functional_group_elements()
    return Chain(
        carbons=int(chain.get_elements()[element.C]),
        double_bonds=int(chain.get_double_bonds()) - (bond == "alkenyl"),
        oxygens=int(extra.get(element.O, 0)),
        bond=bond,
    )
