"""Samples of a MetaboLights assignment file, checked against the ISA-Tab study that lies beside it.

The assignment file does not mark which of its last columns are samples; the study file does, and
says what each sample is. It is known by its header, whatever it is called. Where there is none,
nothing is checked, and nothing is lost.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loaders.model import Roles
from loaders.reading.grid import Grid

#: Files of a folder that are looked at, and the largest that is a study file, in bytes.
_MOST_FILES = 60
_MOST_BYTES = 32 * 1024**2

Facts = Mapping[str, Mapping[str, str]]


def checked(roles: Roles, grid: Grid, path: str) -> tuple[Roles, Facts]:
    """Leaves out columns that are no samples of the study.

    Args:
        roles: Roles of the columns.
        grid: The table.
        path: Where the file is remembered; looked beside only if that is a local path.

    Returns:
        The roles, and what the study says of each sample; nothing where no study fits.
    """
    if roles.evidence.get("samples_of") != "ISA-Tab":
        return roles, {}
    names = {name for _, name in roles.assay_columns}
    found = _study_of(names, path)
    if found is None:
        return roles, {}
    where, facts = found
    kept = tuple((index, name) for index, name in roles.assay_columns if name in facts)
    strangers = {index: name for index, name in roles.assay_columns if name not in facts}
    ignored = dict.fromkeys(strangers, f"no sample of the study file {where.name}")
    evidence: dict[str, object] = {
        "study_file": where.name,
        "samples_of_the_study": len(facts),
        "columns_that_are_no_samples": sorted(strangers.values()),
        "samples_without_a_column": sorted(facts.keys() - names)[:50],
    }
    changed = replace(
        roles,
        assay_columns=kept,
        ignored_columns={**roles.ignored_columns, **ignored},
        evidence={**roles.evidence, "study": evidence},
    )
    return changed, facts


def described(reading: Any, facts: Facts) -> Any:
    """Gives each assay what the study says of its sample."""
    assays = tuple(
        replace(assay, attributes={**facts.get(assay.name, {}), **assay.attributes})
        for assay in reading.header.assays
    )
    reading.header = replace(reading.header, assays=assays)
    return reading


def _study_of(names: set[str], path: str) -> tuple[Path, Facts] | None:
    """Returns the study file beside a path that names the most of the samples: half or more."""
    folder = Path(path).parent
    if "://" in path or not folder.is_dir():
        return None
    best: tuple[int, Path, Facts] | None = None
    beside = sorted(one for one in folder.iterdir() if one.suffix.lower() in (".txt", ".tsv"))
    for candidate in beside[:_MOST_FILES]:
        facts = _facts(candidate)
        known = len(names & facts.keys())
        if 2 * known >= len(names) and known and (best is None or known > best[0]):
            best = known, candidate, facts
    return (best[1], best[2]) if best else None


def _facts(path: Path) -> Facts:
    """Reads a study file: sample to factors, characteristics and source; empty if it is none."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            return _facts_of(csv.reader(lines, delimiter="\t"))
    except (OSError, csv.Error):
        return {}


def _facts_of(reader: Any) -> Facts:
    header = [cell.strip() for cell in next(reader, [])]
    if "Source Name" not in header or "Sample Name" not in header:
        return {}
    sample = header.index("Sample Name")
    wanted = {
        index: cell.partition("[")[2].rstrip("]") if "[" in cell else cell
        for index, cell in enumerate(header)
        if cell.startswith(("Factor Value[", "Characteristics[")) or cell == "Source Name"
    }
    found: dict[str, dict[str, str]] = {}
    for row in reader:
        cells = [cell.strip() for cell in row] + [""] * (len(header) - len(row))
        said = {name: cells[index] for index, name in wanted.items() if cells[index]}
        if cells[sample]:
            found.setdefault(cells[sample], {}).update(said)
    return found
