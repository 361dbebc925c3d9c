"""Plain sheets: a header and rows that describe programs, experiments, datasets or samples.

Which of the four is decided by the name of the sheet where it is a known one, else by the columns:
the narrowest thing that they name, because a row about samples may also say their experiment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from loaders.programs import columns
from loaders.programs.cells import Table
from loaders.programs.columns import Kind
from loaders.programs.records import Record, Reject, Sheet
from loaders.vocabulary import normalise

_MAX_ABOVE = 30
_NUMBER = re.compile(r"^[-+]?[\d.,]+(?:e[-+]?\d+)?%?$", re.IGNORECASE)

#: Fields that only a sheet of datasets has beside the file.
_OF_DATASETS = frozenset(
    {"name", "omics_type", "part", "quantity", "unit", "value_scale", "description", "organism",
     "experiment", "program", "dataset_source_type", "data_origin"}
)  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """What a sheet is and where its columns are.

    Attributes:
        kind: What its rows describe.
        header: Index of the header among the records.
        names: Column headers, blank ones named by their number, repeated ones numbered.
        fields: Field to the columns that give it, the best one first.
        registries: Column to the registry whose accessions it holds.
        evidence: Why.
    """

    kind: Kind
    header: int
    names: tuple[str, ...]
    fields: Mapping[str, tuple[int, ...]]
    registries: Mapping[int, str]
    evidence: Mapping[str, object]

    @property
    def n_known(self) -> int:
        """Number of columns whose meaning is known."""
        return len(self.registries) + sum(map(len, self.fields.values()))


def layout_of(table: Table, *, stem: str = "", declared: bool) -> Layout | None:
    """Finds header and kind of a sheet.

    Args:
        table: Its cells.
        stem: Name of the file without ending, used like the name of a worksheet.
        declared: Whether the user or the folder said that it is a sheet; then a table of samples
            may have a key of any name.

    Returns:
        The layout, or None where the columns do not tell.
    """
    hinted = _hinted(table.name) or _hinted(stem)
    best: tuple[int, int] | None = None
    for index, record in enumerate(table.records[:_MAX_ABOVE]):
        known = sum(_is_known(cell) for cell in record if cell)
        if known and len([cell for cell in record if cell]) >= min(2, len(record)):
            best = max(best, (known, -index)) if best else (known, -index)
    if best is None:
        return None
    header = -best[1]
    cells = table.records[header]
    rows = [record for record in table.records[header + 1 :] if any(record)]
    kind, why = _kind(cells, rows, hinted, declared=declared)
    if kind is None:
        return None
    fields, registries = _columns(cells, rows, kind, declared=declared)
    if not any(name in fields for name in _keys(kind)):
        return None
    evidence = {
        "kind": kind,
        "by": why,
        "columns": {k: [cells[i] for i in v] for k, v in fields.items()},
    }
    return Layout(kind, header, _names(cells), fields, registries, evidence)


def is_sure(table: Table, layout: Layout) -> bool:
    """Whether the columns alone prove the kind: half of them known, and the others no quantities.

    Runs with several accessions, as archives list them, need no more proof.
    """
    if "assay_name" in layout.fields and len(layout.registries) >= 2:
        return True
    header = table.records[layout.header]
    filled = [index for index, cell in enumerate(header) if cell]
    rows = [record for record in table.records[layout.header + 1 :] if any(record)]
    # Above a header of results stand rows of labels: most columns below them have no name there.
    headless = {i for row in rows for i, cell in enumerate(row) if cell} - set(filled)
    if len(headless) > max(1, len(filled) // 2):
        return False
    known = {i for places in layout.fields.values() for i in places} | set(layout.registries)
    unknown = [[row[i] for i in filled if i not in known and i < len(row)] for row in rows]
    return layout.n_known >= 2 and layout.n_known * 2 >= len(filled) and not _is_matrix(unknown)


def read(table: Table, layout: Layout) -> Sheet:
    """Reads the rows below the header."""
    plural = "runs" if layout.kind == "assay" else f"{layout.kind}s"
    sheet = Sheet(table.part, f"{plural} sheet", layout.names, dict(layout.evidence))
    if layout.header:
        sheet.evidence["lines_above_header"] = layout.header
    seen: dict[tuple[str, ...], int] = {}
    width = len(layout.names)
    for line, cells in zip(
        table.lines[layout.header + 1 :], table.records[layout.header + 1 :], strict=True
    ):
        sheet.rows_read += 1
        if not any(cells):
            sheet.skip("blank")
        elif cells[0].startswith("#"):
            sheet.skip("comment")
        elif any(cells[width:]):
            sheet.rejects.append(
                Reject(line, None, table.delimiter.join(cells), "too_many_cells",
                       f"the row has more cells than the {width} columns; quote cells that hold "
                       f"{table.delimiter or 'the separator'!r}")
            )  # fmt: skip
        else:
            padded = [*cells, *[""] * (width - len(cells))]
            outcome = _record(padded, line, layout)
            if isinstance(outcome, Record):
                outcome = _once(outcome, seen, layout, padded)
            if isinstance(outcome, Record):
                sheet.records.append(outcome)
            else:
                sheet.rejects.append(outcome)
    return sheet


def _hinted(name: str) -> Kind | None:
    folded = normalise(name)
    for kind in columns.KINDS:
        if folded in columns.kind_of_sheet(kind).sheets:
            return kind
    return None


def _is_known(header: str) -> bool:
    return columns.registry_of(header) is not None or any(
        columns.field_of(header, kind) for kind in columns.KINDS
    )


def _keys(kind: Kind) -> tuple[str, ...]:
    return ("name", "assay_name", "files") if kind == "assay" else columns.kind_of_sheet(kind).key


def _kind(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    hinted: Kind | None,
    *,
    declared: bool,
) -> tuple[Kind | None, str]:
    if hinted is not None:
        fields = {columns.field_of(cell, hinted) for cell in header}
        if any(key in fields for key in _keys(hinted)) or hinted == "sample":
            return _samples_or_runs(header, rows) if hinted == "sample" else hinted, "sheet name"
    named = {columns.names_entity(cell) for cell in header}
    if "sample" in named:
        return _samples_or_runs(header, rows), "columns"
    of_datasets = {columns.field_of(cell, "dataset") for cell in header}
    files = [i for i, cell in enumerate(header) if columns.field_of(cell, "dataset") == "files"]
    if files and _names_raw_files(files, rows):
        return "assay", "files of runs"
    if files and of_datasets & _OF_DATASETS and _is_filled(files, rows) and not _is_matrix(rows):
        return "dataset", "columns"
    runs = [i for i, cell in enumerate(header) if columns.names_runs(cell)]
    if any(_is_unique(rows, index) for index in runs):
        return "assay", "columns"
    for kind in ("experiment", "program"):
        if kind in named:
            return kind, "columns"
    facts = {columns.field_of(cell, "sample") for cell in header} - {None, "name", "experiment"}
    if declared and facts and _unique_column(header, rows) is not None and not _is_matrix(rows):
        return "sample", "unique column"
    return None, ""


def _samples_or_runs(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Kind:
    """Runs have a key of their own: a run name, or a file for each of several runs of a sample."""
    by_field: dict[str | None, list[int]] = {}
    for index, cell in enumerate(header):
        by_field.setdefault(columns.field_of(cell, "sample"), []).append(index)
    keys = [i for field in ("assay_name", "files") for i in by_field.get(field, [])]
    if any(_is_unique(rows, index) for index in keys):
        return "assay"
    return "sample"


def _names_raw_files(files: Sequence[int], rows: Sequence[Sequence[str]]) -> bool:
    endings = tuple(f".{ending}" for ending in columns.content()["raw_file_endings"])
    cells = [row[i] for row in rows for i in files if i < len(row) and row[i]]
    raw = [c for c in cells if c.casefold().removesuffix(".gz").endswith(endings)]
    return bool(cells) and len(raw) * 2 > len(cells)


def _is_filled(places: Sequence[int], rows: Sequence[Sequence[str]]) -> bool:
    filled = [row for row in rows if any(i < len(row) and row[i] for i in places)]
    return len(filled) * 2 > len(rows)


def _is_unique(rows: Sequence[Sequence[str]], column: int) -> bool:
    cells = [row[column] if column < len(row) else "" for row in rows]
    return bool(cells) and all(cells) and len(set(cells)) == len(cells)


def _unique_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Returns the first column of names: filled and different in every row, and not measured."""
    for index in range(len(header)):
        if _is_unique(rows, index) and not all(
            _NUMBER.match(row[index]) and not row[index].isdigit() for row in rows
        ):
            return index
    return None


def _is_matrix(rows: Sequence[Sequence[str]]) -> bool:
    """Tells a table in which most cells are numbers: results, not descriptions."""
    cells = [cell for row in rows[:200] for cell in row if cell]
    return len([cell for cell in cells if _NUMBER.match(cell)]) * 2 > len(cells)


def _names(header: Sequence[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    names = []
    for index, cell in enumerate(header, start=1):
        name = cell or f"column {index}"
        seen[name] = seen.get(name, 0) + 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return tuple(names)


def _columns(
    header: Sequence[str], rows: Sequence[Sequence[str]], kind: Kind, *, declared: bool
) -> tuple[dict[str, tuple[int, ...]], dict[int, str]]:
    registries: dict[int, str] = {}
    found: dict[str, list[int]] = {}
    for index, cell in enumerate(header):
        registry = columns.registry_of(cell)
        name = columns.field_of(cell, kind)
        if registry is not None:
            registries[index] = registry
        elif name is not None:
            found.setdefault(name, []).append(index)
    known = {field.name: field for field in columns.kind_of_sheet(kind).fields}
    # Of several columns for one field, a header that is sure goes before a mere word, and where it
    # has to tell rows apart, one that does so before one that does not.
    for name, places in found.items():
        must_differ = name in ("name", "assay_name") and kind != "assay"
        sure = known[name].headers
        ranked = sorted(
            (must_differ and not _is_unique(rows, i), normalise(header[i]) not in sure, i)
            for i in places
        )
        places[:] = [i for _, _, i in ranked]
    if kind == "sample" and "name" not in found and declared:
        unique = _unique_column(header, rows)
        if unique is not None:
            found = {
                name: rest
                for name, places in found.items()
                if (rest := [i for i in places if i != unique])
            }
            registries.pop(unique, None)
            found["name"] = [unique]
    accessions = next((i for i, registry in registries.items() if registry == "biosample"), None)
    if kind == "assay" and accessions is not None and "name" in found:
        # Archives write tissues into a column named like samples: accessions tell these apart.
        pairs = {(row[found["name"][0]], row[accessions]) for row in rows if row[accessions]}
        if len({name for name, _ in pairs}) < len({accession for _, accession in pairs}):
            found["name"] = [accessions]
    return {name: tuple(places) for name, places in found.items()}, registries


def _record(cells: Sequence[str], line: int, layout: Layout) -> Record | Reject:
    kind = layout.kind
    fields: dict[str, Any] = {}
    attributes: dict[str, str] = {}
    used: set[int] = set(layout.registries)
    for name, places in layout.fields.items():
        listed = columns.is_list(kind, name)
        for place in places if listed else places[:1]:
            used.add(place)
            text = cells[place]
            if not text or (columns.is_empty(text) and name not in _keys(kind)):
                continue
            if name == "external_ids":
                fields.setdefault(name, {}).update(columns.external_ids(text))
            elif columns.is_controlled(name) and not listed:
                value = columns.controlled(name, text)
                if value is not None:
                    fields[name] = value
                elif kind in ("sample", "assay"):
                    attributes[layout.names[place]] = text
                else:
                    return Reject(
                        line, layout.names[place], text, f"unknown_{name}",
                        f"{text!r} is none of {', '.join(columns.allowed(name))}",
                    )  # fmt: skip
            elif listed:
                parts = columns.split_list(text)
                if name in ("files", "sheets"):
                    parts = [part.replace("\\", "/") for part in parts]
                fields.setdefault(name, []).extend(parts)
            else:
                fields[name] = text
    for place, registry in layout.registries.items():
        if not columns.is_empty(cells[place]):
            fields.setdefault("external_ids", {})[registry] = cells[place]
    if kind == "assay" and re.match(
        columns.content()["run_level_experiment"], fields.get("experiment", "")
    ):
        fields.setdefault("external_ids", {})["sra.experiment"] = fields.pop("experiment")
    attributes |= {layout.names[i]: text for i, text in enumerate(cells) if i not in used and text}
    if not any(name in fields for name in _keys(kind)):
        wanted = " or ".join(
            layout.names[layout.fields[k][0]] for k in _keys(kind) if k in layout.fields
        )
        return Reject(
            line, wanted, " | ".join(filter(None, cells))[:500], "missing_key",
            f"nothing stands in {wanted}; the row cannot be told from others",
        )  # fmt: skip
    if kind in ("sample", "assay"):
        others = [cells[i] for i in layout.fields.get("name", ())[1:]]
        complete_sample(fields, others)
    return Record(line, kind, fields, attributes)


def complete_sample(fields: dict[str, Any], others: Sequence[str] = ()) -> None:
    """Adds what follows from the columns of a sample: its name, other names, and its role.

    Args:
        fields: Fields so far; changed in place.
        others: More names of the sample.
    """
    files = fields.get("files", [])
    bases = [re.sub(r"^.*/", "", file) for file in files]
    if "name" not in fields:
        fields["name"] = fields.get("assay_name") or bases[0]
    known = [
        fields.get("assay_name"),
        *fields.get("alias", []),
        *others,
        *bases,
        *(
            accession
            for registry, accession in fields.get("external_ids", {}).items()
            if registry in columns.content()["sample_registries"]
        ),
    ]
    names = [name for name in dict.fromkeys(filter(None, known)) if name != fields["name"]]
    if names:
        fields["names"] = names
    if "sample_type" not in fields and "study_variable" in fields:
        role = columns.controlled("sample_type", fields["study_variable"])
        if role not in (None, "study"):
            fields["sample_type"] = role


def _once(
    record: Record, seen: dict[tuple[str, ...], int], layout: Layout, cells: Sequence[str]
) -> Record | Reject:
    """Refuses the second row of one program, experiment or sample in a sheet."""
    fields = record.fields
    if record.kind in ("program", "experiment"):
        key: tuple[str, ...] = (normalise(fields.get("code") or fields["name"]),)
    elif record.kind == "sample":
        key = (fields["name"], normalise(fields.get("experiment", "")))
    elif record.kind == "assay" and "assay_name" in fields:
        key = (fields["assay_name"], fields["name"], *fields.get("files", ()))
    else:
        return record
    first = seen.setdefault(key, record.row_number)
    if first == record.row_number:
        return record
    place = layout.fields.get("code") or layout.fields.get("name") or layout.fields["assay_name"]
    return Reject(
        record.row_number, layout.names[place[0]], cells[place[0]],
        f"duplicate_{'run' if record.kind == 'assay' else record.kind}",
        f"line {first} describes the same {record.kind}; keep one of the rows",
    )  # fmt: skip
