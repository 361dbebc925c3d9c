"""GEO series matrix: lines about the series and its samples, then one table, which may be empty."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import building
from loaders.reading.describe import Context
from loaders.reading.grid import Grid
from loaders.reading.matrix import MatrixReading

if TYPE_CHECKING:
    import pyarrow as pa

_BEGIN, _END = "!series_matrix_table_begin", "!series_matrix_table_end"
_MARK = re.compile(r'"?!(Series_\w+|Sample_\w+|series_matrix_table_begin)')
#: Lines about the series that say what the data are.
_SERIES = (
    "title",
    "geo_accession",
    "type",
    "summary",
    "overall_design",
    "pubmed_id",
    "platform_id",
)
#: What `!Series_type` says of the molecules that were measured.
_KINDS = (
    (re.compile(r"protein profiling", re.IGNORECASE), "proteomics"),
    (re.compile(r"expression profiling|rna profiling", re.IGNORECASE), "transcriptomics"),
)


@dataclass
class _Top:
    """What stands above the table.

    Attributes:
        series: Lines about the series: key to values.
        samples: One entry per line about the samples: key and one value per sample.
        header: Header of the table, or None where there is no table.
        first_row: Line of the first row of the table.
    """

    series: dict[str, list[str]] = field(default_factory=dict)
    samples: list[tuple[str, list[str]]] = field(default_factory=list)
    header: list[str] | None = None
    first_row: int = 0


class SeriesMatrix:
    """Reads the table, and what the lines above it say of each sample."""

    about = About(
        name="GEO series matrix",
        holds="The processed values of a GEO series, with the description of its samples.",
        recognised_by="lines `!Series_…`, `!Sample_…` or `!series_matrix_table_begin`",
        orientation="features in rows, below lines about the series and its samples",
        feature="column `ID_REF`: a probe, a gene or whatever the platform names; always text",
        assay="a column named by its GSM accession; every `!Sample_…` line becomes an attribute, "
        "each `characteristics` line under its own name",
        quantities=(Quantity("series matrix value", "every column right of `ID_REF`"),),
        zeros="a value",
        missing=("null",),
        skipped=("end marker: the line `!series_matrix_table_end`",),
        notes=(
            "The table of a sequencing series is often empty: the samples load, with 0 features.",
            "Addresses of the contact persons are not kept.",
            "The type follows from `!Series_type`, else from the content.",
        ),
        sources=("NCBI GEO, SOFT and series matrix format", "Bioconductor GEOquery"),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for lines that only a series matrix has."""
        for line in head.lines[:20]:
            found = _MARK.match(line)
            if found:
                return Sniff(1.0, f"a line that begins with !{found[1]}")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the matrix.

        Raises:
            Unreadable: If the file names no sample.
        """
        top = _look(content)
        if top.header and _ends_with_a_row(content, top.header[0]):
            raise Unreadable(
                "broken_blocks",
                place=context.part or "end of the file",
                seen=f"rows and no line {_END} below them",
                expected="a series matrix up to its last line",
                question="Was the transfer complete? Copy the file again.",
                nearest_format="GEO series matrix",
            )
        accessions = next((v for k, v in top.samples if k == "geo_accession"), [])
        header = top.header or ["ID_REF", *accessions]
        while header and not header[-1]:
            header.pop()
        if len(header) < 2:
            raise Unreadable(
                "no_quantity_columns",
                place=context.part or "lines above the table",
                seen="a series matrix that names no sample",
                expected="a line !Sample_geo_accession, or a table with a column per sample",
                question="Was the transfer complete? Copy the file again.",
                nearest_format="GEO series matrix",
            )
        grid = (
            building.table_below(content, header=header, first_row=top.first_row)
            if top.header
            else building.table_of(header, lambda: iter(()))
        )
        roles = Roles(
            orientation="features_in_rows",
            format="GEO series matrix",
            omics_type=_omics_type(top),
            feature_columns=(0,),
            assay_columns=tuple((at, header[at]) for at in range(1, len(header))),
            zero_is_missing=False,
            evidence={
                "series": {
                    key: " ".join(values)[:2000]
                    for key in _SERIES
                    if (values := top.series.get(key))
                },
                "skip_rows": [{"column": 0, "matches": f"^{_END}", "rule": "end marker"}],
            },
        )
        table = building.first_rows(grid)
        reading = MatrixReading(grid, roles, _or_empty(table, grid), context)
        attributes = _attributes(top)
        by_name = dict(zip(accessions, attributes, strict=False))
        assays = tuple(
            replace(assay, attributes=by_name.get(assay.source_column, {}))
            for assay in reading.header.assays
        )
        reading.header = replace(reading.header, assays=assays)
        return [reading]


def _ends_with_a_row(content: Content, first_header: str) -> bool:
    """Whether the last line is a row of the table: its end has been cut off."""
    if content.text is None:
        return False
    last = re.split(r"[\r\n]", content.text.tail.rstrip())[-1]
    return (
        bool(last) and not last.startswith("!") and last.split("\t")[0].strip('"') != first_header
    )


def _look(content: Content) -> _Top:
    """Reads the lines above the table."""
    top = _Top()
    for number, line in content.lines():
        if not line.strip():
            continue
        cells = next(csv.reader([line], delimiter="\t"), [])
        key = cells[0].strip()
        if key.lower() == _BEGIN:
            top.header, top.first_row = [], number + 1
            continue
        if top.header is not None:
            if key.lower() != _END:
                top.header, top.first_row = [cell.strip() for cell in cells], number + 1
            else:
                top.header = None
            return top
        values = [cell.strip() for cell in cells[1:]]
        if key.startswith("!Series_"):
            top.series.setdefault(key.removeprefix("!Series_"), []).extend(values)
        elif key.startswith("!Sample_"):
            top.samples.append((key.removeprefix("!Sample_"), values))
    top.header = None
    return top


def _omics_type(top: _Top) -> str | None:
    said = " ".join(top.series.get("type", ()))
    kinds = {kind for pattern, kind in _KINDS if pattern.search(said)}
    if not kinds:
        molecules = " ".join(v for k, vs in top.samples if k.startswith("molecule") for v in vs)
        kinds = {"transcriptomics"} if re.search(r"\bRNA\b", molecules) else set()
        kinds |= {"proteomics"} if re.search(r"\bprotein\b", molecules) else set()
    return next(iter(kinds)) if len(kinds) == 1 else None


def _attributes(top: _Top) -> list[dict[str, str]]:
    """Returns the attributes of each sample; ``key: value`` lines go under their own key."""
    count = max((len(values) for _, values in top.samples), default=0)
    found: list[dict[str, str]] = [{} for _ in range(count)]
    for key, values in top.samples:
        if key.startswith("contact_") or key == "geo_accession":
            continue
        for sample, value in zip(found, values, strict=False):
            name, text = key, value
            if key.startswith("characteristics") and ":" in value:
                name, text = (part.strip() for part in value.split(":", 1))
            if not text:
                continue
            number, unique = 1, name
            while unique in sample:
                number += 1
                unique = f"{name} ({number})"
            sample[unique] = text
    return found


def _or_empty(table: pa.Table | None, grid: Grid) -> pa.Table:
    from loaders.reading.grid import table_of_rows

    return table if table is not None else table_of_rows([], [], len(grid.header))


FORMATS = (SeriesMatrix(),)
