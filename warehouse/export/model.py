"""What is exported of one dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

#: Key under which every format holds the provenance.
PROVENANCE = "omics"


@dataclass(frozen=True)
class Matrix:
    """The quantities of a matrix.

    Attributes:
        assays: Name of each column, each once.
        about: What is known of each assay: field to values, in their order.
        values: Rows of the dataset by assays; not-a-number where a value is missing.
    """

    assays: Sequence[str]
    about: Mapping[str, Sequence[str | None]]
    values: np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Exported:
    """One dataset.

    Attributes:
        name: Its name.
        provenance: Where it comes from; plain values only, so that JSON holds it.
        rows: What is known of each row: field to values. The first field is the reported name.
        matrix: The quantities; None for a result table, whose numbers stand in `statistics`.
        statistics: Numbers of a result table: field to values.
    """

    name: str
    provenance: Mapping[str, Any]
    rows: Mapping[str, Sequence[str | None]]
    matrix: Matrix | None
    statistics: Mapping[str, Sequence[float | None]]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.rows.values())))
