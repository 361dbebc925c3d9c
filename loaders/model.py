"""What a reader hands over: plain frozen records, no input or output of their own.

A file holds one or more datasets. A dataset is a *matrix* (features x assays, quantities) or a
*result table* (features x contrasts, statistics). The records here describe one dataset; its rows
travel beside them as Arrow tables.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

Shape = Literal["matrix", "result_table"]
Orientation = Literal["features_in_rows", "samples_in_rows", "long", "result_table"]

OMICS_TYPES = ("lipidomics", "metabolomics", "proteomics", "transcriptomics")

#: Statistics that a result row carries, in landing order; the names of the tools map to these.
STATISTICS = (
    "log2_fold_change",
    "fold_change",
    "ln_fold_change",
    "std_error",
    "statistic",
    "degrees_of_freedom",
    "p_value",
    "neg_log10_p_value",
    "adjusted_p_value",
    "mean_abundance",
    "log_odds",
)


@dataclass(frozen=True)
class SourceFile:
    """A file to read.

    Attributes:
        path: Absolute path or fsspec URL, as it is remembered.
        local: A real file with the same bytes.
        size: Size in bytes.
        modified_at: Time of last change, with time zone.
        members: The files that are read together under this path; none for a real file.
    """

    path: str
    local: Path
    size: int
    modified_at: datetime
    members: tuple[SourceFile, ...] = ()


@dataclass(frozen=True)
class Remembered:
    """Column roles that a user gave once, kept for other files of the same kind.

    Attributes:
        mapping_id: Id under which they are kept.
        fingerprint: Fingerprint of the header for which they were given.
        kind: What makes a file one of this kind, see `loaders.reading.kinds`.
    """

    mapping_id: str
    fingerprint: str
    kind: Mapping[str, object]


@dataclass(frozen=True)
class ReadOptions:
    """Limits and user decisions that steer reading.

    Attributes:
        reject_limit: Largest share of rejected rows with which a file still loads, 0 to 1.
        max_unpacked_bytes: Largest size that a compressed file may unpack to.
        mapping: Column roles given by the user, or None to find them.
        star_strand: Strandedness of libraries counted by STAR: unstranded, forward or reverse;
            None where it is not declared.
        remembered: Column roles that users gave for earlier files, by kind of file.
    """

    reject_limit: float = 0.05
    max_unpacked_bytes: int = 8 * 1024**3
    mapping: Mapping[str, object] | None = None
    star_strand: str | None = None
    remembered: tuple[Remembered, ...] = ()


@dataclass(frozen=True)
class Assay:
    """One measured column of a matrix (or one row, where samples are in rows)."""

    position: int
    name: str
    source_column: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Contrast:
    """One comparison of a result table; ``columns`` maps statistic to source header."""

    position: int
    name: str
    numerator: str | None = None
    denominator: str | None = None
    tool: str | None = None
    adjust_method: str | None = None
    statistic_type: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ContrastColumns:
    """Where the statistics of one contrast stand: statistic name to column index (0-based)."""

    contrast: Contrast
    columns: Mapping[str, int]


@dataclass(frozen=True)
class Roles:
    """What each column of a table is, with the evidence that decided it.

    Column indices are 0-based and count every column of the table, unnamed ones included.

    Attributes:
        orientation: How the table is laid out.
        format: Name of the format, for example ``featureCounts`` or ``delimited matrix``.
        software: Tool that wrote the file, when known.
        omics_type: Omics type that the format or the content implies, or None.
        feature_type: gene, transcript, protein, metabolite or lipid, or None.
        feature_columns: Columns that name the feature; several are joined by ``|``.
        assay_columns: Pairs of column index and assay name (features in rows), else empty.
        annotation_columns: Columns kept as annotations of the feature (of the sample when samples
            are in rows).
        ignored_columns: Column index to the reason for which it is not landed.
        sample_column: Column that names the sample (samples in rows, long).
        sample_more: Columns that name it together with the first, such as the channel (long).
        value_column: Column that holds the quantity (long).
        contrasts: Statistics columns of each contrast (result tables).
        flag_columns: Flag (``is_contaminant``, ``is_decoy``, ``is_internal_standard``) to pairs of
            column index and the token that sets it.
        quantity: What is measured, for example ``LFQ intensity`` or ``counts``.
        unit: Unit, when the file says it.
        value_scale: linear, log2, log10 or ln when the format fixes it, else None (by values).
        zero_is_missing: True or False when the format fixes it, else None (decided from values).
        missing_tokens: Spellings that mean missing in this format, beside the general ones.
        label_rows: Rows directly below the header that describe assays, not features.
        flag_result_column: Column whose text becomes ``result_flag`` (result tables).
        evidence: Votes and reasons, JSON-able.
    """

    orientation: Orientation
    format: str
    software: str | None = None
    omics_type: str | None = None
    feature_type: str | None = None
    feature_columns: tuple[int, ...] = ()
    assay_columns: tuple[tuple[int, str], ...] = ()
    annotation_columns: tuple[int, ...] = ()
    ignored_columns: Mapping[int, str] = field(default_factory=dict)
    sample_column: int | None = None
    sample_more: tuple[int, ...] = ()
    value_column: int | None = None
    contrasts: tuple[ContrastColumns, ...] = ()
    flag_columns: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)
    quantity: str | None = None
    unit: str | None = None
    value_scale: str | None = None
    zero_is_missing: bool | None = None
    missing_tokens: tuple[str, ...] = ()
    label_rows: int = 0
    flag_result_column: int | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetHeader:
    """Everything that is known of a dataset before its rows are read."""

    part: str
    shape: Shape
    omics_type: str | None
    omics_type_evidence: Mapping[str, object]
    feature_type: str | None
    format: str
    format_fingerprint: str
    quantity: str | None
    unit: str | None
    value_scale: str
    scale_evidence: Mapping[str, object]
    zero_is_missing: bool
    software: str | None
    role_evidence: Mapping[str, object]
    assays: tuple[Assay, ...] = ()
    contrasts: tuple[Contrast, ...] = ()


@dataclass(frozen=True)
class Counts:
    """What became of every row: ``rows_read = rows_landed + rows_rejected + sum(skipped)``."""

    rows_read: int
    rows_landed: int
    rows_rejected: int
    rows_skipped_by_rule: Mapping[str, int]
    n_values: int
    zero_count: int


class DatasetReading(Protocol):
    """One dataset while it is read; ``counts`` is valid once ``batches`` is exhausted."""

    header: DatasetHeader

    def batches(self) -> Iterator[pa.Table]:
        """Yields rows in landing order of columns, without ``file_id``."""

    def rejects(self) -> pa.Table:
        """Returns rejects: row_number, column_name, raw_text, reason_code, message."""

    def counts(self) -> Counts:
        """Returns the reconciliation of the rows that were read."""


@dataclass(frozen=True)
class TablesHeader:
    """Everything that is known of a part of a file that holds no dataset, before its rows.

    Attributes:
        part: Which part of the file, empty when it has only one.
        kind: What it holds: sheet, reference or signatures.
        format: Name of the format.
        format_fingerprint: Equal for files of one layout.
        software: Tool or service that wrote it, when known.
        evidence: Why it is read so, JSON-able.
    """

    part: str
    kind: str
    format: str
    format_fingerprint: str
    software: str | None = None
    evidence: Mapping[str, object] = field(default_factory=dict)


class TablesReading(Protocol):
    """One part of a file of a source with landing tables of its own, while it is read."""

    header: TablesHeader

    def batches(self) -> Iterator[tuple[str, pa.Table]]:
        """Yields a landing table's name and rows of it, without ``file_id``."""

    def rejects(self) -> pa.Table:
        """Returns rejects: row_number, column_name, raw_text, reason_code, message."""

    def counts(self) -> Counts:
        """Returns the reconciliation of the rows that were read; no values are counted."""


class Unreadable(Exception):
    """A file that is not understood and is not landed at all.

    Attributes:
        reason_code: Stable short code, for example ``undecided_roles`` or ``binary_content``.
        place: Where in the file: line, column, sheet or byte.
        seen: What stands there.
        expected: What would have been understood.
        question: The question whose answer would let the file load.
        nearest_format: Name of the most similar known format, or None.
        mapping_stub: YAML text that the user can complete, or None.
        rows_read: Rows read before giving up.
        differs: What keeps the file from being of the nearest format, or None.
    """

    def __init__(
        self,
        reason_code: str,
        *,
        place: str,
        seen: str,
        expected: str,
        question: str = "",
        nearest_format: str | None = None,
        mapping_stub: str | None = None,
        rows_read: int = 0,
        differs: str | None = None,
    ) -> None:
        """Keeps each part of the refusal apart so that it can be stored and shown."""
        self.reason_code = reason_code
        self.place = place
        self.seen = seen
        self.expected = expected
        self.question = question
        self.nearest_format = nearest_format
        self.mapping_stub = mapping_stub
        self.rows_read = rows_read
        self.differs = differs
        super().__init__(f"{reason_code} at {place}: saw {seen}; expected {expected}")

    def __reduce__(self) -> tuple[object, ...]:
        """Survives the trip from a worker process with every field."""
        return (_rebuild_unreadable, (self.reason_code, dict(self.__dict__)))


def _rebuild_unreadable(reason_code: str, fields: dict[str, object]) -> Unreadable:
    error = Unreadable(reason_code, place="", seen="", expected="")
    error.__dict__.update(fields)
    error.args = (f"{reason_code} at {error.place}: saw {error.seen}; expected {error.expected}",)
    return error
