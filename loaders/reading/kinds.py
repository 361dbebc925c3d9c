"""Kinds of file that users have explained: column roles that also hold for the next such file.

A mapping names every column of one file. The next file of its kind has other samples, so what is
kept of a mapping is a *kind*: the headers that stay the same (`fixed`), and rules by which the
headers of samples (or of molecules, where samples are in rows) are known. A header is of a kind
only if every one of its columns is accounted for; nothing is filled in by guess.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loaders import vocabulary
from loaders.model import Remembered

#: Settings of a mapping that hold for the kind as they stand.
SETTINGS = (
    "orientation",
    "omics_type",
    "format",
    "quantity",
    "unit",
    "value_scale",
    "zero_is_missing",
    "missing",
)
#: Role whose headers change from file to file.
_VARIABLE = {"features_in_rows": "assay", "samples_in_rows": "feature", "long": None}
#: Roles without which a file is not of the kind; annotations and ignored columns may be absent.
_NEEDED = frozenset({"feature", "sample", "value"})
#: Samples whose names follow no rule are believed only beside this many known headers.
_ENOUGH_FIXED = 2

_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class Match:
    """A header that is of a remembered kind.

    Attributes:
        mapping_id: Whose kind it is.
        exact: Whether the header is the one for which the roles were given.
        given: The mapping, written for this header.
    """

    mapping_id: str
    exact: bool
    given: Mapping[str, object]


def kind_of(given: Mapping[str, object], header: Sequence[str]) -> dict[str, object]:
    """Returns what stays of a mapping when the samples change.

    Args:
        given: The mapping, as the user completed it and as it fitted.
        header: Header of the table that it fitted.
    """
    orientation = str(given.get("orientation") or "features_in_rows")
    variable = _VARIABLE[orientation]
    roles = _roles_by_column(given, header)
    varying = [header[i] for i, role in enumerate(roles) if role == variable]
    prefix, suffix = _affix(varying)
    names = [name[len(prefix) : len(name) - len(suffix) or None].strip() for name in varying]
    fixed: list[dict[str, str]] = []
    rules: list[dict[str, str]] = []
    if variable is not None and (prefix or suffix):
        rules.append({"prefix": prefix, "suffix": suffix, "role": variable})
    for cell, role in zip(header, roles, strict=True):
        if role == variable:
            continue
        rule = _beside(cell, names, role) if role in ("ignore", "annotation") else None
        if rule is not None and not _holds(rule, names, header):
            rule = None
        if rule is None:
            fixed.append({"header": cell.strip(), "role": role})
        elif rule not in rules:
            rules.append(rule)
    return {
        **{key: given[key] for key in SETTINGS if given.get(key) is not None},
        "orientation": orientation,
        "fixed": fixed,
        "rules": rules,
        "varying": [name.strip() for name in varying],
        "after": _neighbour(header, roles, variable),
    }


def mapping_id(kind: Mapping[str, object]) -> str:
    """Returns the id of a kind: equal for mappings that mean the same files and roles."""
    said = {key: kind.get(key) for key in (*SETTINGS, "fixed", "rules", "after")}
    # Where only the names of samples tell the kind, they are part of it.
    if not said["rules"] and len(_as_list(kind.get("fixed"))) < _ENOUGH_FIXED:
        said["varying"] = sorted({_stem(str(name)) for name in _as_list(kind.get("varying"))})
    text = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]


def find(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    remembered: Sequence[Remembered],
    fingerprint: str,
) -> Match | None:
    """Finds the remembered kind that a header is of.

    Args:
        header: Header of the table.
        rows: Some rows of data, as text.
        remembered: Kinds to choose from, the newest first.
        fingerprint: Fingerprint of the header.

    Returns:
        The match: an exact one before the one with the most known headers, the newest first.
    """
    for entry in remembered:
        if entry.fingerprint == fingerprint and (given := fit(entry.kind, header, rows)):
            return Match(entry.mapping_id, True, given)
    best: tuple[int, Match] | None = None
    for entry in remembered:
        given = fit(entry.kind, header, rows)
        size = len(_as_list(entry.kind.get("fixed")))
        if given is not None and (best is None or size > best[0]):
            best = size, Match(entry.mapping_id, False, given)
    return best[1] if best else None


def fit(
    kind: Mapping[str, object], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, object] | None:
    """Writes the mapping of a kind for a header; None where a column is not accounted for."""
    roles, _ = _assign(kind, header, rows)
    if roles is None:
        return None
    columns = [
        {"column": index + 1, "header": header[index], "role": role}
        for index, role in enumerate(roles)
    ]
    settings = {key: kind[key] for key in SETTINGS if key in kind}
    return {**settings, "columns": columns}


def difference(
    kind: Mapping[str, object], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> str:
    """Says why a header is not of a kind; empty where it is."""
    return _assign(kind, header, rows)[1]


def _assign(
    kind: Mapping[str, object], header: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[list[str] | None, str]:
    words = [vocabulary.normalise(cell) for cell in header]
    roles: list[str | None] = [None] * len(header)
    fixed = _as_list(kind.get("fixed"))
    missing = []
    for entry in fixed:
        word = vocabulary.normalise(str(entry["header"]))
        at = next((i for i, found in enumerate(words) if found == word and roles[i] is None), None)
        if at is not None:
            roles[at] = str(entry["role"])
        elif str(entry["role"]) in _NEEDED:
            missing.append(str(entry["header"]))
    if missing:
        return None, "no column " + ", ".join(map(repr, missing[:5]))
    variable = _VARIABLE[str(kind["orientation"])]
    strangers = _assign_varying(kind, header, rows, roles, variable)
    if strangers:
        return None, "columns that are not known: " + ", ".join(map(repr, strangers[:5]))
    if variable is not None and variable not in roles:
        return None, f"no column with role {variable!r}"
    return [role or "ignore" for role in roles], ""


def _assign_varying(
    kind: Mapping[str, object],
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    roles: list[str | None],
    variable: str | None,
) -> list[str]:
    """Gives columns with changing names their roles, in place; returns those that fit none."""
    rules = sorted(
        _as_list(kind.get("rules")), key=lambda r: -len(str(r["prefix"]) + str(r["suffix"]))
    )
    varying = {str(name) for name in _as_list(kind.get("varying"))}
    stems = {_stem(name) for name in varying}
    ruled = any(rule["role"] == variable for rule in rules)
    loose = not ruled and sum(role is not None for role in roles) >= _ENOUGH_FIXED
    block = _block(kind, header, roles) if loose else frozenset()
    strangers = []
    for index, cell in enumerate(header):
        if roles[index] is not None:
            continue
        name = cell.strip()
        rule = next((rule for rule in rules if _is_of(rule, name)), None)
        alike = not ruled and bool(name) and _stem(name) in stems
        if variable is not None and (name in varying or (rule is None and alike)):
            roles[index] = variable
        elif rule is not None:
            roles[index] = str(rule["role"])
        elif variable is not None and index in block and _may_vary(cell, index, rows):
            roles[index] = variable
        elif not name and not any(row[index].strip() for row in rows if index < len(row)):
            roles[index] = "ignore"
        else:
            strangers.append(name or f"column {index + 1}")
    return strangers


def _block(
    kind: Mapping[str, object], header: Sequence[str], roles: Sequence[str | None]
) -> frozenset[int]:
    """Returns the columns that stand where the kind has its samples: right of one known header."""
    after = kind.get("after")
    start = 0
    if after is not None:
        word = vocabulary.normalise(str(after))
        found = [i for i, cell in enumerate(header) if vocabulary.normalise(cell) == word]
        if not found:
            return frozenset()
        start = found[0] + 1
    end = next((i for i in range(start, len(header)) if roles[i] is not None), len(header))
    return frozenset(range(start, end))


def _may_vary(cell: str, index: int, rows: Sequence[Sequence[str]]) -> bool:
    """Whether a column may hold quantities: numbers, under a name that means nothing else."""
    from loaders.formats.statistics import statistic_columns
    from loaders.reading.numbers import tally

    word = vocabulary.normalise(cell)
    for known in ("annotation", "label", "sample", "feature"):
        if word in vocabulary.words("headers", known):
            return False
    for patterns in ("annotation_patterns", "summary_patterns"):
        if vocabulary.pattern("headers", patterns).search(word):
            return False
    if not word or statistic_columns([cell]):
        return False
    numbers, texts, _ = tally([row[index] for row in rows if index < len(row)])
    return numbers >= 9 * texts


def _roles_by_column(given: Mapping[str, object], header: Sequence[str]) -> list[str]:
    from loaders.reading.mapping import columns_by_role

    roles = ["ignore"] * len(header)
    for role, indices in columns_by_role(given, header, "").items():
        for index in indices:
            roles[index] = role
    return roles


def _affix(names: Sequence[str]) -> tuple[str, str]:
    """Returns what all headers begin and end with, cut at the end of a word.

    >>> _affix(["Area [S1]", "Area [S12]"]), _affix(["S1", "S2"]), _affix(["QC_1", "S_2"])
    (('Area [', ']'), ('', ''), ('', ''))
    """
    trimmed = [name.strip() for name in names]
    if len(set(trimmed)) < 2:
        return "", ""
    prefix = _common_start(trimmed)
    prefix = re.sub(r"[^\W_]+\Z", "", prefix)
    rest = [name[len(prefix) :] for name in trimmed]
    suffix = _common_start([name[::-1] for name in rest])[::-1]
    suffix = re.sub(r"\A[^\W_]+", "", suffix)
    # Marks alone, such as a bracket, tell nothing; nor may a name be left empty.
    if not re.search(r"[^\W\d_]{2}", prefix + suffix) or any(
        len(name) <= len(suffix) for name in rest
    ):
        return "", ""
    return prefix, suffix


def _common_start(names: Sequence[str]) -> str:
    low, high = min(names), max(names)
    same = (i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b)
    return low[: next(same, min(len(low), len(high)))]


def _beside(cell: str, names: Sequence[str], role: str) -> dict[str, str] | None:
    """Returns the rule of a column that belongs to a sample, such as ``Height [S1]``."""
    text = cell.strip()
    for name in sorted(names, key=len, reverse=True):
        if not name:
            continue
        found = re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text)
        if found and re.search(r"[^\W\d_]{2}", text[: found.start()] + text[found.end() :]):
            return {"prefix": text[: found.start()], "suffix": text[found.end() :], "role": role}
    return None


def _holds(rule: Mapping[str, str], names: Sequence[str], header: Sequence[str]) -> bool:
    """Whether every sample has a column of the rule, so that it is no chance likeness."""
    there = {cell.strip() for cell in header}
    return all(f"{rule['prefix']}{name}{rule['suffix']}" in there for name in names)


def _is_of(rule: Mapping[str, Any], name: str) -> bool:
    prefix, suffix = str(rule["prefix"]), str(rule["suffix"])
    long_enough = len(name) > len(prefix) + len(suffix)
    return long_enough and name.startswith(prefix) and name.endswith(suffix)


def _neighbour(header: Sequence[str], roles: Sequence[str], variable: str | None) -> str | None:
    """Returns the known header at whose right the samples begin."""
    first = next((i for i, role in enumerate(roles) if role == variable), 0)
    return header[first - 1].strip() if first else None


def _stem(name: str) -> str:
    return _DIGITS.sub("#", name.strip().casefold())


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []
