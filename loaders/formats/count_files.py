"""Count files without a header: STAR's ReadsPerGene and htseq-count."""

from __future__ import annotations

import re
from collections.abc import Sequence

from loaders import vocabulary
from loaders.formats.protocol import GROUP_RULE, About, Content, Head, Quantity, Sniff
from loaders.model import DatasetReading, ReadOptions, Roles, Unreadable
from loaders.reading import building
from loaders.reading.describe import Context, named_after_path
from loaders.reading.matrix import MatrixReading

STRANDS = ("unstranded", "forward", "reverse")
_STAR_SUMMARY = r"^N_(unmapped|multimapping|noFeature|ambiguous)$"
_STAR_HEADER = ("gene", "unstranded", "forward", "reverse")
_HTSEQ_SUMMARY = r"^__(no_feature|ambiguous|too_low_aQual|not_aligned|alignment_not_unique)$"
_ENSEMBL = re.compile(
    r"ENS[A-Z]{0,6}[GTE]\d{11}(\.\d+)?\Z|FBgn\d{7}\Z|WBGene\d{8}\Z|AT[1-5CM]G\d{5}\Z"
)
_NAME = re.compile(r"[A-Za-z][\w.\-|:@()/]*\Z")
_COUNT = re.compile(r"\d+\Z")


class StarCounts:
    """Reads the column of a STAR count file that belongs to the strandedness of the library."""

    about = About(
        name="STAR ReadsPerGene",
        holds="Reads per gene of one sample, counted three ways by STAR.",
        recognised_by="four columns without a header, the first rows `N_unmapped`, "
        "`N_multimapping`, `N_noFeature`, `N_ambiguous`",
        software="STAR",
        omics_types=("transcriptomics",),
        orientation="features in rows, one sample per file",
        feature="gene: column 1",
        assay="the file, without `ReadsPerGene.out.tab`, else the folder it lies in",
        quantities=(
            Quantity("counts", "column 2 (unstranded), 3 (forward) or 4 (reverse), as declared"),
        ),
        zeros="a real count",
        skipped=("summary row: `N_unmapped`, `N_multimapping`, `N_noFeature`, `N_ambiguous`",),
        notes=(
            "Which column is right depends on the library and is declared: `OMICS_STAR_STRAND`, or "
            "`strand:` in a mapping. Undeclared, the file is quarantined with the question and the "
            "sums of the columns. It is never guessed.",
        ),
        sources=("alexdobin/STAR, manual, Counting number of reads per gene; issue 2099",),
        group=GROUP_RULE,
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks for the summary rows, which stand first."""
        first = next((line for line in head.lines if line.strip()), "")
        if not first.startswith("N_"):
            return None
        rows = [line.split("\t") for line in head.lines[:40] if line.strip()]
        if not rows or not re.match(_STAR_SUMMARY, rows[0][0]):
            return None
        if not all(len(row) == 4 and all(map(_COUNT.match, row[1:])) for row in rows):
            return None
        return Sniff(1.0, f"no header, four columns, and the first row is {rows[0][0]}")

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads one column.

        Raises:
            Unreadable: If the strandedness is not declared.
        """
        strand = declared_strand(options)
        if strand is None:
            raise _which_strand(content, context)
        grid = building.table_below(content, header=_STAR_HEADER, first_row=1, quoted=False)
        table = building.first_rows(grid)
        if table is None:
            raise ValueError("a file that was sniffed has rows")
        column = 1 + STRANDS.index(strand)
        roles = Roles(
            orientation="features_in_rows",
            format="STAR ReadsPerGene",
            software="STAR",
            omics_type="transcriptomics",
            feature_type="gene",
            feature_columns=(0,),
            assay_columns=((column, strand),),
            ignored_columns={
                at: "counted for another strandedness" for at in (1, 2, 3) if at != column
            },
            quantity="counts",
            unit="counts",
            value_scale="linear",
            zero_is_missing=False,
            evidence={
                "strand": strand,
                "assay_name_from": "file",
                "assay_name_strip": r"[._-]*ReadsPerGene\.out\.tab",
                "skip_rows": [{"column": 0, "matches": _STAR_SUMMARY, "rule": "summary row"}],
            },
        )
        return [MatrixReading(grid, named_after_path(roles, context.path), table, context)]


def declared_strand(options: ReadOptions) -> str | None:
    """Returns the strandedness that a mapping or the settings declare.

    Raises:
        Unreadable: If a mapping declares another word.
    """
    said = (options.mapping or {}).get("strand", options.star_strand)
    if said is None:
        return None
    if said not in STRANDS:
        raise Unreadable(
            "mapping_does_not_fit",
            place="mapping: strand",
            seen=repr(said),
            expected=f"one of {', '.join(STRANDS)}",
            question="Which strandedness has the library?",
        )
    return str(said)


def _which_strand(content: Content, context: Context) -> Unreadable:
    sums = [0, 0, 0]
    for _, cells in content.records():
        if len(cells) == 4 and not cells[0].startswith("N_"):
            for at in range(3):
                sums[at] += int(cells[at + 1]) if _COUNT.match(cells[at + 1]) else 0
    shown = ", ".join(f"{name} {total:,}" for name, total in zip(STRANDS, sums, strict=True))
    return Unreadable(
        "undecided_strand",
        place=f"{context.part}: columns 2 to 4" if context.part else "columns 2 to 4",
        seen=f"reads in genes: {shown}",
        expected="a declared strandedness of the library",
        question="Is the library unstranded, forward or reverse stranded? Say so with "
        "OMICS_STAR_STRAND for all files, or with a mapping for this one.",
        nearest_format="STAR ReadsPerGene",
        mapping_stub="format: STAR ReadsPerGene\n"
        f"strand: null  # one of: {', '.join(STRANDS)}; {shown}\n",
    )


class HtseqCounts:
    """Reads what htseq-count writes: names, perhaps more columns, counts, and summary rows."""

    about = About(
        name="HTSeq counts without header",
        holds="Reads per gene of one sample, without a header.",
        recognised_by="no header, a name first and a whole number last in every row, and rows that "
        "begin with `__` or names that are gene ids",
        software="HTSeq",
        omics_types=("transcriptomics",),
        orientation="features in rows, one sample per file",
        feature="gene: column 1; text columns behind it are annotations",
        assay="the file it stands in; where there are several columns of counts, their number",
        quantities=(Quantity("counts", "the columns of whole numbers at the end"),),
        zeros="a real count",
        skipped=("summary row: `__no_feature`, `__ambiguous`, `__too_low_aQual` …",),
        sources=("htseq-count, manual page",),
        group=GROUP_RULE,
    )

    def sniff(self, head: Head) -> Sniff | None:
        """Looks at names and counts of the first rows, and for summary rows."""
        first = next((line for line in head.lines if line.strip()), "")
        if not _COUNT.match(first.rpartition("\t")[2].strip()):
            return None
        rows = [line.split("\t") for line in head.lines if line.strip()]
        if not rows or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
            return None
        if not all(_COUNT.match(row[-1].strip()) for row in rows):
            return None
        names = [row[0].strip() for row in rows]
        if _is_header(names):
            return None
        if any(re.match(_HTSEQ_SUMMARY, name) for name in names):
            return Sniff(1.0, "no header, counts, and a row that begins with __")
        if sum(1 for name in names if _ENSEMBL.match(name)) >= 0.8 * len(names):
            return Sniff(0.9, "no header, counts, and names that are ids of genes")
        if len(rows) >= 10 and len(set(names)) == len(names) and all(map(_NAME.match, names)):
            return Sniff(0.6, "no header, and a name and a count in every row")
        return None

    def read(
        self, content: Content, context: Context, options: ReadOptions
    ) -> list[DatasetReading]:
        """Reads the counts.

        Raises:
            Unreadable: If nothing but the shape speaks for a count file.
        """
        rows = [line.split("\t") for line in content.head.lines if line.strip()]
        width = len(rows[0])
        counts = [
            at for at in range(1, width) if all(_COUNT.match(row[at].strip()) for row in rows)
        ]
        last = [at for at in counts if set(range(at, width)) <= set(counts)]
        if not self._is_certain(content, rows):
            raise Unreadable(
                "no_header",
                place=context.part or "line 1",
                seen=f"a first line that is data: {' '.join(rows[0])[:80]!r}",
                expected="a header, or rows such as __no_feature, or ids of genes",
                question="What are the columns called? Add a first line with their names.",
                nearest_format=self.about.name,
            )
        header = ["gene", *[f"column {at + 1}" for at in range(1, width)]]
        single = len(last) == 1
        if single:
            header[last[0]] = "counts"
        grid = building.table_below(content, header=header, first_row=1, quoted=False)
        table = building.first_rows(grid)
        if table is None:
            raise ValueError("a file that was sniffed has rows")
        evidence: dict[str, object] = {
            "skip_rows": [{"column": 0, "matches": _HTSEQ_SUMMARY, "rule": "summary row"}]
        }
        if single:
            evidence["assay_name_from"] = "file"
            evidence["assay_name_strip"] = r"[._-]*(htseq)?[._-]*counts?(\.(txt|tsv|tab))?"
        roles = Roles(
            orientation="features_in_rows",
            format=self.about.name,
            software="HTSeq",
            omics_type="transcriptomics",
            feature_type="gene",
            feature_columns=(0,),
            assay_columns=tuple((at, header[at]) for at in last),
            annotation_columns=tuple(at for at in range(1, width) if at not in last),
            quantity="counts",
            unit="counts",
            value_scale="linear",
            zero_is_missing=False,
            evidence=evidence,
        )
        return [MatrixReading(grid, named_after_path(roles, context.path), table, context)]

    def _is_certain(self, content: Content, rows: Sequence[Sequence[str]]) -> bool:
        """Whether names are gene ids, or a summary row stands anywhere in the file."""
        names = [row[0].strip() for row in rows]
        if sum(1 for name in names if _ENSEMBL.match(name)) >= 0.8 * len(names):
            return True
        return any(
            line.startswith("__") and re.match(_HTSEQ_SUMMARY, line.split("\t")[0])
            for _, line in content.lines()
        )


def _is_header(names: Sequence[str]) -> bool:
    """Whether the first row names columns: samples may be called 001 and 002."""
    first, others = names[0], names[1:]
    if not first or vocabulary.normalise(first) in vocabulary.words("headers", "feature"):
        return True
    ids = sum(1 for name in others if _ENSEMBL.match(name))
    is_odd = not _ENSEMBL.match(first) and not re.match(_HTSEQ_SUMMARY, first)
    return is_odd and ids >= 0.8 * max(1, len(others))


FORMATS = (StarCounts(), HtseqCounts())
