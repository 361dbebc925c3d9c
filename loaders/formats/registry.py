"""The formats that are read: one list, which lists itself.

Three families stand here in the order in which they are asked:

1. modules: formats with a structure of their own (`MODULES`), each by its `protocol.Format`;
2. layouts: a header that tells the tool, described in ``layouts.yml``;
3. result tables (``statistics.yml``), and tables without a tool's signature, by vote.

To add a module, add its name to `MODULES`. Nothing else has to know it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Literal

from loaders.formats.protocol import LEAST_CONFIDENCE, About, Format, Head, Quantity, Sniff

#: Modules of `loaders.formats` that hold formats in ``FORMATS``.
MODULES: tuple[str, ...] = (
    "adat",
    "count_files",
    "gct",
    "hdf5",
    "mwtab",
    "mztab",
    "olink_wide",
    "parquet",
    "series_matrix",
    "tenx",
)

Family = Literal["module", "layout", "result table", "plain table"]


@dataclass(frozen=True)
class Entry:
    """One line of the list of formats.

    Attributes:
        family: How it is described.
        about: What people read of it.
        where: Module or data file that describes it.
        refused: Why it is recognised and not read, or empty.
    """

    family: Family
    about: About
    where: str
    refused: str = ""


@cache
def modules() -> tuple[tuple[str, Format], ...]:
    """Returns each format that has code, with the name of its module."""
    return tuple(
        (name, found)
        for name in MODULES
        for found in import_module(f"loaders.formats.{name}").FORMATS
    )


def claim(head: Head) -> tuple[Format, Sniff] | None:
    """Returns the format that is surest of a file, or None if none is sure enough.

    Of two that are equally sure, the one listed first is taken; both stand in no doubt elsewhere,
    because a test lets every format sniff at the examples of every other.
    """
    best: tuple[Format, Sniff] | None = None
    for _, candidate in modules():
        said = candidate.sniff(head)
        if said is None or said.confidence < LEAST_CONFIDENCE:
            continue
        if best is None or said.confidence > best[1].confidence:
            best = (candidate, said)
    return best


def by_name(name: str) -> Format | None:
    """Returns the module format of that name."""
    return next((found for _, found in modules() if found.about.name == name), None)


@cache
def one_file_per_sample() -> frozenset[str]:
    """Returns the names of the formats whose files of one run are one dataset."""
    return frozenset(entry.about.name for entry in entries() if entry.about.group)


def entries() -> Iterator[Entry]:
    """Yields every format that is known, in the order in which they are asked."""
    from loaders.formats import layouts, statistics

    for name, found in modules():
        yield Entry("module", found.about, f"loaders/formats/{name}.py")
    for about, refused in layouts.abouts():
        yield Entry("layout", about, "loaders/formats/layouts.yml", refused)
    for about in statistics.abouts():
        yield Entry("result table", about, "loaders/formats/statistics.yml")
    for about in plain_tables():
        yield Entry("plain table", about, "loaders/reading/voting.py")


def plain_tables() -> tuple[About, ...]:
    """Describes tables that no tool has signed: their columns are told by vote."""
    told = (
        "no tool's signature; which column is what is decided by the content of the columns, and a "
        "table whose columns stay undecided is quarantined with a question and a mapping to fill in"
    )
    zeros = (
        "missing in lipidomics, metabolomics and proteomics if a third or more are zero, nothing "
        "else is missing and none is negative; else values. Both counts are stored"
    )
    quantities = (Quantity("as the headers say", "numeric columns that are no known annotation"),)
    return (
        About(
            name="delimited matrix",
            holds="A table with one row per feature and one column per sample.",
            recognised_by=told,
            feature="the column whose names look like molecules",
            assay="a column of numbers; its header",
            quantities=quantities,
            zeros=zeros,
        ),
        About(
            name="delimited matrix, samples in rows",
            holds="A table with one row per sample and one column per feature.",
            recognised_by=told,
            orientation="samples in rows",
            feature="a column of numbers; its header",
            assay="the column that names the samples",
            quantities=quantities,
            zeros=zeros,
        ),
        About(
            name="MetaboAnalyst, samples in rows",
            holds="A table with one row per sample: its name, its class, and a column per feature.",
            recognised_by="samples in the first column, a class in the second that few values "
            "share, and numbers in all others",
            software="MetaboAnalyst",
            orientation="samples in rows",
            feature="every column from the third on; its header",
            assay="column 1; column 2 becomes an attribute of the assay",
            quantities=quantities,
            zeros=zeros + ". MetaboAnalyst itself replaces zeros like missing values",
            sources=("xia-lab/MetaboAnalystR, Read.TextData", "general_proc_utils.R"),
        ),
        About(
            name="MetaboAnalyst, samples in columns",
            holds="A table with one row per feature, and one row of classes below the header.",
            recognised_by="a row of labels directly below the header, such as Label or Class, and "
            "nothing but names and numbers below it",
            software="MetaboAnalyst",
            feature="column 1",
            assay="every other column; its class becomes an attribute of the assay",
            quantities=quantities,
            zeros=zeros + ". MetaboAnalyst itself replaces zeros like missing values",
            skipped=("label row: the row of classes",),
            sources=("xia-lab/MetaboAnalystR, Read.TextData",),
        ),
        About(
            name="R write.table",
            holds="A table whose header is one cell shorter than its rows.",
            recognised_by="a header with one cell fewer than the rows, whose last cells are filled",
            software="R",
            feature="the first cell of each row, above which nothing stands",
            assay="every column of numbers; its header, which stands one place further left",
            quantities=quantities,
            zeros=zeros,
            sources=("R documentation, write.table, col.names",),
        ),
        About(
            name="delimited long table",
            holds="A table with one value per row.",
            recognised_by=told,
            orientation="long: one row per feature and sample",
            feature="the column whose names look like molecules",
            assay="the column that names the samples",
            quantities=(Quantity("as the header says", "the one column of numbers"),),
            zeros=zeros,
        ),
    )
