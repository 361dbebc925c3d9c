"""What the report computes: components that numpy's eigenvectors confirm, and stated rules."""

from __future__ import annotations

import math

import numpy as np
import pytest

from warehouse.report.arithmetic import Scale, principal_components, scale_for, spread
from warehouse.report.naming import shown, unique_names

AS_IS = Scale("as it is", None)


def _random(n_features: int, n_assays: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_features, n_assays))


def test_components_are_the_eigenvectors_of_the_correlation() -> None:
    matrix = _random(40, 6)
    matrix[:20, :3] += 4
    found = principal_components(matrix.tolist(), AS_IS)
    assert found is not None
    standard = (matrix - matrix.mean(axis=1, keepdims=True)) / matrix.std(
        axis=1, ddof=1, keepdims=True
    )
    values, vectors = np.linalg.eigh(standard.T @ standard)
    expected = vectors[:, ::-1][:, :2] * np.sqrt(values[::-1][:2])
    scores = np.array(found.points)
    for component in range(2):
        assert np.allclose(np.abs(scores[:, component]), np.abs(expected[:, component]))
    assert found.explained == pytest.approx(tuple(values[::-1][:2] / values.sum()))
    assert found.n_features == 40
    # The two groups stand on the two sides of the first component.
    assert len(set(np.sign(scores[:3, 0]))) == 1
    assert set(np.sign(scores[:3, 0])) != set(np.sign(scores[3:, 0]))


def test_two_reports_look_alike() -> None:
    matrix = _random(30, 5)
    first = principal_components(matrix.tolist(), AS_IS)
    again = principal_components(matrix[::-1].tolist(), AS_IS)
    assert first is not None
    assert again is not None
    assert np.allclose(first.points, again.points)


def test_missing_values_follow_the_stated_rule() -> None:
    matrix: list[list[float | None]] = _random(20, 6).tolist()
    filled = [list(row) for row in matrix]
    # One value missing: it stands at the mean of the others.
    known = [value for value in matrix[0][1:] if value is not None]
    matrix[0][0], filled[0][0] = None, sum(known) / len(known)
    # Missing in more than half, or the same everywhere: no part.
    matrix.append([1.0, 2.0, None, None, None, None])
    matrix.append([5.0] * 6)
    matrix.append([0.1 + 0.2] * 3 + [0.3] * 3)
    with_missing = principal_components(matrix, AS_IS)
    without = principal_components(filled, AS_IS)
    assert with_missing is not None
    assert without is not None
    assert with_missing.n_features == 20
    assert np.allclose(with_missing.points, without.points)


@pytest.mark.parametrize(
    "matrix",
    [
        [],
        [[]],
        _random(30, 2).tolist(),
        _random(2, 8).tolist(),
        [[1.0] * 5] * 9,
        [[None] * 5] * 9,
        [[math.nan, math.inf, 1.0, None, 2.0]] * 2,
    ],
    ids=["none", "no assay", "two assays", "two features", "constant", "empty", "not finite"],
)
def test_what_says_nothing_has_no_components(matrix: list[list[float | None]]) -> None:
    assert principal_components(matrix, AS_IS) is None


@pytest.mark.parametrize(
    ("scale", "zeros", "negatives", "value", "expected"),
    [
        ("linear", 0, 0, 8.0, 3.0),
        ("linear", 2, 0, 7.0, 3.0),
        ("linear", 2, 0, 0.0, 0.0),
        ("linear", 0, 0, 0.0, None),
        ("linear", 0, 1, -2.0, -2.0),
        ("log2", 0, 0, 8.0, 8.0),
        ("unknown", 0, 0, 8.0, 8.0),
        ("linear", 0, 0, math.inf, None),
        ("linear", 0, 0, None, None),
    ],
)
def test_scales(
    scale: str, zeros: int, negatives: int, value: float | None, expected: float | None
) -> None:
    assert scale_for(scale, zeros, negatives).of(value) == expected


@pytest.mark.parametrize("scale", [AS_IS, Scale("log2", 0.0), Scale("log2 + 1", 1.0)], ids=str)
def test_many_values_are_scaled_like_one(scale: Scale) -> None:
    matrix = [*_random(9, 5).tolist(), [0.0, -1.0, 3.0, math.nan, 8.0], [1e9, math.inf, 2, 3, 4]]
    one_by_one = [[scale.of(value) for value in row] for row in matrix]
    assert principal_components(matrix, scale) == principal_components(one_by_one, AS_IS)


@pytest.mark.parametrize(("total", "limit"), [(0, 5), (1, 1), (5, 5), (6, 5), (5000, 200), (9, 1)])
def test_places_are_spread_evenly(total: int, limit: int) -> None:
    places = spread(total, limit)
    assert len(places) == min(total, limit)
    assert places == sorted(set(places))
    assert all(1 <= place <= total for place in places)
    if total > limit > 1:
        assert (places[0], places[-1]) == (1, total)
        gaps = np.diff(places)
        assert gaps.max() - gaps.min() <= 1


def test_names_are_text_and_never_markup() -> None:
    name = shown("""<img src=x onerror="alert('x')">`{{7*7}}`\\u003c""", 500)
    assert not set(name) & set("<>\"'`{}\\")
    assert shown("PC 34:1") == "PC 34:1"
    assert shown("β-Alanine & co") == "β-Alanine & co"


def test_names_that_become_equal_are_told_apart() -> None:
    names = unique_names([("aaaaaaaa-1", "a'"), ("bbbbbbbb-1", "a`"), ("c", "y")])
    assert len(set(names.values())) == 3
