"""Reading made short: bytes in, datasets out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from loaders.model import Counts, DatasetHeader, ReadOptions, SourceFile, Unreadable
from loaders.reading.read import read_file


@dataclass(frozen=True)
class Dataset:
    """One dataset, read to its end."""

    header: DatasetHeader
    rows: list[dict[str, Any]]
    counts: Counts
    rejects: list[dict[str, Any]]

    @property
    def names(self) -> list[str]:
        """Names of the features, in landing order."""
        return [row["reported_name"] for row in self.rows]

    @property
    def quantities(self) -> list[str]:
        """Array literals, in landing order."""
        return [row["quantities"] for row in self.rows]

    @property
    def assays(self) -> list[str]:
        """Names of the assays, by position."""
        return [assay.name for assay in self.header.assays]


Read = Callable[..., list[Dataset]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Returns a function that writes content to a file and reads it to the end."""

    def run(
        content: str | bytes,
        *,
        omics: str | None = "lipidomics",
        name: str = "data.csv",
        mapping: Mapping[str, object] | None = None,
        reject_limit: float = 0.05,
        max_unpacked_bytes: int = 2**30,
    ) -> list[Dataset]:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        source = SourceFile(str(path), path, path.stat().st_size, datetime.now(UTC))
        options = ReadOptions(
            reject_limit=reject_limit, max_unpacked_bytes=max_unpacked_bytes, mapping=mapping
        )
        found = []
        for reading in read_file(source, declared_omics_type=omics, options=options):
            rows = [row for batch in reading.batches() for row in batch.to_pylist()]
            counts = reading.counts()
            skipped = sum(counts.rows_skipped_by_rule.values())
            assert counts.rows_read == counts.rows_landed + counts.rows_rejected + skipped
            found.append(Dataset(reading.header, rows, counts, reading.rejects().to_pylist()))
        return found

    return run


@pytest.fixture
def one(read: Read) -> Callable[..., Dataset]:
    """Returns a function that reads content that holds exactly one dataset."""

    def run(content: str | bytes, **kwargs: Any) -> Dataset:
        (dataset,) = read(content, **kwargs)
        return dataset

    return run


@pytest.fixture
def refusal(read: Read) -> Callable[..., Unreadable]:
    """Returns a function that reads content that must be refused, and returns why."""

    def run(content: str | bytes, **kwargs: Any) -> Unreadable:
        with pytest.raises(Unreadable) as caught:
            read(content, **kwargs)
        assert caught.value.seen
        assert caught.value.expected
        return caught.value

    return run
