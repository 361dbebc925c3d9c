"""What an answer about lineage is made of: plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """One row of one mart.

    Attributes:
        mart: Table in the schema `marts`.
        key: Columns that tell its rows apart, with their values.
        title: How a person would name it.
    """

    mart: str
    key: Row
    title: str


@dataclass(frozen=True)
class Place:
    """Where in a file a row stands.

    Attributes:
        row_number: Number as landed.
        unit: line, row or column.
        means: What the number counts for this shape.
        wanted: Texts of the row, by which the place can be told in the file.
    """

    row_number: int
    unit: str
    means: str
    wanted: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawRow:
    """A row of a landing table, its text as it was landed.

    Attributes:
        table: Schema and name.
        columns: Every column of it.
    """

    table: str
    columns: Row


@dataclass(frozen=True)
class Origin:
    """One file version that a mart row rests on.

    Attributes:
        role: What the file says about the row, for example ``measured`` or ``described``.
        models: Landing table and models on the way to the mart, in order.
        file: Row of `marts.source_files`.
        load: Row of `marts.loads`, None in quarantine.
        run: Row of `ops.runs`, None where it is not known.
        reading: How the file was understood: columns of the landed `files` row, evidence included.
        place: Place in the file; None where the whole file is meant.
        raw: Landed rows; empty in quarantine.
    """

    role: str
    models: tuple[str, ...]
    file: Row
    load: Row | None = None
    run: Row | None = None
    reading: Row = field(default_factory=dict)
    place: Place | None = None
    raw: tuple[RawRow, ...] = ()


@dataclass(frozen=True)
class Value:
    """A single quantity on its way: as landed, and as the mart has it.

    Attributes:
        assay: Name of the assay.
        source_column: Header of its column in the file.
        position: Its place in the array, from 1.
        landed: Digits as in the file; None where the cell was empty or missing.
        abundance: Number in the mart, on the scale of the dataset; None where missing.
    """

    assay: str
    source_column: str | None
    position: int
    landed: str | None
    abundance: float | None


@dataclass(frozen=True)
class Explanation:
    """Where one mart row comes from.

    Attributes:
        subject: The row that was asked for.
        row: All its columns.
        origins: File versions it rests on, the nearest first.
        decisions: Rows of `marts.feature_names`: what the reported name was taken for, and why.
        value: The single quantity, for a measurement.
        related: Rows that lead further.
        notes: What else should be known.
    """

    subject: Subject
    row: Row
    origins: tuple[Origin, ...]
    decisions: tuple[Row, ...] = ()
    value: Value | None = None
    related: tuple[Subject, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resting:
    """Rows of one mart that rest on a file.

    Attributes:
        mart: Name of the mart.
        count: How many.
        examples: Keys of a few of them.
    """

    mart: str
    count: int
    examples: tuple[Row, ...] = ()


@dataclass(frozen=True)
class Impact:
    """What rests on a file.

    Attributes:
        path: Path or address of the file.
        versions: Rows of `marts.source_files`, the newest first.
        verdict: What follows from their states, in a sentence.
        datasets: Names of the datasets that rest on it.
        resting: Rows by mart, marts without any left out.
    """

    path: str
    versions: tuple[Row, ...]
    verdict: str
    datasets: tuple[str, ...] = ()
    resting: tuple[Resting, ...] = ()
