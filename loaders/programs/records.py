"""What a sheet becomes: one record per row, the rows it lost, and the account of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from loaders.model import Counts, ReadOptions, TablesHeader, Unreadable
from loaders.programs.columns import Kind
from loaders.programs.tables import RECORDS

if TYPE_CHECKING:
    import pyarrow as pa

#: A sheet of few rows is not refused for one bad one: so many rejects are always borne, as long as
#: they are not more than half of the rows.
BORNE_REJECTS = 20


@dataclass(frozen=True)
class Record:
    """One row: what it describes, its known columns and the others."""

    row_number: int
    kind: Kind
    fields: Mapping[str, Any]
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class Reject:
    """One row that was not understood."""

    row_number: int
    column_name: str | None
    raw_text: str
    reason_code: str
    message: str


@dataclass
class Sheet:
    """The rows of one sheet.

    Attributes:
        part: Part of the file.
        format: What it was read as, for example ``samples sheet`` or ``SDRF``.
        header: Column headers, whose fold is the fingerprint.
        evidence: Why it was read so.
        records: What its rows describe.
        rejects: Rows that were not understood.
        skipped: Rows left out by rule.
        rows_read: Rows below the header.
    """

    part: str
    format: str
    header: Sequence[str] = ()
    evidence: dict[str, object] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=dict)
    rows_read: int = 0

    def skip(self, rule: str) -> None:
        """Counts a row that a rule leaves out."""
        self.skipped[rule] = self.skipped.get(rule, 0) + 1


class SheetReading:
    """One sheet while it is landed."""

    def __init__(self, sheet: Sheet, options: ReadOptions) -> None:
        """Takes over the rows.

        Raises:
            Unreadable: More rows were rejected than the limit allows.
        """
        self._sheet = sheet
        folded = "\x1f".join(sheet.header).casefold()
        self.header = TablesHeader(
            part=sheet.part,
            kind="sheet",
            format=sheet.format,
            format_fingerprint=hashlib.sha256(folded.encode()).hexdigest()[:16],
            evidence=sheet.evidence,
        )
        rejected = len({reject.row_number for reject in sheet.rejects})
        borne = max(options.reject_limit * sheet.rows_read, min(BORNE_REJECTS, sheet.rows_read / 2))
        if rejected > borne:
            first = sheet.rejects[0]
            raise Unreadable(
                "too_many_rejects",
                place=sheet.part or f"line {first.row_number}",
                seen=f"{rejected} of {sheet.rows_read} rows that are not understood; "
                f"the first, line {first.row_number}: {first.message}",
                expected=f"a {sheet.format}",
                question="Are the columns named as the documentation of sheets says?",
                rows_read=sheet.rows_read,
            )

    def batches(self) -> Iterator[tuple[str, pa.Table]]:
        """Yields the records."""
        import pyarrow as pa

        records = self._sheet.records
        yield (
            RECORDS.name,
            pa.table(
                {
                    "row_number": pa.array([r.row_number for r in records], pa.int64()),
                    "kind": pa.array([r.kind for r in records], pa.string()),
                    "fields": pa.array([_json(r.fields) for r in records], pa.string()),
                    "attributes": pa.array([_json(r.attributes) for r in records], pa.string()),
                }
            ),
        )

    def rejects(self) -> pa.Table:
        """Returns the rows that were not understood."""
        import pyarrow as pa

        rejects = self._sheet.rejects
        return pa.table(
            {
                "row_number": pa.array([r.row_number for r in rejects], pa.int64()),
                "column_name": pa.array([r.column_name for r in rejects], pa.string()),
                "raw_text": pa.array([r.raw_text for r in rejects], pa.string()),
                "reason_code": pa.array([r.reason_code for r in rejects], pa.string()),
                "message": pa.array([r.message for r in rejects], pa.string()),
            }
        )

    def counts(self) -> Counts:
        """Returns the account of all rows."""
        return Counts(
            rows_read=self._sheet.rows_read,
            rows_landed=len(self._sheet.records),
            rows_rejected=len({reject.row_number for reject in self._sheet.rejects}),
            rows_skipped_by_rule=dict(self._sheet.skipped),
            n_values=0,
            zero_count=0,
        )


def _json(value: Mapping[str, Any]) -> str:
    # A NUL cannot stand in jsonb.
    return json.dumps(dict(value), ensure_ascii=False).replace("\\u0000", "")
