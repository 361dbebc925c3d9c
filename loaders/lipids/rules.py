"""Applies the data files: aliases, rewriting rules, and what is taken off a name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from loaders.datafiles import read_yaml
from loaders.lipids import formula

#: Raise when code changes what a name is read as; a change of a data file shows by itself.
CODE_VERSION = "1"

_PACKAGE = "loaders.lipids"
_DATA = ("aliases.yml", "classes.yml", "rules.yml")


@cache
def version() -> str:
    """Returns the version of the rules: of the code, and of the data files by their content."""
    digest = hashlib.sha256()
    for name in _DATA:
        digest.update(files(_PACKAGE).joinpath(name).read_bytes())
    return f"{CODE_VERSION}-{digest.hexdigest()[:10]}"


@dataclass(frozen=True)
class Molecule:
    """A molecule that is known by its name."""

    name: str
    display: str
    formula: str
    lipid_class: str
    category: str
    species: str | None


@dataclass(frozen=True)
class Alias:
    """What a name as a whole stands for: shorthand or a molecule."""

    shorthand: str | None = None
    display: str | None = None
    molecule: Molecule | None = None
    is_shared: bool = False


@cache
def aliases() -> Mapping[str, Alias]:
    """Returns every known whole name, without regard to case."""
    content = read_yaml(_PACKAGE, "aliases.yml")
    found: dict[str, Alias] = {}
    for key, is_shared in (("shorthand", False), ("shared_abbreviations", True)):
        for shorthand, names in content[key].items():
            for name in names:
                _add(found, name, Alias(shorthand, names[0], is_shared=is_shared))
    for name, entry in content["molecules"].items():
        molecule = Molecule(
            name=name,
            display=entry["names"][0] if entry["names"] and len(name) < 5 else name,
            formula=entry["formula"],
            lipid_class=entry["class"],
            category=entry["category"],
            species=entry.get("species"),
        )
        for spelling in (name, *entry["names"]):
            _add(found, spelling, Alias(molecule=molecule))
    return found


def _add(found: dict[str, Alias], name: str, alias: Alias) -> None:
    key = name.casefold()
    if found.get(key, alias) != alias:
        raise ValueError(f"aliases.yml: {name!r} stands for two lipids")
    found[key] = alias


def alias_of(name: str) -> Alias | None:
    """Returns what a whole name stands for.

    >>> alias_of("cholesterol").shorthand
    'ST 27:1;O'
    """
    return aliases().get(name.casefold())


@dataclass(frozen=True)
class Rule:
    """One line of ``rules.yml``."""

    pattern: re.Pattern[str]
    to: str
    every: bool
    balance: bool
    add_base: str | None
    subtract: bool
    as_estolide: bool
    flag: str | None


@cache
def rules(dialect: str) -> tuple[Rule, ...]:
    """Returns the rules of a dialect and after them the general ones, in order."""
    content = read_yaml(_PACKAGE, "rules.yml")
    return (*_own_rules(dialect), *map(_rule, content["general"]))


@cache
def _own_rules(dialect: str) -> tuple[Rule, ...]:
    content = read_yaml(_PACKAGE, "rules.yml")
    return tuple(map(_rule, content["dialects"].get(dialect, ())))


def own_rule_applies(name: str, dialect: str) -> bool:
    """Tells whether one of the rules that a dialect has for itself matches a name."""
    return any(rule.pattern.search(name) for rule in _own_rules(dialect))


def _rule(entry: Mapping[str, Any]) -> Rule:
    return Rule(
        pattern=re.compile(entry["from"]),
        to=entry["to"],
        every=entry.get("every", False),
        balance=entry.get("balance", False),
        add_base=entry.get("add_base"),
        subtract="subtract" in entry,
        as_estolide="as_estolide" in entry,
        flag=entry.get("flag"),
    )


def rewrite(name: str, dialect: str) -> tuple[str, tuple[str, ...]]:
    """Returns a name after all rules, and the flags of those that changed it.

    >>> rewrite("PC aa C34:1", "")
    ('PC 34:1', ())
    >>> rewrite("TAG52:3-FA18:1", "")
    ('TG 34:2_18:1', ())
    """
    flags: list[str] = []
    text = name
    for rule in rules(dialect):
        found = rule.pattern.search(text)
        if not found:
            continue
        if rule.add_base:
            changed = _with_base(rule, found)
        elif rule.subtract:
            changed = _without_chain(rule, found) or text
        elif rule.as_estolide:
            changed = _estolide(rule, found)
        else:
            changed = rule.pattern.sub(rule.to, text, count=0 if rule.every else 1)
        if rule.balance and changed.count("(") > changed.count(")"):
            changed += ")" * (changed.count("(") - changed.count(")"))
        if changed != text:
            text = changed
            if rule.flag and rule.flag not in flags:
                flags.append(rule.flag)
    return text, tuple(flags)


def _with_base(rule: Rule, found: re.Match[str]) -> str:
    base, oxygens = str(rule.add_base).split(";")
    carbons, double_bonds = base.split(":")
    total = int(found["c"]) + int(carbons), int(found["d"]) + int(double_bonds)
    return f"{rule.to} {total[0]}:{total[1]};{oxygens}"


def _without_chain(rule: Rule, found: re.Match[str]) -> str | None:
    carbons = int(found["c"]) - int(found["fc"])
    double_bonds = int(found["d"]) - int(found["fd"])
    if carbons < 4 or double_bonds < 0:
        return None
    return f"{rule.to} {carbons}:{double_bonds}_{found['fc']}:{found['fd']}"


def _estolide(rule: Rule, found: re.Match[str]) -> str:
    # The ester between the two acids has the carbonyl that the sum of the chains does not count.
    carbons = int(found["c"]) + int(found["c2"] or 0)
    double_bonds = int(found["d"]) + int(found["d2"] or 0) + 1
    return f"{rule.to} {carbons}:{double_bonds};O2"


_ADDUCT_IN_BRACKETS = re.compile(r"[ _]*\[M ?(?P<inner>[^\[\]]*)\] ?(?P<charge>\d?[+-]?|[+-]\d)$")
_ADDUCT_TAIL = re.compile(
    r"(?<=[\d)\]])[ _]*(?P<inner>[+-](?:H-H2O|NH4|2H|H|Na|K|Li|Cl|HCOO|CH3COO|CH3))[+-]?$"
)
_ADDUCT_SPELLINGS = {
    "-H2O+H": "+H-H2O",
    "+H-H20": "+H-H2O",
    "+FA-H": "+HCOO",
    "+FA": "+HCOO",
    "+HCO2": "+HCOO",
    "+CHO2": "+HCOO",
    "+Hac-H": "+CH3COO",
    "+OAc": "+CH3COO",
    "+CH3COO": "+CH3COO",
    "+C2H3O2": "+CH3COO",
    "+HAc-H": "+CH3COO",
}


def take_off_adduct(name: str) -> tuple[str, str | None]:
    """Returns a name without its adduct, and the adduct.

    >>> take_off_adduct("PC(16:0_18:1)+H")
    ('PC(16:0_18:1)', '[M+H]1+')
    >>> take_off_adduct("PC 34:1[M+H]1+")
    ('PC 34:1', '[M+H]1+')
    """
    for pattern in (_ADDUCT_IN_BRACKETS, _ADDUCT_TAIL):
        found = pattern.search(name)
        if found and found.start():
            inner = found["inner"].replace(" ", "")
            inner = _ADDUCT_SPELLINGS.get(inner, inner)
            if inner in formula.ADDUCTS:
                return name[: found.start()], formula.adduct_name(inner)
    return name, None


_LABEL = r"(?:[dD](?P<{d}>[1-9]\d?)|(?:\[?13\]?C)(?P<{c}>[1-9]\d?))"
_LABEL_FORMS = tuple(
    re.compile(form.replace("LABEL", _LABEL.format(d="d", c="c")))
    for form in (
        r"[ _-]?[\(\[]LABEL[\)\]]",
        r"[ _-]LABEL$",
        r"^LABEL[ -](?=[A-Za-z0-9])",
        r"\+LABEL:?(?:\(s\))?$",
        r"(?<=:\d)LABEL(?=$|\))",
        r"\[M(?:\[2\]H(?P<d>[1-9]\d?)|\[13\]C(?P<c>[1-9]\d?))\]$",
    )
)


def take_off_label(name: str) -> tuple[str, str | None]:
    """Returns a name without its isotope label, and the label.

    >>> take_off_label("CE 18:1(d7)")
    ('CE 18:1', 'd7')
    >>> take_off_label("d7-Cholesterol")
    ('Cholesterol', 'd7')
    >>> take_off_label("Cer d18:1/16:0")
    ('Cer d18:1/16:0', None)
    """
    labels: list[str] = []
    for pattern in _LABEL_FORMS:
        found = pattern.search(name)
        if found:
            groups = found.groupdict()
            labels.append(f"d{groups['d']}" if groups.get("d") else f"13C{groups['c']}")
            name = name[: found.start()] + name[found.end() :]
    return name.strip(), "+".join(labels) or None
