"""Reads a file as a load would, and says what came out in a form that can be compared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from loaders.model import STATISTICS, ReadOptions, SourceFile, Unreadable
from loaders.reading.read import read_file


@dataclass
class Part:
    """One dataset.

    Attributes:
        names: Feature, assay (or contrast and statistic) to the texts of its values; NULL is one.
        rows: Line, header of the column to the text of its value; features in rows only.
        landed: Numbers of the landed lines, each with the name of its feature.
        is_long: Whether a feature may be missing in one sample alone: values stand one per line,
            or samples one per file.
    """

    names: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rows: dict[tuple[int, str], str] = field(default_factory=dict)
    landed: dict[int, str] = field(default_factory=dict)
    is_long: bool = False


@dataclass
class Seen:
    """What came of a file: datasets by part, or the refusal."""

    parts: dict[str, Part] = field(default_factory=dict)
    refusal: Unreadable | None = None
    rejected: int = 0
    formats: set[str] = field(default_factory=set)


def look(
    path: Path, omics: str | None, mapping: Mapping[str, object], beside: Sequence[Path] = ()
) -> Seen:
    """Reads a file to its end, together with those beside it, if there are any.

    Raises:
        AssertionError: The books of a dataset do not balance.
        Exception: A defect: readers raise nothing but `Unreadable`.
    """
    seen = Seen()
    now = datetime.now(UTC)
    source = SourceFile(str(path), path, path.stat().st_size, now)
    if beside:
        others = (SourceFile(str(other), other, other.stat().st_size, now) for other in beside)
        source = SourceFile(str(path.parent / "[group]"), path, source.size, now, (source, *others))
    options = ReadOptions(
        reject_limit=0.6, mapping=dict(mapping) or None, max_unpacked_bytes=2 * 1024**3
    )
    try:
        for reading in read_file(source, declared_omics_type=omics, options=options):
            part = Part()
            header = reading.header
            part.is_long = bool({"n_records", "group"} & header.role_evidence.keys())
            columns = _apart([assay.source_column for assay in header.assays])
            for batch in reading.batches():
                _take(part, batch.to_pylist(), columns)
            counts = reading.counts()
            skipped = sum(counts.rows_skipped_by_rule.values())
            books = counts.rows_landed + counts.rows_rejected + skipped
            assert counts.rows_read == books, f"{counts.rows_read} rows read, {books} accounted for"
            rejects = reading.rejects().num_rows
            assert rejects >= counts.rows_rejected, "a reject without its record"
            if header.shape == "matrix":
                _check_values(part, counts.n_values, counts.zero_count, header.zero_is_missing)
            seen.formats.add(header.format)
            seen.rejected += counts.rows_rejected
            key = f"{header.part}#{header.shape}"
            assert key not in seen.parts, f"two datasets are called {key}"
            seen.parts[key] = part
    except Unreadable as refusal:
        seen = Seen(refusal=refusal)
    if seen.refusal is not None:
        said = (seen.refusal.reason_code, seen.refusal.seen, seen.refusal.expected)
        assert all(said), f"a refusal that does not say why: {said}"
    return seen


def _take(part: Part, rows: list[dict[str, object]], columns: list[str]) -> None:
    for row in rows:
        name, line = str(row["reported_name"]), int(str(row["row_number"]))
        part.landed[line] = name
        if "quantities" not in row:
            for statistic in STATISTICS:
                value = row.get(statistic)
                key = f"{row.get('contrast_position')} {statistic}"
                part.names[name, key]["NULL" if value is None else str(value)] += 1
            continue
        values = str(row["quantities"])[1:-1].split(",")
        assert len(values) == len(columns), f"{len(values)} values for {len(columns)} assays"
        for column, value in zip(columns, values, strict=True):
            part.names[name, column][value] += 1
            part.rows[line, column] = value


def _check_values(part: Part, n_values: int, zeros: int, zero_is_missing: bool) -> None:
    texts: Counter[str] = Counter()
    for held in part.names.values():
        texts.update(held)
    numbers = sum(count for text, count in texts.items() if text != "NULL")
    found = sum(count for text, count in texts.items() if text != "NULL" and float(text) == 0)
    assert found == zeros, f"{zeros} zeros counted, {found} landed"
    wanted = numbers - (zeros if zero_is_missing else 0)
    assert n_values == wanted, f"{n_values} values counted, {wanted} landed"


def _apart(names: list[str]) -> list[str]:
    """Keeps equal headers apart by their order."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}\x1f{seen[name]}")
    return found
