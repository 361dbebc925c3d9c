"""Column roles that a user gives: the stub handed out with a question, and reading it back.

The stub is YAML. It lists every column with a proposed role; the user corrects it:

* ``feature`` names the molecule, ``assay`` is the quantity in one sample, ``annotation`` is kept
  beside the feature (or the sample), ``ignore`` is left out;
* with samples in rows, ``sample`` names the sample, ``feature`` is one molecule's quantities and
  ``annotation`` describes the sample;
* with one value per row (long), ``sample``, ``feature`` and ``value`` are one column each.

Optional settings beside the columns: ``format`` (a name of one's own for this kind of file),
``quantity``, ``unit``, ``value_scale``, ``zero_is_missing`` (true or false), ``missing`` (further
spellings of a missing value) and ``part`` (the sheet or the member of an archive that is meant).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from loaders.model import OMICS_TYPES, Orientation, Roles, Unreadable

if TYPE_CHECKING:
    from loaders.reading.kinds import Match

ORIENTATIONS = ("features_in_rows", "samples_in_rows", "long")
ROLES = ("feature", "assay", "annotation", "ignore", "sample", "value")
SCALES = ("linear", "log2", "log10", "ln", "unknown")


def stub(
    header: Sequence[str],
    roles: Sequence[str],
    *,
    orientation: str = "features_in_rows",
    omics_type: str | None = None,
    part: str = "",
) -> str:
    """Writes the mapping that a user completes."""
    lines = [f"part: {json.dumps(part)}"] if part else []
    lines += [
        f"orientation: {orientation}  # one of: {', '.join(ORIENTATIONS)}",
        f"omics_type: {omics_type or 'null'}  # one of: {', '.join(OMICS_TYPES)}",
        "quantity: null",
        "unit: null",
        f"value_scale: null  # one of: {', '.join(SCALES)}; null: decided from the values",
        "zero_is_missing: null  # true or false; null: decided from the values",
        f"columns:  # role is one of: {', '.join(ROLES)}",
    ]
    for index, (name, role) in enumerate(zip(header, roles, strict=True)):
        lines.append(f"  - {{column: {index + 1}, header: {json.dumps(name)}, role: {role}}}")
    return "\n".join(lines) + "\n"


def roles_from(given: Mapping[str, object], header: Sequence[str], *, place: str = "") -> Roles:
    """Turns a completed mapping into roles.

    Raises:
        Unreadable: If the mapping does not fit the table.
    """
    orientation = str(given.get("orientation", ORIENTATIONS[0]))
    if orientation not in ORIENTATIONS:
        raise _bad(place, f"orientation {orientation!r}", f"one of {', '.join(ORIENTATIONS)}")
    omics_type = given.get("omics_type")
    if omics_type is not None and omics_type not in OMICS_TYPES:
        raise _bad(place, f"omics_type {omics_type!r}", f"one of {', '.join(OMICS_TYPES)}")
    scale = given.get("value_scale")
    if scale is not None and scale not in SCALES:
        raise _bad(place, f"value_scale {scale!r}", f"one of {', '.join(SCALES)}")
    zero = given.get("zero_is_missing")
    if zero is not None and not isinstance(zero, bool):
        raise _bad(place, f"zero_is_missing {zero!r}", "true or false")
    by_role = columns_by_role(given, header, place)
    wanted = {
        "features_in_rows": ("feature", "assay"),
        "samples_in_rows": ("sample", "feature"),
        "long": ("sample", "feature", "value"),
    }[orientation]
    for role in wanted:
        if not by_role[role]:
            raise _bad(place, f"no column with role {role!r}", f"at least one for {orientation}")
    assays = by_role["assay"] if orientation == "features_in_rows" else []
    return Roles(
        orientation=cast(Orientation, orientation),
        format=_text(given.get("format")) or f"mapped by user ({orientation.replace('_', ' ')})",
        omics_type=cast("str | None", omics_type),
        feature_columns=tuple(by_role["feature"]),
        assay_columns=tuple((index, header[index].strip()) for index in assays),
        annotation_columns=tuple(by_role["annotation"]),
        ignored_columns=dict.fromkeys(by_role["ignore"], "left out by the mapping"),
        sample_column=by_role["sample"][0] if by_role["sample"] else None,
        value_column=by_role["value"][0] if by_role["value"] else None,
        quantity=_text(given.get("quantity")),
        unit=_text(given.get("unit")),
        value_scale=cast("str | None", scale),
        zero_is_missing=zero,
        missing_tokens=_spellings(given.get("missing"), place),
        evidence={"mapping": "given by the user"},
    )


def with_kind(roles: Roles, given: Mapping[str, object], header: Sequence[str]) -> Roles:
    """Adds to the evidence the kind of file that the mapping stands for, to be remembered."""
    from loaders.reading import kinds
    from loaders.reading.describe import fingerprint

    kind = kinds.kind_of(given, header)
    said = {
        "by": "given by the user",
        "mapping_id": kinds.mapping_id(kind),
        "fingerprint": fingerprint(header),
        "kind": kind,
    }
    return replace(roles, evidence={**roles.evidence, "mapping": said})


def from_match(match: Match, header: Sequence[str], *, place: str = "") -> Roles:
    """Returns the roles that a remembered mapping gives to a header."""
    roles = roles_from(match.given, header, place=place)
    said = {"by": "remembered", "mapping_id": match.mapping_id, "same_header": match.exact}
    return replace(roles, evidence={**roles.evidence, "mapping": said})


def is_for(given: Mapping[str, object], part: str) -> bool:
    """Whether a mapping is meant for a part of a file: for every part, where it names none."""
    meant = given.get("part")
    return not meant or str(meant) == part


def columns_by_role(
    given: Mapping[str, object], header: Sequence[str], place: str
) -> dict[str, list[int]]:
    """Returns the columns of each role; those that the mapping leaves out are ignored.

    Raises:
        Unreadable: If the mapping does not fit the header.
    """
    by_role: dict[str, list[int]] = {role: [] for role in ROLES}
    listed = given.get("columns")
    if not isinstance(listed, Sequence) or isinstance(listed, str):
        raise _bad(place, "no list under 'columns'", "one entry per column")
    seen: set[int] = set()
    for entry in listed:
        if not isinstance(entry, Mapping) or entry.get("role") not in by_role:
            raise _bad(
                place, f"entry {entry!r}", f"column, header and a role of {', '.join(ROLES)}"
            )
        index = _index(entry, header, place)
        if index in seen:
            raise _bad(place, f"column {index + 1} twice", "one entry per column")
        seen.add(index)
        by_role[str(entry["role"])].append(index)
    left = [index for index in range(len(header)) if index not in seen]
    by_role["ignore"] += left
    return {role: sorted(indices) for role, indices in by_role.items()}


def _index(entry: Mapping[str, Any], header: Sequence[str], place: str) -> int:
    name = entry.get("header")
    if isinstance(column := entry.get("column"), int):
        index = column - 1
        if not 0 <= index < len(header):
            raise _bad(place, f"column {column}", f"1 to {len(header)}")
        if name is not None and str(name).strip() != header[index].strip():
            raise _bad(place, f"column {column} named {name!r}", f"{header[index]!r} in the file")
        return index
    matches = [i for i, cell in enumerate(header) if cell.strip() == str(name).strip()]
    if len(matches) != 1:
        raise _bad(place, f"header {name!r} found {len(matches)} times", "one such column")
    return matches[0]


def _spellings(value: object, place: str) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise _bad(place, f"missing: {value!r}", "a list of spellings")
    return tuple(str(spelling) for spelling in value)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _bad(place: str, seen: str, expected: str) -> Unreadable:
    return Unreadable(
        "mapping_does_not_fit",
        place=f"{place}: mapping" if place else "mapping",
        seen=seen,
        expected=expected,
        question="Does the mapping belong to this file? Correct the entry and replay.",
    )
