"""What is asked, and what an answer is made of: frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

#: What a name is to its entity, the surest first.
KINDS = ("id", "name", "code", "accession", "identifier", "synonym", "reported")


@dataclass(frozen=True)
class Filters:
    """What a hit must be. Several values of one filter mean any of them; several filters, all.

    Attributes:
        omics_types: lipidomics, metabolomics, proteomics, transcriptomics.
        entity_types: program, experiment, dataset, signature, feature.
        programs: Names, codes or ids.
        experiments: Names, codes or ids.
        diseases: As the marts spell them, in any case.
        organisms: As the marts spell them, in any case.
        signatures: Names or ids: the signature itself, and datasets that match it.
        features: Names or ids: what measures or holds the molecule.
        since: Datasets loaded on this day or later.
        until: Datasets loaded on this day or earlier.
    """

    omics_types: tuple[str, ...] = ()
    entity_types: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    diseases: tuple[str, ...] = ()
    organisms: tuple[str, ...] = ()
    signatures: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None

    @property
    def are_empty(self) -> bool:
        """Whether everything may be found."""
        return self == Filters()


@dataclass(frozen=True)
class Citation:
    """Where a hit can be checked.

    Attributes:
        mart: Table of the row.
        id: Its id.
        chunk: Part of its text in `marts.documents`; none for a feature.
        command: What shows its files and lines.
        file: Path of the file that it was read from, where it is one.
    """

    mart: str
    id: str
    chunk: str | None
    command: str
    file: str | None = None


@dataclass(frozen=True)
class Narrative:
    """What people wrote on the page of an entity.

    Attributes:
        text: Markdown.
        source: notion (read just now) or postgres (the last good copy).
        fetched_at: When it was read.
        age_seconds: How long ago that is.
    """

    text: str
    source: str
    fetched_at: datetime | None = None
    age_seconds: float | None = None


@dataclass(frozen=True)
class Hit:
    """One entity that answers.

    Attributes:
        entity_type: program, experiment, dataset, signature or feature.
        id: Id in the marts.
        title: Its name.
        chunk: Part of its text that matched.
        passage: The words that matched, from the marts as they are now.
        why: Why it is here, in sentences.
        score: What hits are ordered by.
        parts: Place in each list that found it, from 1, and scores within.
        fields: The row of its mart, as far as it is short.
        citation: Where to check it.
        narrative: What people wrote about it.
        exact: Whether its name or id is what was asked for.
        stale: Whether it was found by an older text than the passage.
    """

    entity_type: str
    id: str
    title: str
    chunk: str | None
    passage: str
    why: tuple[str, ...]
    score: float
    parts: Mapping[str, float]
    fields: Mapping[str, Any]
    citation: Citation
    narrative: Narrative | None = None
    exact: bool = False
    stale: bool = False


@dataclass(frozen=True)
class Trouble:
    """Something that did not serve as it should; the answer came another way.

    Attributes:
        service: pinecone, embedder, pgvector, full_text, names, index, notion.
        reason: What happened.
    """

    service: str
    reason: str


@dataclass(frozen=True)
class SearchAnswer:
    """What a search found.

    Attributes:
        query: What was asked, as it was understood.
        hits: Best first.
        paths: What served it: names, full_text, pgvector, pinecone.
        degraded: What should have served and did not.
        stale: Whether the index was behind the marts.
        understood: Words that were read as other words: synonyms, notations, typing errors.
        dropped: Hits of a service whose row is gone.
        seconds: How long it took.
    """

    query: str
    hits: tuple[Hit, ...]
    paths: tuple[str, ...]
    degraded: tuple[Trouble, ...] = ()
    stale: bool = False
    understood: tuple[str, ...] = ()
    dropped: int = 0
    seconds: float = 0.0


@dataclass
class Found:
    """One document or entity in one list, before fusion.

    Attributes:
        entity_type: Type.
        entity_id: Id.
        chunk: Part, where the list knows it.
        score: Within its list.
        why: Why it is in the list.
        content_hash: Of the text that the list knew.
        pinned: Order among exact matches, from 0; none for the others.
    """

    entity_type: str
    entity_id: str
    chunk: str | None
    score: float
    why: str
    content_hash: str | None = None
    pinned: tuple[int, ...] | None = None

    @property
    def key(self) -> tuple[str, str]:
        """The entity."""
        return (self.entity_type, self.entity_id)


@dataclass
class Notes:
    """What is gathered on the way to an answer."""

    paths: list[str] = field(default_factory=list)
    degraded: list[Trouble] = field(default_factory=list)
    understood: list[str] = field(default_factory=list)
    stale: bool = False
    dropped: int = 0

    def served(self, path: str) -> None:
        """A path gave its list."""
        if path not in self.paths:
            self.paths.append(path)

    def trouble(self, service: str, reason: str) -> None:
        """A path did not serve."""
        self.degraded.append(Trouble(service, reason))

    def read_as(self, sentence: str) -> None:
        """A word was understood as another."""
        if sentence not in self.understood:
            self.understood.append(sentence)
