"""The head of a GEO series matrix: the series is an experiment, each column a sample.

Lines ``!Series_x<TAB>"value"`` and ``!Sample_x<TAB>"value of column 1"<TAB>...``; characteristics
repeat and hold ``name: value`` (FORMATS 4). The table may be empty: RNA-seq series bring samples
only. Everything from ``!series_matrix_table_begin`` on is quantities and not read here.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from loaders.programs import columns
from loaders.programs.records import Record, Sheet
from loaders.programs.sheets import complete_sample
from loaders.programs.studies import FACTS
from loaders.reading.opening import TextSource
from loaders.vocabulary import normalise

_END = "!series_matrix_table_begin"


def is_series_matrix(head: str) -> bool:
    """Tells a series matrix by its first line."""
    return head.lstrip("\ufeff").startswith(("!Series_", "!Sample_"))


def read(text: TextSource, part: str) -> Sheet:
    """Reads series and samples."""
    known = columns.content()["series_matrix"]
    series: dict[str, list[str]] = {}
    samples: list[dict[str, list[str]]] = []
    first_series = first_sample = 0
    for line, cells in _lines(text):
        key = normalise(cells[0].lstrip("!"))
        values = [cell.strip() for cell in cells[1:]]
        if any(word in key for word in known["left_out"]):
            continue
        if key.startswith("series "):
            first_series = first_series or line
            series.setdefault(key, []).extend(value for value in values if value)
        elif key.startswith("sample "):
            first_sample = first_sample or line
            samples += [{} for _ in range(len(values) - len(samples))]
            for sample, value in zip(samples, values, strict=False):
                if value:
                    sample.setdefault(key, []).append(value)
    sheet = Sheet(part, "GEO series matrix", ["series matrix"], {"by": "first line"})
    code: str | None = None
    if series:
        fields, attributes = _series(series, known["experiment"])
        if "code" in fields or "name" in fields:
            code = fields.get("code") or fields["name"]
            sheet.records.append(Record(first_series, "experiment", fields, attributes))
            sheet.rows_read += 1
    for number, facts in enumerate(samples, start=2):
        sheet.rows_read += 1
        if not facts:
            sheet.skip("blank")
            continue
        fields, attributes = _sample(facts, known["sample"])
        if code is not None:
            fields["experiment"] = code
        # Samples stand in columns; they are numbered from the line where their facts begin.
        sheet.records.append(Record(first_sample + number, "sample", fields, attributes))
    return sheet


def _lines(text: TextSource) -> Iterator[tuple[int, list[str]]]:
    with text.utf8() as raw:
        lines = io.TextIOWrapper(raw, encoding="utf-8", newline=None)
        for number, line in enumerate(lines, start=1):
            if line.casefold().startswith(_END):
                return
            if line.startswith("!"):
                yield number, next(csv.reader([line.rstrip("\n")], delimiter="\t"))


def _series(
    facts: dict[str, list[str]], known: dict[str, list[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    wanted = {key: field for field, keys in known.items() for key in keys}
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    for key, values in facts.items():
        if not values:
            continue
        field = wanted.get(key)
        text = "; ".join(values)
        if field == "pubmed":
            fields.setdefault("external_ids", {})["pubmed"] = text
        elif field is not None:
            fields[field] = text
        else:
            attributes[key] = text
    if "code" in fields:
        fields.setdefault("external_ids", {})["geo"] = fields["code"]
    return fields, attributes


def _sample(
    facts: dict[str, list[str]], known: dict[str, list[str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    wanted = {key: field for field, keys in known.items() for key in keys}
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    for key, values in facts.items():
        field = wanted.get(key)
        if field == "alias":
            fields["alias"] = values
        elif field is not None:
            fields[field] = values[0]
        elif "characteristics" in key:
            for value in values:
                name, mark, text = value.partition(":")
                take_fact(fields, attributes, name.strip() if mark else key, (text or name).strip())
        else:
            attributes[key] = "; ".join(values)
    complete_sample({"name": ""} | fields)
    if "name" in fields:
        fields["external_ids"] = {"geo": fields["name"]}
    complete_sample(fields)
    return fields, attributes


def take_fact(fields: dict[str, Any], attributes: dict[str, str], name: str, text: str) -> None:
    """Puts a named fact of a sample where it belongs: a field of its own, else the attributes."""
    field = columns.field_of(name, "sample")
    if field in FACTS | {"study_variable"} and field not in fields and not columns.is_empty(text):
        value = columns.controlled(field, text) if columns.is_controlled(field) else text
        if value is not None:
            fields[field] = value
            return
    attributes[name if name not in attributes else f"{name} (2)"] = text
