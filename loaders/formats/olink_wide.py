"""The wide sheet of Olink: assays described in rows above, samples below, and a trailer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import building
from loaders.reading import dialect as dialects
from loaders.reading.describe import Context
from loaders.reading.transposed import TransposedReading

#: First cells of the rows that describe the assays, folded.
_LABELS = ("panel", "assay", "uniprotid", "uniprot", "olinkid", "unit")
_NAMES = {"panel": "Panel", "assay": "Assay", "unit": "Unit"}
_SAMPLE_COLUMNS = re.compile(r"(plate ?id|qc ?warning|qc deviation.*)\Z", re.IGNORECASE)
#: A line that may be the row of panels, uncut.
_PANEL_ROW = re.compile(r"[^a-z]*panel", re.IGNORECASE)
#: Rows below the samples; what they say of an assay becomes its annotation.
_TRAILER = re.compile(
    r"(max )?lod|plate lod|lowest quantifiable level|lloq|uloq|(assay warning)"
    r"|missing data freq\.?|normali[sz]ation",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Sheet:
    """Where things stand.

    Attributes:
        labels: Rows above the samples, by folded name.
        trailer: Rows below the samples.
        first_row: Line of the first sample.
        trailer_lines: Lines of the trailer.
        is_npx: Whether the values are NPX, not concentrations.
    """

    labels: dict[str, list[str]]
    trailer: list[list[str]]
    first_row: int
    trailer_lines: frozenset[int]
    is_npx: bool


class OlinkWide:
    """Reads the wide sheet, as Excel or as text."""

    about = About(
        name="Olink NPX wide",
        holds="NPX of Olink panels, one row per sample and one column per assay.",
        recognised_by="rows that begin with `Panel`, `Assay`, `Uniprot ID` and `OlinkID` above the "
        "samples",
        software="Olink",
        omics_types=("proteomics",),
        orientation="samples in rows",
        feature="`OlinkID`, because names of assays repeat between panels; where that row is "
        "missing, UniProt id and assay",
        assay="the first cell of a row; plate and QC warning of each panel become attributes",
        quantities=(Quantity("NPX", "the columns with an assay above them"),),
        zeros="a value: NPX is a logarithm with base 2",
        skipped=(
            "trailer row: `LOD`, `Missing Data freq.`, `Normalization`; they become annotations of "
            "the assay",
        ),
        not_samples=("`Plate ID` and `QC Warning`, once per panel",),
        notes=("`Quantified data` are concentrations, with their unit; they are no logarithms.",),
        sources=("OlinkAnalyze, read_NPX",),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the rows above the samples."""
        # Cutting a head into cells takes longer than all other formats' looks together.
        if not any(_PANEL_ROW.match(line) for line in head.lines[:12]):
            return None
        begun = {_fold(record[0]) for record in head.records[:12] if record}
        if {"panel", "assay"} <= begun and begun & {"uniprotid", "uniprot", "olinkid"}:
            return Sniff(1.0, "rows that begin with Panel, Assay and Uniprot ID or OlinkID")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the matrix.

        Raises:
            Unreadable: If there are no samples below the assays.
        """
        delimiter, quoted = _dialect(content)
        sheet = _find(content, delimiter, quoted)
        assays = sheet.labels["assay"]
        width = len(assays)
        about_samples = [at for at in range(1, width) if _SAMPLE_COLUMNS.match(assays[at])]
        measured = [at for at in range(1, width) if assays[at] and at not in about_samples]
        ids = sheet.labels.get("olinkid")
        panels = sheet.labels.get("panel", [""] * width)
        proteins = sheet.labels.get("uniprotid") or sheet.labels.get("uniprot") or [""] * width
        header = ["SampleID", *[""] * (width - 1)]
        for at in measured:
            named = ids[at] if ids is not None and ids[at] else ""
            header[at] = named or "|".join(part for part in (proteins[at], assays[at]) if part)
        for at in about_samples:
            header[at] = f"{assays[at]} {panels[at]}".strip()

        def records() -> Iterator[tuple[int, Sequence[str]]]:
            for number, cells in content.records(delimiter=delimiter, quoted=quoted):
                if number >= sheet.first_row and number not in sheet.trailer_lines:
                    yield number, cells

        above = {_NAMES.get(k, "UniProt"): row for k, row in sheet.labels.items() if k != "olinkid"}
        columns = set(measured)
        below = {row[0]: row for row in sheet.trailer}
        labels = [
            [name, *(row[at] if at in columns else "" for at in range(1, min(width, len(row))))]
            for name, row in {**above, **below}.items()
        ]
        grid = building.table_of(
            header,
            records,
            label_rows=labels,
            evidence={"delimiter": delimiter, "trailer_rows": len(sheet.trailer)},
        )
        table = building.first_rows(grid)
        if table is None or not measured:
            raise Unreadable(
                "broken_blocks",
                place=context.part or "sheet",
                seen="no sample below the rows of the assays" if measured else "no assay",
                expected="one row per sample",
                question="Was the export complete?",
                nearest_format=self.about.name,
            )
        units = sheet.labels.get("unit", [])
        roles = Roles(
            orientation="samples_in_rows",
            format=self.about.name,
            software="Olink",
            omics_type="proteomics",
            feature_type="protein",
            feature_columns=tuple(measured),
            sample_column=0,
            annotation_columns=tuple(about_samples),
            quantity="NPX" if sheet.is_npx else "concentration",
            unit="NPX" if sheet.is_npx else next((unit for unit in units[1:] if unit), None),
            value_scale="log2" if sheet.is_npx else "linear",
            zero_is_missing=False,
        )
        return [TransposedReading(grid, roles, context)]


def _fold(cell: str) -> str:
    return re.sub(r"[^a-z]", "", cell.casefold())


def _dialect(content: Content) -> tuple[str, bool]:
    if content.cells is not None:
        return "\t", False
    found = dialects.sniff([line + "\n" for line in content.head.lines])
    return (found.delimiter, found.quoted) if found is not None else ("\t", False)


def _find(content: Content, delimiter: str, quoted: bool) -> _Sheet:
    """Finds the rows above and below the samples."""
    labels: dict[str, list[str]] = {}
    trailer: list[list[str]] = []
    lines: set[int] = set()
    is_npx, first_row = True, 0
    for number, cells in content.records(delimiter=delimiter, quoted=quoted):
        row = [cell.strip() for cell in cells]
        first = row[0] if row else ""
        if "assay" not in labels and first.casefold().startswith("quantified data"):
            is_npx = False
        if not first_row:
            name = _fold(first)
            if name in _LABELS and len([cell for cell in row if cell]) > 1:
                labels[name] = row
            elif "assay" in labels and any(row):
                first_row = number
        if first_row and _TRAILER.fullmatch(first):
            trailer.append(row)
            lines.add(number)
    width = len(labels.get("assay", ()))
    labels = {name: (row + [""] * width)[: max(width, len(row))] for name, row in labels.items()}
    return _Sheet(labels, trailer, first_row or 10**9, frozenset(lines), is_npx)


FORMATS = (OlinkWide(),)
