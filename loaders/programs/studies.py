"""Study tables with typed headers: the ``s_`` and ``a_`` files of ISA-Tab, and SDRF.

``Characteristics[x]`` and ``Factor Value[x]`` say facts of the sample; the factor values together
are its study variable. ``Term Source REF``, ``Term Accession Number`` and ``Unit`` belong to the
column at their left and may repeat. ISA-Tab: FORMATS 3; SDRF: the README of
bigbio/proteomics-sample-metadata.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loaders.programs import columns
from loaders.programs.cells import Table
from loaders.programs.columns import Kind
from loaders.programs.records import Record, Reject, Sheet
from loaders.programs.sheets import complete_sample
from loaders.vocabulary import normalise

_NAMES = ("sample name", "source name")
_RUN = re.compile(r"^(?:[\w -]* )?assay name$|^hybridization(?: assay)? name$")
_RAW_FILE = re.compile(
    r"^(?:raw .*|array |free induction decay |.*spectral )?data file$|^data file$"
)
_RESULT_FILE = re.compile(r"^(?:derived .*|normalized .*)file$|assignment file$|matrix file$")
_BELONGS_LEFT = {"term source ref", "term accession number", "unit"}
_TERM = re.compile(r"(?:^|;)\s*NT=([^;]+)")

#: Facts of a sample that a characteristic, a factor or a comment may give.
FACTS = frozenset(
    {"organism", "organism_part", "disease", "sex", "timepoint", "intervention", "dose",
     "biological_replicate", "technical_replicate", "sample_type", "batch"}
)  # fmt: skip


@dataclass(frozen=True)
class _Column:
    index: int
    header: str
    folded: str
    word: str
    inner: str
    unit: int | None = None
    source: int | None = None
    accession: int | None = None


def is_study_table(header: Sequence[str]) -> bool:
    """Tells a header with typed columns: names, and at least one characteristic or factor."""
    folded = {normalise(cell) for cell in header}
    typed = {found[0] for cell in header if (found := columns.bracketed(cell))}
    named = any(name in folded for name in _NAMES)
    return named and bool(
        typed & {"characteristics", "factor value"} or (typed and folded & _BELONGS_LEFT)
    )


def read(table: Table) -> Sheet:
    """Reads a study table whose first record is the header."""
    found = _columns(table.records[0])
    folded = {column.folded for column in found}
    is_sdrf = "source name" in folded and "assay name" in folded and "sample name" not in folded
    has_runs = any(_RUN.match(c.folded) or _file_role(c) for c in found)
    kind: Kind = "assay" if has_runs else "sample"
    name = "SDRF" if is_sdrf else f"ISA-Tab {'assay' if has_runs else 'study'} table"
    sheet = Sheet(table.part, name, table.records[0], {"kind": kind, "by": "typed columns"})
    seen: dict[str, int] = {}
    for line, record in zip(table.lines[1:], table.records[1:], strict=True):
        sheet.rows_read += 1
        if not any(record):
            sheet.skip("blank")
            continue
        cells = [*record, *[""] * (len(table.records[0]) - len(record))]
        row = _row(cells, line, kind, found)
        sample = row.fields.get("name")
        if not sample:
            sheet.rejects.append(
                Reject(line, "Sample Name", " | ".join(filter(None, cells))[:500], "missing_key",
                       "the row names no sample; fill in Sample Name or Source Name")
            )  # fmt: skip
        elif kind == "sample" and sample in seen:
            # Several sources pooled into one sample have a row each.
            sheet.skip("source_of_pooled_sample")
        else:
            seen[sample] = line
            sheet.records.append(row)
    return sheet


def _columns(header: Sequence[str]) -> list[_Column]:
    found: list[_Column] = []
    repeated: dict[str, int] = {}
    for index, cell in enumerate(header):
        folded = normalise(cell)
        if folded in _BELONGS_LEFT and found:
            role = {"unit": "unit", "term source ref": "source"}.get(folded, "accession")
            left = found[-1]
            given = {"unit": left.unit, "source": left.source, "accession": left.accession}
            # The ontology of a unit follows the unit; it says nothing that is kept.
            if given[role] is None and not (role != "unit" and left.unit is not None):
                given[role] = index
                found[-1] = _Column(
                    left.index, left.header, left.folded, left.word, left.inner, **given
                )
            continue
        typed = columns.bracketed(cell)
        repeated[cell] = repeated.get(cell, 0) + 1
        header_name = cell or f"column {index + 1}"
        if repeated[cell] > 1:
            header_name = f"{header_name} ({repeated[cell]})"
        word, inner = typed or ("", "")
        found.append(_Column(index, header_name, folded, word, inner))
    return found


def _file_role(column: _Column) -> str | None:
    text = normalise(column.inner) if column.word == "comment" else column.folded
    if column.word not in ("", "comment"):
        return None
    if _RESULT_FILE.search(text):
        return "result"
    return "raw" if _RAW_FILE.match(text) else None


def _row(cells: Sequence[str], line: int, kind: Kind, found: Sequence[_Column]) -> Record:
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    factors: dict[str, str] = {}
    files: dict[str, list[str]] = {"raw": [], "result": []}
    for column in found:
        text = cells[column.index]
        if not text:
            continue
        role = _file_role(column)
        if column.folded in _NAMES:
            if column.folded == "sample name" or not any(c.folded == "sample name" for c in found):
                fields["name"] = text
            else:
                attributes[column.header] = text
        elif role is not None:
            if not columns.is_empty(text):
                files[role].append(text.replace("\\", "/"))
        elif _RUN.match(column.folded):
            fields.setdefault("assay_name", text)
        elif column.word == "factor value":
            value = _value(text, column, cells)
            factors[column.inner] = value
            _fact(fields, column.inner, value)
        elif column.word in ("characteristics", "comment") and _fact(
            fields, column.inner, _value(text, column, cells)
        ):
            _accession(attributes, column, cells)
        else:
            attributes[column.header] = _value(text, column, cells)
            _accession(attributes, column, cells)
    if "name" not in fields:
        return Record(line, kind, fields, attributes)
    if factors:
        fields["factors"] = factors
    fields["files"] = files["raw"]
    complete_sample(fields)
    fields["files"] = [*files["raw"], *files["result"]]
    if not fields["files"]:
        del fields["files"]
    return Record(line, kind, fields, attributes)


def _fact(fields: dict[str, Any], header: str, text: str) -> bool:
    """Takes a fact that has a field of its own; False when it has none or says nothing."""
    name = columns.field_of(header, "sample")
    if name not in FACTS or columns.is_empty(text):
        return False
    if columns.is_controlled(name):
        value = columns.controlled(name, text)
        if value is None:
            return False
        text = value
    fields.setdefault(name, text)
    return True


def _value(text: str, column: _Column, cells: Sequence[str]) -> str:
    term = _TERM.search(text)
    if term is not None:
        text = term[1].strip()
    unit = cells[column.unit] if column.unit is not None else ""
    return f"{text} {unit}" if unit else text


def _accession(attributes: dict[str, str], column: _Column, cells: Sequence[str]) -> None:
    if column.accession is None or not cells[column.accession]:
        return
    accession = cells[column.accession]
    source = cells[column.source] if column.source is not None else ""
    known = ":" in accession or "/" in accession or not source
    attributes[f"{column.header} accession"] = accession if known else f"{source}:{accession}"
