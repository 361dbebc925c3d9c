"""Names and ids: what is called as the question says, exactly, by a synonym or by a notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync import reading
from sync.searching import expressions, notations
from sync.searching.model import KINDS, Found, Notes
from sync.searching.query import Query, Span, id_range, parse

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Names that are read for one question. A name that more entities share is no exact answer.
_MOST_NAMES = 400

#: First number of the order of a lipid that is known at another level than it was asked for.
_OTHER_LEVEL = 2

#: First number of the order of what the whole question is another form of, or was meant to be: it
#: stands behind what it is called exactly, and before everything else.
_NOT_EXACT = 5

#: Other names of one molecule that a question is widened by.
_MOST_SYNONYMS = 8

_KEYS = {
    "program": ("programs", "program_id"),
    "experiment": ("experiments", "experiment_id"),
    "signature": ("signatures", "signature_id"),
    "dataset": ("datasets", "dataset_id"),
    "feature": ("features", "feature_id"),
}


@dataclass(frozen=True)
class Meaning:
    """Something that a run of words is a name of.

    Attributes:
        span: The words.
        entity_type: Type.
        entity_id: Id.
        name: The name that fits.
        kind: What kind of name it is.
        level: For a lipid that was found by a notation: the level of the name that fits.
        asked_level: The level of what was written.
        corrected: Whether a word had to be read as another for it.
        by_stems: Whether it is another form of the name, such as a plural.
    """

    span: Span
    entity_type: str
    entity_id: str
    name: str
    kind: str
    level: str | None = None
    asked_level: str | None = None
    corrected: bool = False
    by_stems: bool = False


def is_exact(pinned: tuple[int, ...] | None) -> bool:
    """Whether an order among the first hits is that of an exact match."""
    return pinned is not None and pinned[0] < _OTHER_LEVEL


@dataclass
class Named:
    """What the names of a question gave.

    Attributes:
        found: The entities, best first.
        meanings: How each run of words was understood.
        widened: Other names of what runs of words mean, to look for in texts too.
    """

    found: list[Found] = field(default_factory=list)
    meanings: list[Meaning] = field(default_factory=list)
    widened: dict[Span, list[str]] = field(default_factory=dict)

    @property
    def features(self) -> list[tuple[str, str]]:
        """Ids of molecules that are named, each with the name that says so."""
        seen: dict[str, str] = {}
        for meaning in self.meanings:
            if meaning.entity_type == "feature":
                seen.setdefault(meaning.entity_id, meaning.name)
        return list(seen.items())


def lookup(
    conn: Conn,
    query: Query,
    corrected: Sequence[Query],
    readers: Sequence[notations.Reader],
    common: frozenset[str],
    notes: Notes,
) -> Named:
    """Finds everything that the question calls by a name.

    Args:
        conn: A connection.
        query: The question.
        corrected: The question with typing errors mended, each way of mending one.
        readers: What reads lipid notations.
        common: Words that stand in a great part of all documents: no name is told by one of them.
        notes: Gets what was understood.
    """
    named = Named()
    named.meanings += _by_id(conn, query)
    spans = {span.text: span for span in query.spans()}
    asked: dict[str, tuple[Span, str | None, str | None, bool]] = {
        text: (span, None, None, False) for text, span in spans.items()
    }
    for span in spans.values():
        if ":" in span.text or (len(span.text) > 2 and span.first == span.last):
            read = notations.read(span.text, readers)
            for other, level in read.names if read else ():
                asked.setdefault(other, (span, level, read.asked_level if read else None, False))
    for mended in corrected:
        for span in mended.spans():
            asked.setdefault(span.text, (span, None, None, True))
    whole = Span(query.text, 0, len(query.tokens) - 1)
    for text, entity_type, entity_id, name, kind, by_stems in _rows(conn, list(asked)):
        span, at_level, asked_level, was_wrong = asked[text]
        is_whole = (span.first, span.last) == (whole.first, whole.last)
        if not is_whole and _too_common(span, common):
            continue
        named.meanings.append(
            Meaning(
                span, entity_type, entity_id, name, kind, at_level, asked_level, was_wrong, by_stems
            )
        )
    named.meanings = _longest(named.meanings)
    named.found = _ranked(named.meanings, query)
    named.widened = _widened(conn, named.meanings, notes)
    return named


def lookup_alone(conn: Conn, query: Query) -> Named:
    """The same where there is no index: ids, and the question as a whole as a name of a row."""
    meanings = _by_id(conn, query)
    whole = Span(query.text, 0, len(query.tokens) - 1)
    present = reading.built_marts(conn)
    for kind, (mart, key) in _KEYS.items():
        if mart in present:
            rows = conn.execute(
                f"select {key}::text, name from marts.{mart}"  # noqa: S608 - our own names
                " where lower(name) = lower(%s) order by 1 limit 20".encode(),
                (query.text,),
            ).fetchall()
            meanings += [Meaning(whole, kind, str(row[0]), str(row[1]), "name") for row in rows]
    return Named(_ranked(meanings, query), meanings)


def features_called(conn: Conn, text: str, readers: Sequence[notations.Reader]) -> list[str]:
    """Ids of the molecules that a text as a whole is a name of, exactly or by a notation."""
    query = parse(text)
    texts = [query.text]
    read = notations.read(query.text, [*readers, notations.by_sum])
    texts += [name for name, _ in read.names] if read else []
    for candidate in texts:
        rows = [row for row in _rows(conn, [candidate]) if row[1] == "feature" and not row[5]]
        if rows:
            return list(dict.fromkeys(row[2] for row in rows))
    return []


def _too_common(span: Span, common: frozenset[str]) -> bool:
    if span.first != span.last:
        return all(word.lower() in common for word in span.text.split())
    return len(span.text) < 2 or span.text.lower().strip("?.,!") in common


def _by_id(conn: Conn, query: Query) -> list[Meaning]:
    found = []
    present = reading.built_marts(conn) if query.ids() else frozenset()
    for wanted in query.ids()[:5]:
        low, high = id_range(wanted)
        place = (
            query.text.lower()
            .split()
            .index(next(word for word in query.text.lower().split() if wanted in word))
        )
        for kind, (mart, key) in _KEYS.items():
            if mart not in present:
                continue
            rows = conn.execute(
                f"select {key}::text, name from marts.{mart}"  # noqa: S608 - our own names
                f" where {key} between %s::uuid and %s::uuid order by 1 limit 5".encode(),
                (low, high),
            ).fetchall()
            found += [
                Meaning(Span(wanted, place, place), kind, str(row[0]), str(row[1]), "id")
                for row in rows
            ]
    return found


def _rows(conn: Conn, texts: Sequence[str]) -> list[tuple[str, str, str, str, str, bool]]:
    """What is called as one of the texts, or by another form of it."""
    if not texts:
        return []
    query = f"""
    with asked as materialized (
        select text, {expressions.name_key("text")} as name_key,
            {expressions.stem_key("text")} as stem_key
        from unnest(%(texts)s::text[]) as asked (text)
    ),

    same as (
        select asked.text, names.entity_type, names.entity_id, names.name, names.kind,
            false as by_stems
        from asked inner join sync.search_names as names using (name_key)
        where length(asked.name_key) >= 2
        limit %(most)s
    ),

    alike as (
        select asked.text, names.entity_type, names.entity_id, names.name, names.kind,
            true as by_stems
        from asked inner join sync.search_names as names using (stem_key)
        where length(asked.stem_key) >= 3 and asked.name_key <> names.name_key
        limit %(most)s
    )

    select text, entity_type, entity_id::text, name, kind, by_stems
    from (select * from same union all select * from alike) as found
    order by by_stems, kind, name, entity_id
    """  # noqa: S608 - names of this project
    rows = conn.execute(query.encode(), {"texts": list(texts), "most": _MOST_NAMES}).fetchall()
    return [(str(a), str(b), str(c), str(d), str(e), bool(f)) for a, b, c, d, e, f in rows]


def _longest(meanings: Sequence[Meaning]) -> list[Meaning]:
    """Without names that lie within a longer one: `lipids` says nothing in `Medium lipids`."""
    kept = []
    for one in meanings:
        covered = any(
            other.span.first <= one.span.first
            and one.span.last <= other.span.last
            and (other.span.last - other.span.first) > (one.span.last - one.span.first)
            and other.level is None
            for other in meanings
        )
        if not covered:
            kept.append(one)
    return kept


def _ranked(meanings: Sequence[Meaning], query: Query) -> list[Found]:
    """One entry for each entity: by how much of the question its name is, then how sure it is."""
    total = max(1, len(query.text.replace(" ", "")))
    best: dict[tuple[str, str], Found] = {}
    for meaning in meanings:
        share = len(meaning.span.text.replace(" ", "")) / total
        whole = meaning.span.first == 0 and meaning.span.last == len(query.tokens) - 1
        order = KINDS.index(meaning.kind)
        sure = 1.0 - 0.05 * order - 0.1 * meaning.corrected - 0.1 * meaning.by_stems
        depth = 0
        if meaning.level is not None:
            # Of several levels that the marts know, the one that was asked for goes first.
            depth = 1 if meaning.level == meaning.asked_level else _OTHER_LEVEL
            sure -= 0.05 * depth
        found = Found(
            meaning.entity_type,
            meaning.entity_id,
            None,
            min(1.0, share) * sure,
            _sentence(meaning),
            pinned=(_NOT_EXACT if meaning.corrected or meaning.by_stems else depth, order)
            if whole
            else None,
        )
        held = best.get(found.key)
        if held is None or (found.pinned is not None, found.score) > (
            held.pinned is not None,
            held.score,
        ):
            best[found.key] = found
    return sorted(
        best.values(),
        key=lambda entry: (entry.pinned is None, entry.pinned or (), -entry.score, entry.key),
    )


_SENTENCES: Mapping[str, str] = {
    "id": "{asked} is its id",
    "name": "{asked} is its name",
    "code": "{asked} is its code or file",
    "accession": "{asked} is its identifier",
    "identifier": "{asked} is an identifier of it elsewhere",
    "synonym": "{asked} is another name of it",
    "reported": "{asked} is a name that files give it",
}


def _sentence(meaning: Meaning) -> str:
    if meaning.level is not None:
        return (
            f"{meaning.span.text} is {meaning.name} at the level {meaning.level}"
            f" (it was asked for at the level {meaning.asked_level})"
        )
    sentence = _SENTENCES[meaning.kind].format(asked=meaning.span.text)
    if meaning.corrected or meaning.by_stems:
        sentence += f" (read as {meaning.name})"
    return sentence


def _widened(conn: Conn, meanings: Sequence[Meaning], notes: Notes) -> dict[Span, list[str]]:
    """Other names of the molecules that are named: texts may call them so."""
    features = {m.entity_id: m for m in meanings if m.entity_type == "feature"}
    if not features:
        return {}
    rows = conn.execute(
        "select entity_id::text, name, kind from sync.search_names"
        " where entity_type = 'feature' and entity_id = any(%s::uuid[])"
        " and kind in ('name', 'synonym') order by kind, length(name), name",
        (list(features)[:50],),
    ).fetchall()
    widened: dict[Span, list[str]] = {}
    for entity_id, name, _ in rows:
        meaning = features[str(entity_id)]
        names = widened.setdefault(meaning.span, [])
        if name.lower() != meaning.span.text.lower() and name not in names:
            names.append(str(name))
    for span, names in widened.items():
        del names[_MOST_SYNONYMS:]
        if names:
            notes.read_as(f"{span.text} is also looked for as {', '.join(names)}")
    return widened
