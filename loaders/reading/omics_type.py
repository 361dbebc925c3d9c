"""Which omics type a table is of, by a vote of its identifiers and of hints in its header."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from loaders import vocabulary
from loaders.reading.remember import by_texts

#: Share of the names that must look like one kind of molecule.
DECISIVE_SHARE = 0.5

_SAMPLE = 60
#: Joined names of protein groups take some thousand characters.
_LONGEST_NAME = 20_000


@dataclass(frozen=True)
class NamePattern:
    """What one kind of identifier looks like."""

    name: str
    omics: str
    feature_type: str
    strong: bool
    regex: re.Pattern[str]
    minimum: int = 1


@dataclass(frozen=True)
class NameVote:
    """How names look: the kind that fits most, its share, and the share of any strong kind."""

    kind: NamePattern | None
    share: float
    strong_share: float


@dataclass(frozen=True)
class TypeVote:
    """The omics type that content speaks for, or None, with the evidence."""

    omics_type: str | None
    feature_type: str | None
    evidence: dict[str, object]


@cache
def name_patterns() -> tuple[NamePattern, ...]:
    """Returns the patterns of the vocabulary, compiled."""
    lists = vocabulary.load("identifiers")
    heads = "|".join(sorted(lists["lipid_classes"], key=len, reverse=True))
    names = "|".join(re.escape(name) for name in lists["metabolite_names"])
    known = {
        "LIPID": rf"(?:is|d\d{{1,2}}-)?(?:{heads})(?:[ _-]?(?:\(OH\)|aa|ae|a|e|O|P|d|m|t))?"
        r"[ _\-(\[]*(?:[OPadempt]{1,2}[- ]?)?(?:C\d|FA)?C?\d{1,2}:\d{1,2}.*",
        "METABOLITE": rf"(?i:(?:[dl]+-)?(?:{names})\*?)",
    }
    return tuple(
        NamePattern(
            name=entry["name"],
            omics=entry["omics"],
            feature_type=entry["feature_type"],
            strong=entry["strong"],
            regex=re.compile(known.get(entry["regex"], entry["regex"])),
            minimum=entry.get("minimum", 1),
        )
        for entry in lists["patterns"]
    )


@by_texts
def vote_names(names: Sequence[str]) -> NameVote:
    """Tells how many of the names look like molecules, and of which kind most do."""
    distinct = list(dict.fromkeys(name.strip() for name in names if name.strip()))[: 4 * _SAMPLE]
    step = max(1, len(distinct) // _SAMPLE)
    sample = distinct[::step]
    if not sample:
        return NameVote(None, 0.0, 0.0)
    fitting = [kinds_of(name) for name in sample]
    hits = Counter(index for kinds in fitting for index in kinds)
    patterns = name_patterns()
    ranked = {index for index, count in hits.items() if count >= patterns[index].minimum}
    if not ranked:
        return NameVote(None, 0.0, 0.0)
    strong = {index for index in ranked if patterns[index].strong}
    molecules = sum(1 for kinds in fitting if strong.intersection(kinds))
    best = max(ranked, key=lambda index: (hits[index], patterns[index].strong, -index))
    return NameVote(patterns[best], hits[best] / len(sample), molecules / len(sample))


@lru_cache(maxsize=100_000)
def kinds_of(name: str) -> tuple[int, ...]:
    """Returns which patterns a name fits; remembered, because files share their molecules."""
    if len(name) > _LONGEST_NAME:
        return ()  # no name: patterns take fifty times its size in memory
    return tuple(i for i, kind in enumerate(name_patterns()) if kind.regex.fullmatch(name))


def vote_type(
    names: Sequence[str], header: Sequence[str], *, whole_numbers: bool, quantity_omics: str | None
) -> TypeVote:
    """Votes for the omics type of a table.

    Args:
        names: Names of its features.
        header: All headers.
        whole_numbers: Whether all quantities are whole and some exceed 30: counts.
        quantity_omics: The type that the quantity's name implies, if any.
    """
    shares = dict(_omics_shares(names))
    if names and all(name.strip().isdigit() for name in names if name.strip()):
        # Numbers of genes look like nothing; only the header says what they are.
        folded = {vocabulary.normalise(cell) for cell in header}
        if folded & set(vocabulary.load("omics")["gene_numbers"]):
            shares["gene"] = 1.0
    elif "gene" in shares and not shares.keys() - {"gene"} and _is_numbered(names):
        # Numbered names, X001 X002, look like symbols, and are nobody's.
        del shares["gene"]
    hints = _hints(header)
    evidence: dict[str, object] = {
        "identifiers": {name: round(share, 3) for name, share in shares.items() if share >= 0.05}
    }
    if hints:
        evidence["header_hints"] = hints
    # Symbols of genes are short words, which accessions and names of molecules may look like too.
    telling = {name: share for name, share in shares.items() if name not in ("any", "gene")}
    best = max(telling, key=lambda name: telling[name], default=None)
    share = telling[best] if best else 0.0
    if best and share >= max(DECISIVE_SHARE, 0.6 * shares.get("gene", 0.0)):
        others = [value for name, value in telling.items() if name != best]
        if not others or max(others) <= 0.6 * share or _specific(best, names):
            return TypeVote(best, _feature_type(best, names), evidence)
    if shares.get("gene", 0.0) >= DECISIVE_SHARE or shares.get("any", 0.0) >= DECISIVE_SHARE:
        if quantity_omics:
            return TypeVote(quantity_omics, None, evidence | {"quantity": quantity_omics})
        if len(hints) == 1:
            return TypeVote(next(iter(hints)), None, evidence)
        if whole_numbers and not hints:
            return TypeVote("transcriptomics", "gene", evidence | {"quantity": "whole numbers"})
        return TypeVote(None, None, evidence)
    if quantity_omics:
        return TypeVote(quantity_omics, None, evidence | {"quantity": quantity_omics})
    return TypeVote(None, None, evidence)


def feature_type_of(omics_type: str | None, names: Sequence[str]) -> str | None:
    """Returns the kind of feature, from the names where the type has several."""
    if omics_type is None:
        return None
    if omics_type == "transcriptomics":
        vote = vote_names(names)
        if vote.kind and vote.kind.feature_type == "transcript" and vote.share >= DECISIVE_SHARE:
            return "transcript"
    kinds: dict[str, str] = vocabulary.load("omics")["feature_types"]
    return kinds.get(omics_type)


def omics_type_of_folder(name: str) -> str | None:
    """Returns the omics type that a folder of this name states.

    >>> omics_type_of_folder("Lipids"), omics_type_of_folder("results")
    ('lipidomics', None)
    """
    folded = name.casefold()
    for omics, synonyms in vocabulary.load("omics")["folders"].items():
        if folded in synonyms:
            return str(omics)
    return None


def _feature_type(omics: str, names: Sequence[str]) -> str | None:
    return feature_type_of(omics, names)


@by_texts
def _is_numbered(names: Sequence[str]) -> bool:
    """Whether names differ in their numbers alone, as those of no genes do."""
    stems = {re.sub(r"\d+", "#", name.strip()) for name in names if name.strip()}
    return len(names) >= 5 and len(stems) <= max(1, len(names) // 20)


@cache
def _omics_of(kinds: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(sorted({name_patterns()[index].omics for index in kinds}))


@by_texts
def _omics_shares(names: Sequence[str]) -> Mapping[str, float]:
    distinct = list(dict.fromkeys(name.strip() for name in names if name.strip()))[: 4 * _SAMPLE]
    sample = distinct[:: max(1, len(distinct) // _SAMPLE)]
    hits: dict[str, int] = {}
    for name in sample:
        for omics in _omics_of(kinds_of(name)):
            hits[omics] = hits.get(omics, 0) + 1
    return {omics: count / len(sample) for omics, count in hits.items()}


def _specific(omics: str, names: Sequence[str]) -> bool:
    """Whether the winning type is the one whose pattern is the narrower of two that both fit."""
    vote = vote_names(names)
    return vote.kind is not None and vote.kind.omics == omics


@by_texts
def _hints(header: Sequence[str]) -> Mapping[str, list[str]]:
    lists: dict[str, list[str]] = vocabulary.load("omics")["hints"]
    folded = {vocabulary.normalise(cell) for cell in header}
    found = {omics: [word for word in words if word in folded] for omics, words in lists.items()}
    return {omics: words for omics, words in found.items() if words}
