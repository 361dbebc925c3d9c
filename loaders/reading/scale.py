"""Are the quantities linear or logarithms? Decided from a bounded sample, with its evidence.

The rule is GEO2R's, with skew and dynamic range beside it, because GEO2R takes linear data on a
small scale (pmol) for logarithms.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Fewer numbers than this prove nothing about their distribution.
MIN_VALUES = 20
#: No quantity reaches 10 to this power, so logarithms above it have base 2.
MAX_LOG10 = 13.0


def judge(numbers: Any, *, counts_expected: bool = False) -> tuple[str, Mapping[str, object]]:
    """Returns linear, log2 or unknown for a numpy array of doubles, and why.

    The evidence holds the rule that decided and how far to trust it (``confidence``, 0 to 1).
    """
    verdict, evidence = _judged(numbers, counts_expected=counts_expected)
    sure = next((sure for rule, sure in _CONFIDENCE if str(evidence["rule"]).startswith(rule)), 0.0)
    return verdict, {**evidence, "confidence": sure}


#: How far each rule can be trusted, by how it begins. 0: it decides nothing.
_CONFIDENCE = (
    ("whole numbers", 0.95),
    ("99th percentile", 0.95),
    ("range above", 0.9),
    ("few values, some above", 0.7),
    ("skew above", 0.8),
    ("dynamic range", 0.7),
    ("quartiles around 1", 0.6),
    ("narrow and even, above", 0.8),
    ("negative values, narrow", 0.7),
)


def _judged(numbers: Any, *, counts_expected: bool) -> tuple[str, dict[str, object]]:
    import numpy as np

    finite = numbers[np.isfinite(numbers)]
    if finite.size == 0:
        return "unknown", {"rule": "no numbers"}
    low, high = float(finite.min()), float(finite.max())
    evidence: dict[str, object] = {"n": int(finite.size), "min": _short(low), "max": _short(high)}
    whole = bool(np.all(finite == np.floor(finite)))
    if whole and low >= 0 and (high > 30 or counts_expected):
        return "linear", evidence | {"rule": "whole numbers, none negative"}
    if finite.size < MIN_VALUES:
        if high > 100:
            return "linear", evidence | {"rule": "few values, some above 100"}
        return "unknown", evidence | {"rule": f"fewer than {MIN_VALUES} values"}
    ordered = np.sort(finite)
    q25, q75, q99 = (_quantile(ordered, share) for share in (0.25, 0.75, 0.99))
    # Within -1 to 1, so that no power of it runs over.
    scaled = finite / (max(abs(low), abs(high)) or 1.0)
    spread = scaled - scaled.mean()
    squares = spread * spread
    deviation = float(np.sqrt(squares.mean()))
    skew = float((squares * spread).mean() / deviation**3) if deviation > 1e-9 else 0.0
    positive = ordered[int(np.searchsorted(ordered, 0, side="right")) :]
    dynamic = 0.0
    if positive.size >= MIN_VALUES:
        top, bottom = _quantile(positive, 0.999), _quantile(positive, 0.001)
        dynamic = float(np.log10(top) - np.log10(bottom))
    evidence |= {
        "q25": _short(q25),
        "q75": _short(q75),
        "q99": _short(q99),
        "skew": round(skew, 2),
        "log10_dynamic_range": round(dynamic, 2),
    }
    if rule := _linear_rule(low, high, (q25, q75, q99), skew, dynamic):
        return "linear", evidence | {"rule": rule}
    if low == high:
        return "unknown", evidence | {"rule": "all values are equal"}
    if high > MAX_LOG10:
        return "log2", evidence | {"rule": "narrow and even, above any log10: base 2 assumed"}
    if low < 0:
        return "log2", evidence | {"rule": "negative values, narrow and even: base 2 assumed"}
    return "unknown", evidence | {"rule": "narrow and even like logarithms; the base is not told"}


def _quantile(ordered: Any, share: float) -> float:
    """Returns a quantile of sorted numbers, between neighbours."""
    at = share * (ordered.size - 1)
    low = int(at)
    high = min(low + 1, ordered.size - 1)
    return float(ordered[low] + (at - low) * (ordered[high] - ordered[low]))


def _linear_rule(
    low: float, high: float, quantiles: tuple[float, float, float], skew: float, dynamic: float
) -> str | None:
    q25, q75, q99 = quantiles
    if q99 > 100:
        return "99th percentile above 100"
    if low < 0:
        return "skew above 2 in spite of negative values" if skew > 4 and high > 50 else None
    if high - low > 50 and q25 > 0:
        return "range above 50"
    if skew > 2:
        return "skew above 2"
    if dynamic > 2:
        return "dynamic range above two decades"
    if 0 < q25 < 1 < q75 < 2:
        return "quartiles around 1"
    return None


def _short(value: float) -> float:
    return float(f"{value:.6g}")
