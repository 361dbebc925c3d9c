"""The ``i_`` file of ISA-Tab: an investigation is a program, each of its studies an experiment.

Text of ``Key<TAB>value<TAB>value``, quoted, values over several lines; a line in capitals begins
a section (FORMATS 3). Persons are left out: their addresses are nobody's business here.
"""

from __future__ import annotations

from typing import Any

from loaders.programs import columns
from loaders.programs.cells import Table
from loaders.programs.columns import Kind
from loaders.programs.records import Record, Sheet
from loaders.vocabulary import normalise

_BEGINS = ("ontology source reference", "investigation")


def is_investigation(table: Table) -> bool:
    """Tells an investigation by its first line."""
    first = next((record for record in table.records if any(record)), ())
    return bool(first) and not any(first[1:]) and normalise(first[0]) in _BEGINS


def read(table: Table) -> Sheet:
    """Reads the investigation and its studies."""
    blocks = _blocks(table)
    sheet = Sheet(table.part, "ISA-Tab investigation", ["investigation"], {"by": "first line"})
    parent: str | None = None
    for kind, line, values in blocks:
        sheet.rows_read += 1
        fields, attributes = _facts(kind, values)
        if "code" not in fields and "name" not in fields:
            sheet.skip("empty_section")
            continue
        if kind == "program":
            parent = fields.get("code") or fields["name"]
        elif parent is not None:
            fields["program"] = [parent]
        sheet.records.append(Record(line, kind, fields, attributes))
    return sheet


def _blocks(table: Table) -> list[tuple[Kind, int, dict[str, list[str]]]]:
    blocks: list[tuple[Kind, int, dict[str, list[str]]]] = []
    for line, record in zip(table.lines, table.records, strict=True):
        if not any(record):
            continue
        key = normalise(record[0])
        if not any(record[1:]) and record[0].isupper():
            if key == "investigation":
                blocks.append(("program", line, {}))
            elif key == "study":
                blocks.append(("experiment", line, {}))
            continue
        if blocks:
            blocks[-1][2].setdefault(key, []).extend(cell for cell in record[1:] if cell)
    return blocks


def _facts(kind: Kind, values: dict[str, list[str]]) -> tuple[dict[str, Any], dict[str, str]]:
    known = columns.content()["investigation"]
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    wanted = {normalise(key): field for field, keys in known[kind].items() for key in keys}
    for key, found in values.items():
        field = wanted.get(key)
        if not found or any(word in key.split() for word in known["left_out"]):
            continue
        if field in ("doi", "pubmed"):
            fields.setdefault("external_ids", {})[field] = "; ".join(found)
        elif field == "sheets":
            fields.setdefault("sheets", []).extend(found)
        elif field is not None:
            fields[field] = "; ".join(found)
        else:
            attributes[key] = "; ".join(found)
    placeholders = columns.content()["placeholder_names"]
    if "code" in fields and normalise(fields.get("name", "")) in placeholders:
        del fields["name"]
    return fields, attributes
