"""mwTab of the Metabolomics Workbench: text, JSON, text saved as CSV, and fragments of it.

One block of quantities becomes one dataset. The description of the study goes to the evidence, the
factors and further facts of a sample to its assay, the annotations of a molecule to its row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from loaders.formats.mwtab_blocks import (
    Analysis,
    Block,
    delimiter_of,
    is_fragment,
    is_json,
    marks_of_text,
    parse,
    parse_json,
    split_factors,
    words,
)
from loaders.formats.protocol import About, Content, Format, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading.describe import Context
from loaders.reading.grid import Grid, RaggedLog

if TYPE_CHECKING:
    import pyarrow as pa

_ABOUT = About(
    name="mwTab",
    holds="An analysis of the Metabolomics Workbench: description, sample factors, quantities and "
    "annotations of molecules in blocks.",
    recognised_by="a line that begins with #METABOLOMICS WORKBENCH, the beginning of a block such "
    "as MS_METABOLITE_DATA_START, or a first row Samples with a second row Factors",
    software="Metabolomics Workbench",
    omics_types=("metabolomics", "lipidomics"),
    orientation="features in rows, between a line X_START and a line X_END",
    feature="a row below Samples and Factors; its first cell",
    assay="a cell of the row Samples",
    quantities=(Quantity("as UNITS says", "all cells of the block"),),
    zeros="values: what was not measured is left empty or spelled NA",
    skipped=("label row: the rows Samples and Factors",),
    not_samples=("the row Factors: it describes samples and is no molecule",),
    notes=(
        "factors and additional sample data become attributes of the assay",
        "columns of the block METABOLITES become annotations, joined by name; where the quantities "
        "spell a comma as an underscore, by that spelling",
        "a file with several analyses or blocks becomes several datasets",
    ),
    sources=(
        "mwTab specification, metabolomicsworkbench.org",
        "mwtab documentation, MoseleyBioinformaticsLab",
    ),
)


class MwTabText:
    """mwTab as text, parted by tabs or saved as CSV."""

    about = _ABOUT

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the marks of the format at the beginnings of the first lines."""
        if head.kind == "binary" or is_json(head.text):
            return None
        # Every mark holds one of the two.
        mark = marks_of_text(head.lines) if head.may_hold("_", "#") else None
        if mark is not None:
            return Sniff(1.0, mark)
        if head.lines and "samples" in head.lines[0][:12].casefold() and is_fragment(head.records):
            return Sniff(0.9, "a first row Samples and a second row Factors with name:value pairs")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads every block of quantities.

        Raises:
            Unreadable: If a block is cut off, or there is none.
        """
        if content.cells is not None:
            delimiter = "\t"
            records = content.records()
        else:
            delimiter = delimiter_of(content.head.lines)
            records = content.records(delimiter=delimiter, quoted=delimiter != "\t")
        evidence: dict[str, object] = {"delimiter": delimiter, "quoted": delimiter != "\t"}
        if content.text is not None:
            evidence["encoding"] = content.text.encoding
        return _readings(parse(records, delimiter), context, evidence, delimiter)


class MwTabJson:
    """mwTab as JSON."""

    about = replace(
        _ABOUT,
        name="mwTab JSON",
        recognised_by="an object whose first key is METABOLOMICS WORKBENCH",
        orientation="a list of objects, one for each molecule, with a key for each sample",
        assay="a key of these objects",
        skipped=("label row: an object named Factors",),
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the first key of the format."""
        if head.kind == "text" and is_json(head.text):
            return Sniff(1.0, "JSON with the key METABOLOMICS WORKBENCH")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads every block of quantities.

        Raises:
            Unreadable: If the JSON is not complete or too large, or holds no quantities.
        """
        if content.text is None:
            return []
        with content.text.lines() as stream:
            text = stream.read()
        evidence: dict[str, object] = {"encoding": content.text.encoding}
        found = _readings(parse_json(text), context, evidence, "\t")
        for reading in found:
            header = replace(reading.header, format=self.about.name)
            reading.header = header
        return found


FORMATS: tuple[Format, ...] = (MwTabText(), MwTabJson())


@dataclass(frozen=True)
class _BlockRows:
    """The rows of a block, which are in memory as Arrow text, with the molecules' annotations."""

    block: Block
    notes: tuple[dict[str, str], ...]
    molecules: Mapping[str, Mapping[str, str]]

    def __call__(self, log: RaggedLog) -> Iterator[pa.Table]:
        """Yields the rows."""
        log.too_wide += self.block.wide
        log.padded += self.block.padded
        log.blank += self.block.blank
        for table in self.block.tables:
            yield self._annotated(table)

    def _annotated(self, table: pa.Table) -> pa.Table:
        import pyarrow as pa

        width = len(self.block.samples) + 1
        held = [self.molecules.get(_key(name), {}) for name in table.column(0).to_pylist()]
        for at, note in enumerate(self.notes):
            texts = pa.array([entry.get(note["name"], "") for entry in held], pa.string())
            table = table.add_column(width + at, f"c{width + at}", texts)
        return table


def _readings(
    analyses: Sequence[Analysis],
    context: Context,
    evidence: Mapping[str, object],
    delimiter: str,
) -> list[DatasetReading]:
    from loaders.reading.read import with_part
    from loaders.reading.rows import unique_names

    blocks = [(analysis, block) for analysis in analyses for block in analysis.blocks]
    filled = [(analysis, block) for analysis, block in blocks if block.tables]
    if not filled:
        raise _nothing(analyses, context)
    places = []
    for at, (analysis, block) in enumerate(filled, start=1):
        names = []
        if len(analyses) > 1:
            names.append(f"analysis={analysis.items.get('ANALYSIS_ID', at)}")
        if len([one for one, _ in filled if one is analysis]) > 1:
            names.append(f"block={block.name}")
        places.append("/".join(names))
    # Files that were put together by hand repeat an analysis or a block under one name.
    return [
        _reading(analysis, block, with_part(context, place) if place else context, evidence)
        for (analysis, block), place in zip(filled, unique_names(places), strict=True)
    ]


def _reading(
    analysis: Analysis, block: Block, context: Context, evidence: Mapping[str, object]
) -> DatasetReading:
    from loaders.reading.matrix import MatrixReading

    molecules = {_key(name): notes for name, notes in analysis.molecules.items()}
    columns = list(dict.fromkeys(key for notes in molecules.values() for key in notes))
    grid = Grid(
        header=("Metabolite", *block.samples, *columns),
        preamble=(),
        label_rows=(),
        labels_below=block.label_rows,
        first_row=int(block.tables[0].column("row_number")[0].as_py()),
        rows=_BlockRows(block, tuple({"name": name} for name in columns), molecules),
        evidence=dict(evidence),
    )
    reading = MatrixReading(grid, _roles(analysis, block, len(columns)), block.tables[0], context)
    reading.header = replace(
        reading.header,
        assays=tuple(
            replace(assay, attributes=_attributes(analysis, block, position))
            for position, assay in enumerate(reading.header.assays)
        ),
        # The samples differ from file to file and are no part of the format.
        format_fingerprint=_fingerprint(block.name, columns),
    )
    return reading


def _roles(analysis: Analysis, block: Block, n_notes: int) -> Roles:
    said = words()
    units = block.units.strip()
    study = {
        name: next((analysis.items[key] for key in keys if key in analysis.items), "")
        for name, keys in said["study"].items()
    }
    names = [name for table in block.tables for name in table.column(0).slice(0, 400).to_pylist()]
    is_quantity = bool(units) and re.fullmatch(said["quantities"], units) is not None
    scale = next((s["scale"] for s in said["scales"] if re.fullmatch(s["pattern"], units)), None)
    bins = next(entry for entry in said["blocks"] if entry["name"] == block.name).get("bins")
    known = set(block.samples)
    evidence: dict[str, object] = {
        "block": block.name,
        "study": {name: text for name, text in study.items() if text},
        "n_samples_described": len(analysis.factors),
    }
    unused = sorted(sample for sample in analysis.factors if sample not in known)
    if unused:
        evidence["samples_described_and_not_measured"] = unused[:20]
    if analysis.not_read:
        evidence["blocks_not_read"] = analysis.not_read
    first = len(block.samples) + 1
    return Roles(
        orientation="features_in_rows",
        format=_ABOUT.name,
        software=_ABOUT.software,
        omics_type=_omics_type(names, units),
        feature_columns=(0,),
        assay_columns=tuple(enumerate(block.samples, start=1)),
        annotation_columns=tuple(range(first, first + n_notes)),
        quantity=units if is_quantity else "concentration" if units else "abundance",
        unit=units or None,
        value_scale=scale,
        zero_is_missing=False,
        evidence=evidence | ({"features_are": "bins of a spectrum"} if bins else {}),
    )


def _omics_type(names: Sequence[str], units: str) -> str:
    """Tells lipids from other molecules; the Workbench holds nothing else."""
    from loaders.reading.omics_type import vote_type

    vote = vote_type(
        [name.strip() for name in names], [units], whole_numbers=False, quantity_omics=None
    )
    return "lipidomics" if vote.omics_type == "lipidomics" else "metabolomics"


def _attributes(analysis: Analysis, block: Block, position: int) -> dict[str, str]:
    sample = block.samples[position]
    facts = dict(analysis.factors.get(sample, {}))
    if position < len(block.factors):
        said = block.factors[position]
        parts = split_factors(said)
        if not parts and said and said != "-":
            parts = {"Factors": said}
        for name, value in parts.items():
            facts.setdefault(name, value)
    return facts


def _key(name: str) -> str:
    # The quantities of some files spell the commas of a name as underscores, the annotations do not
    return re.sub(r"[,_\s]+", "_", name.strip()).casefold()


def _fingerprint(block: str, columns: Sequence[str]) -> str:
    from loaders.reading.describe import fingerprint

    return fingerprint([block, *columns])


def _nothing(analyses: Sequence[Analysis], context: Context) -> Unreadable:
    elsewhere = next((a.results_file for a in analyses if a.results_file), "")
    others = [name for analysis in analyses for name in analysis.not_read]
    seen = "no block of quantities"
    if elsewhere:
        seen += f"; the file says that they are in: {elsewhere[:200]}"
    elif others:
        seen += f"; only {', '.join(others)}"
    return Unreadable(
        "no_quantities",
        place=context.part or "file",
        seen=seen,
        expected="a block such as MS_METABOLITE_DATA with rows",
        question="Can the named results file be loaded instead?"
        if elsewhere
        else "Does the analysis have quantities? Untargeted ones often lie in a file beside it.",
        nearest_format=_ABOUT.name,
    )
