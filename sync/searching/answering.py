"""The way from a question to an answer: each path in turn, none of which may fail the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from sync import reading
from sync.embedders import make_embedder, spec_of
from sync.searching import (
    filters as filtering,
)
from sync.searching import (
    fulltext,
    fusion,
    hydrate,
    indexing,
    names,
    narratives,
    nearness,
    notations,
    remote,
    services,
    words,
)
from sync.searching.deadline import Deadline, limited
from sync.searching.filters import Conditions
from sync.searching.model import Filters, Found, Notes, SearchAnswer
from sync.searching.query import Query, parse
from sync.searching.services import Asked, Unavailable
from warehouse.errors import OmicsError
from warehouse.verdicts import redact

if TYPE_CHECKING:
    import psycopg

    from sync.embedders import Embedder, EmbedderSpec
    from sync.options import Options

    Conn = psycopg.Connection[Any]

T = TypeVar("T")

#: Everything may be found.
NO_FILTERS = Filters()

#: Seconds within which an answer is due.
DEADLINE = 2.0

#: Part of the time that an answer still needs when services have been waited for.
_RESERVE = 0.5

#: Entities that hold a named molecule, as a list of their own.
_MOST_HOLDERS = 40


def answer(
    conn: Conn,
    text: str,
    options: Options,
    *,
    filters: Filters = NO_FILTERS,
    limit: int = 10,
    seconds: float = DEADLINE,
    readers: Sequence[notations.Reader] = (),
    notion_enabled: bool = False,
    only: Sequence[str] | None = None,
) -> SearchAnswer:
    """Finds what answers a question.

    Args:
        conn: An autocommit connection.
        text: The question; anything at all.
        options: Services and embedder.
        filters: What hits must be.
        limit: How many hits.
        seconds: Until when an answer is due.
        readers: What reads lipid notations, before the sum of chains is worked out.
        notion_enabled: Whether Notion may be asked for what people wrote.
        only: Paths whose lists count, to compare them; all of them where none are named.

    Raises:
        OmicsError: There are no marts yet, or a filter names something that there is not.
    """
    import psycopg

    deadline = Deadline(seconds)
    notes = Notes()
    query = parse(text)
    if not reading.has_mart(conn, "documents"):
        raise OmicsError(
            "there is nothing to search yet",
            where="marts.documents",
            expected="marts that were built",
            fix="omics load --dir DIR, then omics build",
        )
    if query.was_cut:
        notes.read_as("the question is long: only its beginning was read")
    if not query.tokens:
        return _answer(query, [], notes, deadline)
    conditions = filtering.conditions_of(conn, filters, readers)
    indexed = _ready_index(conn, deadline, notes)
    embedder = _embedder(options, notes)
    vector = _begin_embedding(embedder, query)
    asked = _begin_pinecone(conn, options, embedder, vector, conditions, filters, deadline, notes)
    lists = _lexical(conn, query, conditions, filters, readers, deadline, notes, indexed=indexed)
    vectors = _collect_pinecone(conn, asked, deadline, notes, options)
    if vectors is not None:
        lists["pinecone"] = vectors
    else:
        near = _nearest(
            conn, embedder, vector, conditions, deadline, notes, options, indexed=indexed
        )
        if near is not None:
            lists["pgvector"] = near
    if only is not None:
        lists = {name: found for name, found in lists.items() if name in only}
    knows_meaning = embedder is not None and not embedder.spec.is_lexical
    weights = fusion.WEIGHTS_OF_MEANING if knows_meaning else fusion.WEIGHTS
    candidates = fusion.fuse(lists, weights)
    shown = [word for token in query.tokens for word in token.replace("_", " ").split()]
    try:
        # Whatever was late before: what was found is still worth a moment.
        with limited(conn, max(_RESERVE, deadline.remaining)) as paced:
            candidates = _sifted(paced, candidates, conditions, filters, indexed=indexed)
            hits, gone = hydrate.hydrate(paced, candidates, shown, limit)
    except psycopg.Error as error:
        notes.trouble("postgres", _short(error))
        return _answer(query, [], notes, deadline)
    notes.dropped += gone
    hits = narratives.add(conn, hits, options, deadline, notes, notion_enabled=notion_enabled)
    return _answer(query, hits, notes, deadline)


def _answer(query: Query, hits: Sequence[Any], notes: Notes, deadline: Deadline) -> SearchAnswer:
    return SearchAnswer(
        query=query.text,
        hits=tuple(hits),
        paths=tuple(notes.paths),
        degraded=tuple(notes.degraded),
        stale=notes.stale or any(hit.stale for hit in hits),
        understood=tuple(notes.understood),
        dropped=notes.dropped,
        seconds=round(deadline.spent, 4),
    )


def _ready_index(conn: Conn, deadline: Deadline, notes: Notes) -> bool:
    """Whether the index can be used; a small one is made, or caught up with, on the spot."""
    import psycopg

    try:
        if indexing.exists(conn) and not indexing.is_behind(conn):
            return True
        with limited(conn, deadline.share(0.5)) as paced:
            done = indexing.update(paced, at_most=indexing.AT_ONCE)
        if not done.left:
            return True
        reason = "it is behind the marts: omics sync index"
    except psycopg.Error as error:
        reason = f"it cannot be brought up to date ({_short(error)}): omics sync index"
    notes.stale = True
    notes.trouble("index", reason)
    return _has_rows(conn)


def _has_rows(conn: Conn) -> bool:
    import psycopg

    try:
        if not indexing.exists(conn):
            return False
        row = conn.execute("select exists (select 1 from sync.search_documents)").fetchone()
    except psycopg.Error:
        return False
    return bool(row and row[0])


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _embedder(options: Options, notes: Notes) -> Embedder | None:
    try:
        return make_embedder(options)
    except OmicsError as error:
        notes.trouble("embedder", error.what)
        return None


def _begin_embedding(embedder: Embedder | None, query: Query) -> Asked[list[float]] | None:
    if embedder is None:
        return None
    made: Embedder = embedder

    def call() -> list[float]:
        vector = made.embed([query.text], for_query=True)[0]
        if len(vector) != made.spec.dimension:
            raise Unavailable(
                f"the vector has {len(vector)} numbers instead of {made.spec.dimension}"
            )
        return vector

    return Asked(call)


def _begin_pinecone(
    conn: Conn,
    options: Options,
    embedder: Embedder | None,
    vector: Asked[list[float]] | None,
    conditions: Conditions,
    filters: Filters,
    deadline: Deadline,
    notes: Notes,
) -> Asked[list[Found]] | None:
    """Sends the question to Pinecone where it is set up; the answer is collected later."""
    if not options.pinecone_key or embedder is None or vector is None:
        return None
    seconds = max(0.1, deadline.remaining - _RESERVE)
    spec = embedder.spec
    waiting = vector
    try:
        blocked = services.blocked(conn, "pinecone")
        if blocked:
            raise Unavailable(blocked)
        spaces = remote.spaces(conn, options, spec, filters.entity_types or None)
    except Unavailable as problem:
        notes.trouble("pinecone", str(problem))
        return None

    def call() -> list[Found]:
        return remote.query(options, spec, waiting.result(seconds), spaces, conditions, seconds)

    return Asked(call)


def _collect_pinecone(
    conn: Conn,
    asked: Asked[list[Found]] | None,
    deadline: Deadline,
    notes: Notes,
    options: Options,
) -> list[Found] | None:
    if asked is None:
        return None
    try:
        found = asked.result(max(0.0, deadline.remaining - _RESERVE))
    except Exception as problem:
        reason = redact(_short(problem), options.secrets)
        notes.trouble("pinecone", reason)
        services.failed(conn, "pinecone", reason)
        return None
    services.went_well(conn, "pinecone")
    if not found:
        notes.trouble("pinecone", "it found nothing")
        return None
    notes.served("pinecone")
    return found


def _lexical(
    conn: Conn,
    query: Query,
    conditions: Conditions,
    filters: Filters,
    readers: Sequence[notations.Reader],
    deadline: Deadline,
    notes: Notes,
    *,
    indexed: bool,
) -> dict[str, list[Found]]:
    """Names, what holds a named molecule, and full text."""
    import psycopg

    lists: dict[str, list[Found]] = {}
    known: list[words.Word] = []
    fixes: dict[int, list[str]] = {}
    named = names.Named()
    size = 0
    try:
        with limited(conn, deadline.share(0.7)) as paced:
            known = words.read_words(paced, query.tokens, indexed=indexed)
            if indexed:
                size = indexing.size(paced)
                fixes = words.corrections(paced, known)
                for place, others in fixes.items():
                    notes.read_as(f"{query.tokens[place]} was read as {' or '.join(others)}")
                named = names.lookup(
                    paced,
                    query,
                    words.corrected_queries(query, fixes),
                    [*readers, notations.by_sum],
                    frozenset(
                        word.text.lower()
                        for word in known
                        if not word.query
                        or (size > 20 and word.documents > words.COMMON_SHARE * size)
                    ),
                    notes,
                )
                held = _holders(paced, named)
                if held:
                    lists["holds"] = held
            else:
                named = names.lookup_alone(paced, query)
            if named.found:
                lists["names"] = named.found
                notes.served("names")
    except psycopg.Error as error:
        notes.trouble("names", _short(error))
    try:
        with limited(conn, max(0.05, deadline.remaining - 0.2)) as paced:
            groups = fulltext.groups_of(
                known or words.read_words(paced, query.tokens, indexed=False),
                _many_words(paced, fixes, indexed=indexed),
                [
                    ((span.first, span.last), words.read_words(paced, others, indexed=indexed))
                    for span, others in named.widened.items()
                    if others
                ],
                _many_words(paced, words.related(query), indexed=indexed),
            )
            found = fulltext.search(paced, groups, size, conditions, indexed=indexed)
        if found:
            lists["full_text"] = found
        notes.served("full_text")
    except psycopg.Error as error:
        notes.trouble("full_text", _short(error))
    return lists


def _many_words(
    conn: Conn, texts: Mapping[int, Sequence[str]], *, indexed: bool
) -> dict[int, list[words.Word]]:
    """Looks up words for several places at once."""
    flat = [(place, text) for place, others in texts.items() for text in others]
    if not flat:
        return {}
    found: dict[int, list[words.Word]] = {}
    read = words.read_words(conn, [text for _, text in flat], indexed=indexed)
    for word in read:
        found.setdefault(flat[word.place][0], []).append(word)
    return found


def _holders(conn: Conn, named: names.Named) -> list[Found]:
    """Datasets and signatures that hold a molecule that the question names.

    Texts tell the strongest changes only; the rest of a dataset is found here.
    """
    names_of = dict(named.features[:5])
    held = filtering.holders(conn, list(names_of), most=_MOST_HOLDERS)
    return [
        Found(kind, identifier, None, 1.0, f"it holds {names_of[feature]}")
        for wanted in names_of
        for feature, kind, identifier in held
        if feature == wanted
    ]


def _nearest(
    conn: Conn,
    embedder: Embedder | None,
    vector: Asked[list[float]] | None,
    conditions: Conditions,
    deadline: Deadline,
    notes: Notes,
    options: Options,
    *,
    indexed: bool,
) -> list[Found] | None:
    import psycopg

    if embedder is None or vector is None or not indexed:
        return None
    spec: EmbedderSpec = embedder.spec
    try:
        if not nearness.is_ready(conn, spec):
            notes.trouble("pgvector", nearness.reason(conn, spec))
            return None
        asked = vector.result(max(0.0, deadline.remaining - 0.2))
        if not any(asked):
            return None
        with limited(conn, max(0.05, deadline.remaining - 0.1)) as paced:
            found = nearness.search(paced, spec, asked, conditions)
    except psycopg.Error as error:
        notes.trouble("pgvector", _short(error))
        return None
    except Exception as error:
        # What an embedding service raises is its own; whatever it is, text search has answered.
        notes.trouble("embedder", redact(_short(error), options.secrets))
        return None
    notes.served("pgvector")
    left = nearness.incomplete(conn, spec)
    if left is not None:
        notes.trouble("pgvector", left)
    return found


def _sifted(
    conn: Conn,
    candidates: list[fusion.Candidate],
    conditions: Conditions,
    filters: Filters,
    *,
    indexed: bool,
) -> list[fusion.Candidate]:
    """Without what the filters rule out: names and services know nothing of some of them."""
    if filters.are_empty:
        return candidates
    kinds = filtering.feature_types_of(filters)
    features = [c.entity_id for c in candidates if c.entity_type == "feature"]
    allowed = filtering.allowed_features(conn, features, kinds, conditions)
    others = [c for c in candidates if c.entity_type != "feature"]
    allowed |= filtering.allowed_entities(
        conn, [c.key for c in others], conditions, indexed=indexed
    )
    return [c for c in candidates if c.key in allowed]


def search(
    text: str,
    *,
    conn: Conn | None = None,
    limit: int = 10,
    seconds: float = DEADLINE,
    readers: Sequence[notations.Reader] = (),
    **filters: Any,
) -> SearchAnswer:
    """Finds what answers a question, with the settings of this project.

    Args:
        text: The question.
        conn: An autocommit connection; one is opened and closed where none is given.
        limit: How many hits.
        seconds: Until when an answer is due.
        readers: What reads lipid notations.
        **filters: Fields of `Filters`, each a text or several.

    Raises:
        OmicsError: There are no marts yet, or a filter names something that there is not.
    """
    from sync.options import options_of
    from warehouse.settings import get_settings

    settings = get_settings()
    chosen = filters_of(**filters)

    def run(opened: Conn) -> SearchAnswer:
        return answer(
            opened,
            text,
            options_of(settings),
            filters=chosen,
            limit=limit,
            seconds=seconds,
            readers=readers,
            notion_enabled=settings.enable_notion_sync,
        )

    return with_connection(conn, run)


def with_connection(conn: Conn | None, run: Callable[[Conn], T]) -> T:
    """Runs something with a connection: the one given, or one that is closed afterwards."""
    from warehouse.connection import connect
    from warehouse.settings import get_settings

    if conn is not None:
        return run(conn)
    with connect(get_settings()) as opened:
        return run(opened)


def filters_of(**given: Any) -> Filters:
    """Filters from what a caller gives: a text counts as one value.

    Raises:
        OmicsError: There is no such filter.
    """
    known = Filters.__dataclass_fields__
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            raise OmicsError(f"there is no filter {name!r}", expected=f"one of {', '.join(known)}")
        if value is None:
            continue
        if name in ("since", "until"):
            values[name] = value
        else:
            values[name] = (value,) if isinstance(value, str) else tuple(value)
    return replace(Filters(), **values)


__all__ = ["DEADLINE", "answer", "filters_of", "search", "spec_of"]
