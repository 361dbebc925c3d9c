"""Tables with one component per row: a signature's own file, or many signatures by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from loaders.model import Unreadable
from loaders.signatures import words
from loaders.signatures.model import Definition, Definitions, Member
from loaders.vocabulary import normalise

Line = tuple[int, list[str]]

#: The header is looked for in this many records.
_TOP = 30


def header_index(lines: Sequence[Line]) -> int | None:
    """Returns which of the first records names the columns of a signature table.

    Only lines of text may stand above it: a set's members can be spelled like headers.
    """
    for index, (_, cells) in enumerate(lines[:_TOP]):
        if words.is_signature_table(cells):
            return index
        if len([cell for cell in cells if cell.strip()]) > 2:
            return None
    return None


def read_table(
    lines: Sequence[Line],
    header: int,
    *,
    part: str,
    name: str,
    fields: Mapping[str, str],
    decimal_comma: bool = False,
) -> Definitions:
    """Reads a table whose header is found.

    Args:
        lines: Number and cells of every record.
        header: Index of the record that names the columns.
        part: Part of the file.
        name: Name of the signature where no column names it.
        fields: What lines above the table say about the signature.
        decimal_comma: Whether weights have a comma for the decimal point.
    """
    names = lines[header][1]
    roles = words.roles_of(names)
    notes = {
        column: field
        for column, cell in enumerate(names)
        if column not in roles.values() and (field := words.field_of(cell)) not in (None, "name")
    }
    members: dict[str, list[Member]] = {}
    described: dict[str, dict[str, str]] = {}
    begins: dict[str, int] = {}
    blank = unnamed = 0
    for row, cells in lines[header + 1 :]:
        if not any(cell.strip() for cell in cells):
            blank += 1
            continue
        said = _Cells(cells, roles)
        feature = said.get("feature")
        title = (said.get("set") if "set" in roles else name) or ""
        if not feature or not title:
            unnamed += 1
            continue
        begins.setdefault(title, row)
        members.setdefault(title, []).append(
            Member(
                row,
                feature,
                said.get("direction"),
                _weight(said, decimal_comma=decimal_comma),
                said.get("feature_type"),
                raw="\t".join(cells),
            )
        )
        for column, field in notes.items():
            text = cells[column].strip() if column < len(cells) else ""
            if text and field is not None:
                described.setdefault(title, {}).setdefault(field, text)
    if not members:
        raise Unreadable(
            "header_only",
            place=part or f"line {lines[header][0]}",
            seen=f"a header ({', '.join(names[:6])}) and no components below it",
            expected="at least one row with the name of a feature",
            question="Was the export complete?",
        )
    shared = dict(fields) if len(members) == 1 else {}
    skipped = {"blank": blank, "row without a feature or signature": unnamed}
    return Definitions(
        part,
        "weighted signature table" if "weight" in roles else "signature table",
        "\t".join(normalise(cell) for cell in names),
        tuple(
            Definition(title, begins[title], tuple(found), shared | described.get(title, {}))
            for title, found in members.items()
        ),
        {rule: count for rule, count in skipped.items() if count},
        {"columns": {role: names[column].strip() for role, column in roles.items()}},
    )


def read_descriptions(lines: Sequence[Line]) -> dict[str, dict[str, str]]:
    """Reads a sheet with one signature per row: name to what it says about it."""
    if not lines:
        return {}
    columns = {words.field_of(cell): index for index, cell in enumerate(lines[0][1])}
    if "name" not in columns:
        return {}
    found = {}
    for _, cells in lines[1:]:
        said = {
            field: cells[index].strip()
            for field, index in columns.items()
            if field is not None and index < len(cells) and cells[index].strip()
        }
        if "name" in said:
            found[said.pop("name")] = said
    return found


class _Cells:
    """The cells of one record by role."""

    def __init__(self, cells: Sequence[str], roles: Mapping[str, int]) -> None:
        self._cells = cells
        self._roles = roles

    def get(self, role: str) -> str | None:
        """Returns the trimmed cell, None where the table has no such column."""
        column = self._roles.get(role)
        if column is None:
            return None
        return self._cells[column].strip() if column < len(self._cells) else ""


def _weight(said: _Cells, *, decimal_comma: bool) -> str | None:
    """Returns the weight as text; where a likelihood stands beside it, their product.

    A regulon's weight is its mode of regulation times the likelihood of the edge (decoupleR).
    """
    weight, likelihood = said.get("weight"), said.get("likelihood")
    if decimal_comma and weight:
        weight = weight.replace(",", ".")
    if not weight or not likelihood:
        return weight
    try:
        return repr(float(weight) * float(likelihood))
    except ValueError:
        return weight
