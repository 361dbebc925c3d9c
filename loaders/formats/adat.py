"""SomaScan ADAT: analytes described in rows above the matrix, samples in columns left of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loaders.formats.protocol import About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import building
from loaders.reading.describe import Context
from loaders.reading.transposed import TransposedReading

_MARKS = ("^HEADER", "^COL_DATA", "^ROW_DATA", "^TABLE_BEGIN", "!AdatId", "!Checksum")
_KEY = "SlideId_Subarray"
#: Lines of ^HEADER that say how the values came about.
_SAID = (
    "AdatId",
    "Title",
    "AssayVersion",
    "AssayType",
    "StudyMatrix",
    "StudyOrganism",
    "ProcessSteps",
)


@dataclass(frozen=True)
class _Table:
    """Where the parts of the table stand.

    Attributes:
        said: Lines of the header block.
        labels: Rows that describe the analytes, each from the column of its name on.
        fields: Names of the columns that describe the samples.
        first_row: Line of the first sample.
        corner: Column that holds the names of the label rows (0-based).
    """

    said: dict[str, str]
    labels: list[list[str]]
    fields: list[str]
    first_row: int
    corner: int


class Adat:
    """Reads the RFU matrix of an ADAT."""

    about = About(
        name="SomaScan ADAT",
        holds="Relative fluorescence (RFU) of aptamers, one row per sample.",
        recognised_by="the blocks `^HEADER`, `^COL_DATA`, `^ROW_DATA`, `^TABLE_BEGIN`",
        software="SomaScan",
        omics_types=("proteomics",),
        orientation="samples in rows; analytes are described in rows above",
        feature="an aptamer: `SeqId` (UniProt and gene symbols repeat); the other rows above the "
        "matrix are annotations",
        assay="a row: `SlideId` and `Subarray` joined by `_`, because `SampleId` may repeat; all "
        "columns left of the matrix are attributes, `SampleType` (Sample, QC, Calibrator, Buffer) "
        "among them",
        quantities=(Quantity("RFU", "the matrix right of the row data"),),
        zeros="a value",
        flags=(
            "is_internal_standard: `Type` is not Protein (spuriomers, hybridisation controls …)",
        ),
        sources=("SomaLogic/SomaLogic-Data, README, ADAT File Format",),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the marks of the blocks."""
        if not head.may_hold("^", "!"):
            return None
        for line in head.lines[:60]:
            if line.lstrip(' "')[:1] not in ("^", "!"):
                continue
            mark = line.partition("\t")[0].strip().strip('"')
            if mark in _MARKS:
                return Sniff(1.0, f"a line {mark}")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the matrix.

        Raises:
            Unreadable: If a block is missing.
        """
        table = _find(content, context)
        keys = [
            table.fields.index(name) for name in ("SlideId", "Subarray") if name in table.fields
        ]
        if len(keys) < 2:
            keys = [
                at for at, name in enumerate(table.fields) if name in ("SampleId", "SampleName")
            ][:1]
        if not keys:
            raise _broken(
                context, f"row data {', '.join(table.fields[:8])}", "SlideId and Subarray"
            )
        sequences = next((row for row in table.labels if row[0] == "SeqId"), None)
        if sequences is None:
            raise _broken(context, "rows above the matrix without SeqId", "a row SeqId")
        n_left = table.corner + 1

        def records() -> Iterator[tuple[int, Sequence[str]]]:
            for number, cells in content.records():
                if number < table.first_row or not any(cell.strip() for cell in cells):
                    continue
                yield (
                    number,
                    ["_".join(cells[at].strip() for at in keys if at < len(cells)), *cells],
                )

        left = [*table.fields, *[""] * (n_left - len(table.fields))]
        header = [_KEY, *left, *sequences[1:]]
        labels = [["", *[""] * table.corner, *row] for row in table.labels if row is not sequences]
        grid = building.table_of(
            header, records, label_rows=labels, evidence={"delimiter": "\t"}, content=content
        )
        units = next((row for row in table.labels if row[0] == "Units"), ["", "RFU"])
        features = tuple(at for at in range(n_left + 1, len(header)) if header[at])
        roles = Roles(
            orientation="samples_in_rows",
            format="SomaScan ADAT",
            software="SomaScan",
            omics_type="proteomics",
            feature_type="protein",
            feature_columns=features,
            sample_column=0,
            annotation_columns=tuple(at for at in range(1, n_left) if header[at]),
            quantity="RFU",
            unit=next((unit for unit in units[1:] if unit), "RFU"),
            zero_is_missing=False,
            evidence={
                "sample_key": [table.fields[at] for at in keys],
                "adat": {key: table.said[key][:1000] for key in _SAID if table.said.get(key)},
                "label_flags": {"is_internal_standard": ("Type", r"^(?!Protein$)")},
            },
        )
        if building.first_rows(grid) is None:
            raise _broken(context, "no row below the header of the samples", "at least one sample")
        return [TransposedReading(grid, roles, context)]


def _find(content: Content, context: Context) -> _Table:
    """Finds the table: rows that begin with empty cells, then the header of the samples."""
    said: dict[str, str] = {}
    labels: list[list[str]] = []
    corner = 0
    begun = False
    for number, cells in content.records():
        mark = cells[0].strip()
        if not begun:
            begun = mark == "^TABLE_BEGIN"
            if mark.startswith("!") and len(cells) > 1:
                said.setdefault(mark.removeprefix("!"), cells[1].strip())
            continue
        trimmed = [cell.strip() for cell in cells]
        if not any(trimmed):
            continue
        if not mark:
            corner = next(at for at, cell in enumerate(trimmed) if cell)
            labels.append(trimmed[corner:])
            continue
        if not labels:
            raise _broken(context, "no rows above the header of the samples", "a row SeqId")
        return _Table(said, labels, [c for c in trimmed[:corner] if c], number + 1, corner)
    raise _broken(
        context,
        "no ^TABLE_BEGIN" if not begun else "nothing below ^TABLE_BEGIN",
        "the matrix below ^TABLE_BEGIN",
    )


def _broken(context: Context, seen: str, expected: str) -> Unreadable:
    return Unreadable(
        "broken_blocks",
        place=context.part or "table",
        seen=seen,
        expected=expected,
        question="Was the transfer complete, or was the file edited by hand?",
        nearest_format="SomaScan ADAT",
    )


FORMATS = (Adat(),)
