"""Several ranked lists into one: reciprocal rank fusion, with what is called exactly so in front.

Cormack, Clarke and Büttcher 2009, doi:10.1145/1571941.1572114. Lists are of documents; an entity
stands where its best document does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sync.searching.model import Found

#: Evens out the first places of a list; the paper takes 60 for lists of a thousand.
K = 10

#: What a place in each list counts. Chosen on the first half of the questions of `benchmarks/`.
WEIGHTS: Mapping[str, float] = {
    "names": 2.0,
    "full_text": 1.0,
    "pgvector": 0.25,
    "pinecone": 0.25,
    "holds": 0.25,
}

#: The same where vectors know meaning and not only letters: they count as much as words then.
WEIGHTS_OF_MEANING: Mapping[str, float] = {**WEIGHTS, "pgvector": 1.0, "pinecone": 1.0}


@dataclass
class Candidate:
    """An entity with everything that speaks for it.

    Attributes:
        entity_type: Type.
        entity_id: Id.
        score: Sum over the lists.
        parts: Place in each list, and the score within it.
        why: Sentences, the surest first.
        chunk: Document that fits best.
        hashes: Hashes of documents as the lists knew them, by document.
        pinned: Order among exact matches.
        sources: Lists that found it.
    """

    entity_type: str
    entity_id: str
    score: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    chunk: str | None = None
    hashes: dict[str, set[str]] = field(default_factory=dict)
    pinned: tuple[int, ...] | None = None
    sources: list[str] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        """The entity."""
        return (self.entity_type, self.entity_id)


def fuse(
    lists: Mapping[str, Sequence[Found]], weights: Mapping[str, float] = WEIGHTS
) -> list[Candidate]:
    """One list of entities, best first.

    Args:
        lists: Ranked lists by name. An exact match is pinned by `names` and stays in front.
        weights: What a place in each list counts.

    Examples:
        >>> one = Found("dataset", "a", "overview", 0.9, "words")
        >>> two = Found("dataset", "b", "overview", 0.8, "words")
        >>> exact = Found("dataset", "b", None, 1.0, "name", pinned=(0, 1))
        >>> [c.entity_id for c in fuse({"full_text": [one, two], "names": [exact]})]
        ['b', 'a']
    """
    candidates: dict[tuple[str, str], Candidate] = {}
    for name, entries in lists.items():
        place = 0
        seen: set[tuple[str, str]] = set()
        for entry in entries:
            candidate = candidates.setdefault(
                entry.key, Candidate(entry.entity_type, entry.entity_id)
            )
            if entry.chunk is not None and entry.content_hash is not None:
                candidate.hashes.setdefault(entry.chunk, set()).add(entry.content_hash)
            if entry.key in seen:
                continue
            seen.add(entry.key)
            place += 1
            share = entry.score if name == "names" else 1.0
            candidate.score += weights.get(name, 0.0) * share / (K + place)
            candidate.parts[name] = float(place)
            candidate.parts[f"{name}_score"] = round(entry.score, 4)
            candidate.sources.append(name)
            if entry.why not in candidate.why:
                candidate.why.append(entry.why)
            if candidate.chunk is None and entry.chunk is not None:
                candidate.chunk = entry.chunk
            if entry.pinned is not None:
                candidate.pinned = entry.pinned
    return sorted(
        candidates.values(),
        key=lambda c: (c.pinned is None, c.pinned or (), -c.score, c.key),
    )
