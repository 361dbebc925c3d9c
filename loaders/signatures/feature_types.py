"""Which kind of molecule a component is: given, or by the vote that datasets take too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

#: Share of the names that makes one kind the usual one of a file.
_USUAL_SHARE = 0.5


@dataclass(frozen=True)
class TypeVote:
    """The usual feature type of a list of names, and the share of names that look like it."""

    feature_type: str | None
    share: float
    upper_case: bool


def vote(names: Sequence[str]) -> TypeVote:
    """Votes over a column of names."""
    from loaders.reading.omics_type import vote_names

    found = vote_names(names)
    usual = found.kind.feature_type if found.kind and found.share >= _USUAL_SHARE else None
    shouted = sum(1 for name in names if name.upper() == name)
    return TypeVote(usual, round(found.share, 3), shouted >= 0.8 * max(1, len(names)))


def infer(name: str, usual: TypeVote) -> tuple[str | None, str]:
    """Returns the feature type of one name and why.

    A name that fits the usual kind of its file is of that kind, since many symbols also look like
    something else (MET is a gene among genes). A name that does not is what it looks like alone.
    In a file of upper-case symbols a name in lower case is no symbol.

    Returns:
        Feature type or None, and the evidence.
    """
    from loaders.reading.omics_type import kinds_of, name_patterns

    patterns = name_patterns()
    kinds = [patterns[index] for index in kinds_of(name)]
    fits_usual = any(kind.feature_type == usual.feature_type for kind in kinds)
    odd_case = usual.feature_type == "gene" and usual.upper_case and name.upper() != name
    if fits_usual and not odd_case:
        return usual.feature_type, f"vote {usual.share:g}"
    strong = [kind for kind in kinds if kind.strong and kind.minimum == 1]
    if strong:
        return strong[0].feature_type, f"looks like {strong[0].name}"
    if usual.feature_type is not None:
        return usual.feature_type, f"vote {usual.share:g}"
    if kinds:
        return kinds[0].feature_type, f"looks like {kinds[0].name}"
    return None, "unknown"
