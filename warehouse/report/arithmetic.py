"""What the report computes from the marts: scales, principal components, samples of large sets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

#: A feature that is missing in more of the assays takes no part in principal components.
MOST_MISSING = 0.5

#: With fewer, two components say nothing.
FEWEST_ASSAYS = 3
FEWEST_FEATURES = 3


@dataclass(frozen=True)
class Components:
    """The first two principal components of a matrix.

    Attributes:
        points: Both coordinates of each assay.
        explained: Share of the variance that each component holds.
        n_features: Features that took part.
    """

    points: tuple[tuple[float, float], ...]
    explained: tuple[float, float]
    n_features: int


@dataclass(frozen=True)
class Scale:
    """How values are shown.

    Attributes:
        label: For an axis.
        offset: Added before the logarithm; None where values are shown as they are.
    """

    label: str
    offset: float | None

    def of(self, value: float | None) -> float | None:
        """Returns the value as it is shown; None where it cannot be."""
        if value is None or not math.isfinite(value):
            return None
        if self.offset is None:
            return value
        return math.log2(value + self.offset) if value + self.offset > 0 else None


def scale_for(value_scale: str | None, n_zeros: int, n_negatives: int) -> Scale:
    """Returns how the values of a matrix are shown: logarithms as they are, others as log2.

    A zero has no logarithm, so counts and the like are shown as log2 of the value plus one.

    Examples:
        >>> scale_for("linear", 0, 0).label, scale_for("linear", 3, 0).label
        ('log2 of the value', 'log2 of the value + 1')
        >>> scale_for("log10", 0, 5).label
        'value (log10)'
    """
    if value_scale in ("log2", "log10", "ln"):
        return Scale(f"value ({value_scale})", None)
    if n_negatives or value_scale != "linear":
        return Scale("value as in the file", None)
    return Scale("log2 of the value + 1", 1.0) if n_zeros else Scale("log2 of the value", 0.0)


def spread(total: int, limit: int) -> list[int]:
    """Returns at most `limit` places out of `total`, from 1, evenly spread, both ends included.

    Examples:
        >>> spread(3, 10), spread(9, 3)
        ([1, 2, 3], [1, 5, 9])
    """
    if total <= limit:
        return list(range(1, total + 1))
    if limit == 1:
        return [1]
    return [1 + round(index * (total - 1) / (limit - 1)) for index in range(limit)]


def _on(scale: Scale, matrix: Matrix) -> Matrix:
    """Does to all values at once what `Scale.of` does to one."""
    import numpy as np

    matrix = np.where(np.isfinite(matrix), matrix, np.nan)
    if scale.offset is None:
        return matrix
    shifted = matrix + scale.offset
    return np.log2(shifted, where=shifted > 0, out=np.full_like(shifted, np.nan))


def principal_components(rows: Sequence[Sequence[float | None]], scale: Scale) -> Components | None:
    """Returns the first two principal components of the assays of a matrix.

    Rows are features and columns assays. A feature that is missing in more than half of the assays,
    or is the same in all of them, is left out. Other missing values stand at the mean of their
    feature, which adds nothing to the variance. Features are brought to mean 0 and standard
    deviation 1, so that abundant ones do not decide alone.

    Returns:
        The components; None where too few assays or features are left.
    """
    import numpy as np

    # What is missing becomes not-a-number.
    matrix: Matrix = np.array(rows, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] < FEWEST_ASSAYS:
        return None
    matrix = _on(scale, matrix)
    observed = ~np.isnan(matrix)
    matrix = matrix[observed.mean(axis=1) >= 1 - MOST_MISSING]
    if len(matrix) < FEWEST_FEATURES:
        return None
    # Before the spread is measured: a value at the mean takes no part in it, so the spread is
    # that of the values observed, on the number of all of them.
    centred = np.nan_to_num(matrix - np.nanmean(matrix, axis=1, keepdims=True), nan=0.0)
    deviation = centred.std(axis=1, ddof=1)
    # Rounding leaves a constant feature a spread just above zero.
    varies = deviation > 1e-9 * np.maximum(1.0, np.nanmax(np.abs(matrix), axis=1))
    if varies.sum() < FEWEST_FEATURES:
        return None
    standard = centred[varies] / deviation[varies][:, None]
    left, singular, right = np.linalg.svd(standard.T, full_matrices=False)
    # The sign of a component is arbitrary; fixed here so that two reports look alike.
    signs = np.where(right[np.arange(len(right)), np.abs(right).argmax(axis=1)] < 0, -1.0, 1.0)
    scores = left[:, :2] * singular[:2] * signs[:2]
    variance = singular**2
    shares = variance[:2] / variance.sum()
    return Components(
        points=tuple((float(x), float(y)) for x, y in scores),
        explained=(float(shares[0]), float(shares[1])),
        n_features=int(varies.sum()),
    )
