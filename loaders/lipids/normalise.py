"""``normalise``: one reported name to one lipid, or the reason why not. A pure function.

The order follows what is safest: a name that already is shorthand is taken as it is; then whole
names that are known; then rules that rewrite what tools write; then pygoslin. Whatever is found
must read back as itself with the same sum formula, else it is not used. Nothing is guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from loaders.lipids import formula, goslin, shorthand
from loaders.lipids.model import (
    AMBIGUOUS,
    LEVELS,
    MAPPED,
    REJECTED,
    UNPARSED,
    LipidName,
    lower_level,
)
from loaders.lipids.reading import Chain, Reading
from loaders.lipids.rules import (
    Alias,
    Molecule,
    alias_of,
    own_rule_applies,
    rewrite,
    take_off_adduct,
    take_off_label,
)

#: Reads a name with one of pygoslin's grammars, or does not.
Parse = Callable[[str, str], Reading | None]

#: Longer names are no lipid names, and a grammar's time grows with the cube of the length.
MAX_LENGTH = 160

_CHAIN = re.compile(r"\d+[:.]\d+")
_STRUCTURE = re.compile(r"\(\d+[,)EZ]|\(\d+'|\d\(\d|;\d*[A-Z][a-z]|;\d+[A-Z]|;\(|;OH|\[|\(\d*OH")
# A class, a space, chains; inside, "FA 16:0" may stand in brackets.
_LIKE_SHORTHAND = re.compile(r"(?:\S|(?<=FA) )+ (?:[dte]?[OP]-)?\d+:\d(?:\S|(?<=FA) )*")
_SYSTEMATIC = re.compile(r"(?:acid|oate|anal|enal|anol|enol|amide|dioate|lactone|one|ene|ane|yl)\b")
_TRUNCATED = re.compile(r"\d:\d+[(<](?:COOH|CHO)\b")
_PLACED_NAME = re.compile(r"\d+(?:,\d+)*(?:\([RSEZ]\)|[RS])?-(?!.*\d:\d)")
_GANGLIOSIDE = re.compile(r"(?P<name>G[ADMPQT]\d[a-c]?)(?=[ (])")
_DISPLAY_CLASS = {"Hex2NeuAcCer": "GM3", "HexNeuAcCer": "GM4"}
_SUM_STEROL = re.compile(r"ST \d+:\d+")

#: Dialects that a vote over the names of a dataset can find, see conventions.py: sphingolipids are
#: named by the sum of base and acyl chain, or by the acyl chain alone.
SUMS, NACYL_ONLY = "sums", "nacyl_only"

REASONS = {
    "empty": "there is no name",
    "too_long": f"more than {MAX_LENGTH} characters: not the name of one lipid",
    "no_grammar": "no alias, rule or grammar knows this name",
    "impossible_chain": "it would have a chain of fewer than 2 carbons, an impossible number of "
    "double bonds, or an ether where none can be",
    "not_reproducible": "what pygoslin makes of it cannot be read back as the same lipid",
    "formula_unstable": "its sum formula changes when its own shorthand is read again",
    "nacyl_only": "a sphingolipid this small: either the sum without its base, or an acyl chain "
    "beside a base that is not written; a declared convention of the dataset decides",
    "base_unclear": "the usual base has a double bond and the sum has none: either another base, "
    "or an acyl chain beside a base that is not written; the other names of the dataset decide",
    "dialect_decides": "the same name means different lipids in different dialects",
    "truncated_chain": "some tools count the carbon of a terminal acid or aldehyde group in the "
    "chain, and others do not",
    "alternatives_differ": "it offers several lipids of different sums",
}


def normalise(name: str, dialect: str = "", *, parse: Parse = goslin.read) -> LipidName:
    """Reads one name.

    Args:
        name: The name as reported.
        dialect: Naming dialect of its dataset: ``biocrates``, ``lipidyzer``, ``sums``,
            ``nacyl_only``, ``nacyl_d18:1``, or '' for none that matters.
        parse: Reads a name with one of pygoslin's grammars.

    Returns:
        What was found; ``status`` and ``reason`` say how far it can be trusted.

    >>> normalise("PC(16:0/18:1)+H").normalized
    'PC 16:0/18:1'
    >>> normalise("CE 18:1(d7)").display_name
    'CE 18:1'
    >>> normalise("Cer 16:0").status
    'ambiguous'
    """
    text = _clean(name)
    if not text:
        return _refused(name, dialect, REJECTED, "empty")
    if len(text) > MAX_LENGTH:
        return _refused(name, dialect, REJECTED, "too_long")
    reading = shorthand.read(text)
    if reading is not None and reading.strings[reading.level] == text and not reading.flags:
        return _mapped(name, dialect, "parser", reading, display=_display(text, reading))
    if "|" in text:
        return _alternatives(name, dialect, text, parse)
    alias = alias_of(text)
    if alias is not None:
        # Before anything is taken off: the end of "Prostaglandin D2" is no label.
        return _of_alias(name, dialect, alias, parse)
    core, adduct = take_off_adduct(text)
    core, isotope = take_off_label(core)
    found = _without_marks(name, dialect, core, parse)
    if adduct is None and isotope is None:
        return found
    return replace(
        found,
        adduct=adduct or found.adduct,
        isotope=isotope or found.isotope,
        is_internal_standard_candidate=isotope is not None or found.is_internal_standard_candidate,
    )


class ParserNeeded(Exception):
    """Only pygoslin can tell; raised where it was not to be started."""


def normalise_without_parser(name: str, dialect: str = "") -> LipidName | None:
    """Reads one name as ``normalise`` does, or returns None when that takes pygoslin."""
    try:
        return normalise(name, dialect, parse=_no_parser)
    except ParserNeeded:
        return None


def _no_parser(name: str, grammar: str) -> Reading | None:
    raise ParserNeeded


def _clean(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).replace("\u2019", "'").replace("\u2032", "'")
    text = text.replace("\u2013", "-").replace("\u2212", "-")
    # Two spaces stay two: they are a sign that a class or a chain is missing in between.
    return re.sub(r"\s", " ", text).strip(" \"'")


def _without_marks(name: str, dialect: str, core: str, parse: Parse) -> LipidName:
    """Reads a name that carries no adduct and no label."""
    alias = alias_of(core)
    if alias is not None:
        return _of_alias(name, dialect, alias, parse)
    if _LIKE_SHORTHAND.fullmatch(core) and shorthand.read(core) is None:
        # Shorthand that our own reader does not know: nothing may change what is right already.
        reading = _read_shorthand(core, parse)
        if reading is not None:
            capped = _cap(reading, core)
            if reading.strings[capped] == core:
                return _checked(name, dialect, "parser", reading, core, parse)
    text, flags = rewrite(core, dialect)
    method = "parser" if text == core else "dialect"
    marks, late_isotope = take_off_label(text)
    if marks != text:
        text = marks
    found = _of_text(name, dialect, method, text, parse)
    if late_isotope:
        found = replace(found, isotope=late_isotope, is_internal_standard_candidate=True)
    if "internal_standard" in flags:
        found = replace(found, is_internal_standard_candidate=True)
    if flags and found.status == MAPPED:
        found = replace(found, flags=tuple(sorted({*found.flags, *flags})))
    return found


def _of_text(name: str, dialect: str, method: str, text: str, parse: Parse) -> LipidName:
    """Reads rewritten text."""
    alias = alias_of(text)
    if alias is not None:
        return _of_alias(name, dialect, alias, parse)
    if re.fullmatch(r"C\d+:\d+", text):
        chain = text[1:]
        return replace(
            _refused(name, dialect, AMBIGUOUS, "dialect_decides"),
            candidates=(f"CAR {chain}", f"FA {chain}"),
        )
    if _TRUNCATED.search(text):
        return _refused(name, dialect, AMBIGUOUS, "truncated_chain")
    reading = shorthand.read(text)
    if reading is not None:
        doubt = _doubt(reading, dialect)
        if doubt:
            return _doubtful_base(name, dialect, reading, doubt)
        return _mapped(name, dialect, method, reading, display=_display(text, reading))
    impossible = False
    for spelling in _spellings(text):
        for grammar in _grammars(spelling):
            reading = parse(spelling, grammar)
            if reading is None:
                continue
            if _is_impossible(reading):
                impossible = True
                continue
            return _checked(name, dialect, method, reading, spelling, parse)
    reason = "impossible_chain" if impossible else "no_grammar"
    return _refused(name, dialect, REJECTED if impossible else UNPARSED, reason)


def _spellings(text: str) -> tuple[str, ...]:
    """Returns the text, and with a capital letter where it has none: pygoslin knows only these."""
    capital = text[:1].upper() + text[1:]
    return (text,) if capital == text else (text, capital)


def _grammars(text: str) -> tuple[str, ...]:
    if _CHAIN.search(text):
        order = goslin.WITH_BRACKETS if "(" in text else goslin.WITHOUT_BRACKETS
        return tuple(grammar for grammar in order if grammar != "FattyAcid")
    if _SYSTEMATIC.search(text):
        return ("Goslin", "FattyAcid")
    return ("Goslin",)


def _is_impossible(reading: Reading) -> bool:
    if reading.double_bonds < 0:
        return True
    if any(chain.carbons < 2 or chain.double_bonds < 0 for chain in reading.chains):
        return True
    if reading.lipid_class == "FA" and any(chain.bond != "acyl" for chain in reading.chains):
        return True
    # A formula that a class without chains brings along has no chain to check.
    return 0 < reading.carbons < 2 or (
        reading.carbons == 0
        and bool(_CHAIN.search(reading.strings[reading.level]))
        and not _SUM_STEROL.match(reading.strings[reading.level])
    )


@lru_cache(maxsize=8192)
def _read_shorthand(text: str, parse: Parse) -> Reading | None:
    """Reads shorthand: by our own reader, else by pygoslin's grammar of it."""
    return shorthand.read(text) or parse(text, "Shorthand")


def _cap(reading: Reading, text: str) -> str:
    """Returns the highest level that the text itself supports.

    pygoslin's level depends on the grammar that took the name and knows a structure wherever
    nothing is left open, as in saturated chains. A slash says places, a bracket positions.
    """
    level = reading.level
    if not _CHAIN.search(text):
        return level
    if reading.category == "ST" and _SUM_STEROL.match(text):
        return "SPECIES"
    if not _STRUCTURE.search(text):
        level = lower_level(level, "SN_POSITION")
    if "/" not in text:
        has_places = reading.category in ("GP", "GL") or len(reading.chains) > 1
        if has_places or not _STRUCTURE.search(text):
            level = lower_level(level, "MOLECULAR_SPECIES")
    return level


def _checked(
    name: str, dialect: str, method: str, reading: Reading, text: str, parse: Parse
) -> LipidName:
    """Maps what pygoslin read, once its own strings read back as themselves."""
    level = _cap(reading, text)
    display = _display(text, reading)
    reason = "not_reproducible"
    # A structure that pygoslin writes but cannot read still leaves the levels below it.
    for lower in reversed(LEVELS[: LEVELS.index(level) + 1]):
        stable, reason = _fixed_point(reading, lower, parse)
        if stable is not None:
            if lower != level:
                stable = replace(stable, flags=(*stable.flags, "level_lowered"))
            doubt = _doubt(replace(stable, flags=_suspect(reading, text)), dialect)
            if doubt:
                return _doubtful_base(name, dialect, stable, doubt)
            if _has_lost_its_place(text, stable):
                # 5-HEPE and 18-HEPE are both FA 20:5;O: the name stays the name.
                species = stable.strings["SPECIES"]
                molecule = Molecule(
                    text, text, stable.formula, stable.lipid_class, stable.category, species
                )
                return replace(_of_molecule(name, dialect, molecule), method=method)
            return _mapped(name, dialect, method, stable, display=display)
        if reason == "formula_unstable":
            break
    candidates = (reading.strings[level],) if reason == "formula_unstable" else ()
    status = AMBIGUOUS if candidates else UNPARSED
    return replace(_refused(name, dialect, status, reason), candidates=candidates)


def _has_lost_its_place(text: str, reading: Reading) -> bool:
    """Whether a name begins with the place of an oxygen that its shorthand does not tell."""
    return (
        reading.lipid_class == "FA"
        and reading.oxygens > 0
        and reading.level != "FULL_STRUCTURE"
        and _PLACED_NAME.match(text) is not None
    )


def _suspect(reading: Reading, text: str) -> tuple[str, ...]:
    """Returns for pygoslin's readings what our own reader says by itself."""
    if reading.category != "SP" or reading.level != "SPECIES" or not reading.carbons:
        return ()
    if re.search(r"[;(]\d*O|;\d|[mdt]\d", text):
        return ()
    if reading.carbons < shorthand.NACYL_ONLY_BELOW:
        return ("base_assumed", "nacyl_only_suspect")
    return ("base_assumed", *(() if reading.double_bonds else ("base_unclear",)))


def _doubt(reading: Reading, dialect: str) -> str | None:
    """Returns why a sphingolipid without a written base is not settled, or None."""
    if reading.level != "SPECIES" or "base_assumed" not in reading.flags:
        return None
    if "nacyl_only_suspect" in reading.flags or dialect == NACYL_ONLY:
        return "nacyl_only"
    if "base_unclear" in reading.flags and dialect != SUMS:
        return "base_unclear"
    return None


def _fixed_point(reading: Reading, level: str, parse: Parse) -> tuple[Reading | None, str]:
    """Follows a string through its own grammar until it does not change.

    Returns:
        A reading at exactly this level whose strings are canonical, or None and the reason.
    """
    current, text = reading, reading.strings[level]
    for _ in range(3):
        again = _read_shorthand(text, parse)
        if again is None:
            return None, "not_reproducible"
        if again.formula != reading.formula:
            return None, "formula_unstable"
        capped = lower_level(_cap(again, text), level)
        if again.strings[capped] == text:
            current = again
            level = capped
            break
        text = again.strings[capped]
        level = capped
    else:
        return None, "not_reproducible"
    own = shorthand.read(text)
    if own is not None and own.strings[own.level] == text:
        # The same string must be the same reading, whichever way it was come by.
        return replace(own, flags=reading.flags), ""
    strings = {}
    for each in LEVELS[: LEVELS.index(level) + 1]:
        canonical = _canonical(current.strings[each], each, parse)
        if canonical is None or canonical[1] != reading.formula:
            return None, "not_reproducible" if canonical is None else "formula_unstable"
        strings[each] = canonical[0]
    return replace(current, level=level, strings=strings), ""


@lru_cache(maxsize=8192)
def _canonical(text: str, level: str, parse: Parse) -> tuple[str, str] | None:
    """Returns the stable spelling of a string of a level, and its formula."""
    for _ in range(3):
        reading = _read_shorthand(text, parse)
        if reading is None:
            return None
        if text in reading.strings.values():
            return text, reading.formula
        text = reading.strings.get(level, reading.strings[reading.level])
    return None


def _alternatives(name: str, dialect: str, text: str, parse: Parse) -> LipidName:
    """Reads ``A|B``: MS-DIAL writes the species before the bar and what it resolved behind it.

    Numbers between bars are the masses of a transition, as Skyline has them.
    """
    parts = [part for part in text.split("|") if part.strip(" 0123456789.")]
    readings = [normalise(part, dialect, parse=parse) for part in parts]
    mapped = [found for found in readings if found.status == MAPPED]
    if not mapped:
        return (
            replace(readings[-1], name=name)
            if readings
            else _refused(name, dialect, REJECTED, "empty")
        )
    if len({found.species for found in mapped}) > 1:
        return replace(
            _refused(name, dialect, AMBIGUOUS, "alternatives_differ"),
            candidates=tuple(str(found.normalized) for found in mapped),
        )
    best = max(mapped, key=lambda found: LEVELS.index(str(found.level)))
    return replace(best, name=name, method="dialect")


def _doubtful_base(name: str, dialect: str, reading: Reading, reason: str) -> LipidName:
    resolved = f"{reading.lipid_class} 18:1;O2/{reading.carbons}:{reading.double_bonds}"
    return replace(
        _refused(name, dialect, AMBIGUOUS, reason),
        candidates=(resolved, reading.strings["SPECIES"]),
        flags=("nacyl_only_suspect",) if reason == "nacyl_only" else (reason,),
    )


def depends_on_dialect(name: str, dialect: str) -> bool:
    """Tells whether a dialect can change what a name is read as.

    >>> depends_on_dialect("C18:1", "biocrates"), depends_on_dialect("PC 34:1", "biocrates")
    (True, False)
    """
    if dialect in (SUMS, NACYL_ONLY):
        reading = shorthand.read(_clean(name))
        return reading is not None and bool(_doubt(reading, NACYL_ONLY))
    return own_rule_applies(take_off_label(take_off_adduct(_clean(name))[0])[0], dialect)


def _refused(name: str, dialect: str, status: str, reason: str) -> LipidName:
    return LipidName(name, dialect, status, reason=f"{reason}: {REASONS[reason]}")


def _of_alias(name: str, dialect: str, alias: Alias, parse: Parse) -> LipidName:
    if alias.molecule is not None:
        return _of_molecule(name, dialect, alias.molecule)
    text = str(alias.shorthand)
    reading = _read_shorthand(text, parse)
    if reading is None:
        raise ValueError(f"aliases.yml: {text!r} is no shorthand")
    found = _checked(name, dialect, "alias", reading, text, parse)
    flags = (*found.flags, "shared_abbreviation") if alias.is_shared else found.flags
    return replace(found, display_name=alias.display, flags=flags)


def _of_molecule(name: str, dialect: str, molecule: Molecule) -> LipidName:
    species = shorthand.read(molecule.species) if molecule.species else None
    return LipidName(
        name,
        dialect,
        MAPPED,
        method="alias",
        normalized=molecule.name,
        level="FULL_STRUCTURE",
        species=molecule.species or molecule.name,
        molecular_species=molecule.species or molecule.name,
        full_structure=molecule.name,
        identity_name=molecule.name,
        display_name=molecule.display,
        lipid_class=molecule.lipid_class,
        lipid_category=molecule.category,
        formula=molecule.formula,
        exact_mass=_mass(molecule.formula),
        n_carbons=species.carbons if species else None,
        n_double_bonds=species.double_bonds if species else None,
        n_oxygens=species.oxygens if species else None,
    )


@lru_cache(maxsize=8192)
def _mass(text: str) -> float:
    return round(formula.mass(formula.parse(text)), 6)


def _mapped(
    name: str, dialect: str, method: str, reading: Reading, *, display: str | None
) -> LipidName:
    strings, level = reading.strings, reading.level
    normalized = strings[level]
    return LipidName(
        name,
        dialect,
        MAPPED,
        None,
        method,
        normalized,
        level,
        strings["SPECIES"],
        strings.get("MOLECULAR_SPECIES"),
        strings.get("SN_POSITION"),
        strings.get("STRUCTURE_DEFINED"),
        strings.get("FULL_STRUCTURE"),
        _identity(reading),
        display or normalized,
        reading.lipid_class,
        reading.category,
        reading.formula,
        _mass(reading.formula),
        reading.carbons,
        reading.double_bonds,
        reading.oxygens,
        tuple(_chain_fields(chain) for chain in reading.chains),
        flags=reading.flags,
    )


def _chain_fields(chain: Chain) -> dict[str, int | str]:
    return {
        "carbons": chain.carbons,
        "double_bonds": chain.double_bonds,
        "oxygens": chain.oxygens,
        "bond": chain.bond,
    }


def _identity(reading: Reading) -> str:
    """Returns what the molecule is told apart by."""
    strings = reading.strings
    if reading.lipid_class == "FA" and reading.oxygens and reading.level == "FULL_STRUCTURE":
        # 5-HETE and 12-HETE are different molecules, and separated as such.
        return strings["FULL_STRUCTURE"]
    molecular = strings.get("MOLECULAR_SPECIES")
    if molecular is None:
        return strings["SPECIES"]
    if "_" not in molecular:
        return molecular
    head, _, chains = molecular.rpartition(" ")
    return f"{head} {'_'.join(sorted(chains.split('_'), key=_chain_order))}"


@lru_cache(maxsize=4096)
def _chain_order(chain: str) -> tuple[bool, tuple[int, ...], str]:
    """Ethers first, then by carbons, double bonds and oxygens."""
    return not chain[:1].isalpha(), tuple(map(int, re.findall(r"\d+", chain))), chain


def _display(text: str, reading: Reading) -> str | None:
    """Returns the name with the class as people call it, or None where that is the shorthand."""
    normalized = reading.strings[reading.level]
    if normalized.startswith("SE 27:1/"):
        return f"CE {normalized[len('SE 27:1/') :]}"
    if reading.category != "SP":
        return None
    head, _, rest = normalized.partition(" ")
    found = _GANGLIOSIDE.match(text)
    shown = found["name"] if found else _DISPLAY_CLASS.get(head)
    return f"{shown} {rest}" if shown else None
