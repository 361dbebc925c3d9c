"""The index of search in Postgres: made from the marts, brought up to date by what changed.

Nothing here is needed for an answer: without an index the documents are read one by one, and an
index that is behind is noticed and caught up with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync import reading
from sync.searching import expressions
from warehouse import lock

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Raised when the schema, or what a word, a name or a filter is, changes: all is made anew then.
VERSION = "4"

_NO_DOCUMENTS = (
    "(select null::text as entity_type, null::uuid as entity_id, null::text as chunk,"
    " null::text as content_hash where false)"
)

#: Documents that a search itself brings into the index; more of them wait for the next command.
AT_ONCE = 2_000

_LOCK = "sync search index"

#: Marts that names are taken from. Their rows as JSON: a column that a mart lacks is no error.
_NAMED = {
    "program": ("programs", "program_id", ("name",), ("code",)),
    "experiment": ("experiments", "experiment_id", ("name",), ("code",)),
    "signature": ("signatures", "signature_id", ("name",), ("short_id",)),
    "dataset": ("datasets", "dataset_id", ("name",), ()),
}


@dataclass(frozen=True)
class Indexed:
    """What was done.

    Attributes:
        documents: Documents written or taken out.
        entities: Entities whose names were written or taken out.
        left: Whether something was left for later.
    """

    documents: int = 0
    entities: int = 0
    left: bool = False


def ensure(conn: Conn) -> None:
    """Makes the tables, unless this version of them is there; one query once it is."""
    row = conn.execute(
        "select obj_description(to_regclass('sync.search_documents'), 'pg_class')"
    ).fetchone()
    if row is not None and row[0] == _comment():
        return
    text = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", (lock.lock_key("sync schema"),))
        conn.execute(
            "drop table if exists sync.search_vectors, sync.search_documents, sync.search_names,"
            " sync.search_entities, sync.search_words, sync.search_state"
        )
        conn.execute(text.encode())
        conn.execute(f"comment on table sync.search_documents is '{_comment()}'".encode())


def _comment() -> str:
    return f"One row per document of the marts, as search reads it; version {VERSION}."


def exists(conn: Conn) -> bool:
    """Whether there is an index of this version."""
    row = conn.execute(
        "select obj_description(to_regclass('sync.search_documents'), 'pg_class')"
    ).fetchone()
    return row is not None and row[0] == _comment()


def is_behind(conn: Conn) -> bool:
    """Whether a mart was written to since the index was made. One query of counters."""
    return bool(_behind(conn))


def size(conn: Conn) -> int:
    """How many documents the index holds."""
    row = conn.execute(
        "select (value #>> '{}')::integer from sync.search_state where name = 'size'"
    ).fetchone()
    return int(row[0]) if row else 0


def update(conn: Conn, *, at_most: int | None = None) -> Indexed:
    """Brings the index up to date.

    Args:
        conn: An autocommit connection.
        at_most: Documents to take in; with more than that changed, nothing is done.

    Returns:
        What was done.
    """
    ensure(conn)
    behind = _behind(conn)
    if not behind:
        return Indexed()
    with conn.transaction():
        if at_most is None:
            conn.execute("select pg_advisory_xact_lock(%s)", (lock.lock_key(_LOCK),))
        else:
            row = conn.execute(
                "select pg_try_advisory_xact_lock(%s)", (lock.lock_key(_LOCK),)
            ).fetchone()
            if row is None or not row[0]:
                return Indexed(left=True)
        documents = entities = 0
        # Read before the marts are: what is written from now on is noticed the next time.
        state = {group: _fingerprint(conn, group) for group in behind}
        if "documents" in behind:
            found = _update_documents(conn, at_most)
            if found is None:
                return Indexed(left=True)
            documents = found
        if documents:
            conn.execute("delete from sync.search_state where name like 'without vectors %'")
        if "names" in behind:
            entities = _update_names(conn)
        (held,) = conn.execute("select count(*) from sync.search_documents").fetchone() or (0,)
        state["size"] = str(held)
        for group, value in state.items():
            conn.execute(
                "insert into sync.search_state (name, value) values (%s, to_jsonb(%s::text))"
                " on conflict (name) do update set value = excluded.value",
                (group, value),
            )
    if documents or entities:
        # New entries wait in a list that every query reads: they are sorted in at once, here.
        for index in ("search_documents_terms", "search_documents_keys", "search_words_grams"):
            conn.execute("select gin_clean_pending_list(%s::regclass)", (f"sync.{index}",))
    if documents + entities > AT_ONCE:
        for table in ("search_documents", "search_names", "search_words"):
            conn.execute(f"analyze sync.{table}".encode())
    return Indexed(documents, entities)


_GROUPS = {
    "documents": ("documents",),
    "names": ("programs", "experiments", "signatures", "datasets", "features", "feature_names"),
}


def _fingerprint(conn: Conn, group: str) -> str:
    """Which tables a part of the index comes from, and how often each was written to."""
    row = conn.execute(
        "select coalesce(string_agg(concat_ws('/', relname, relid, n_tup_ins, n_tup_upd,"
        " n_tup_del), ',' order by relname), '') from pg_stat_all_tables"
        " where schemaname = 'marts' and relname = any(%s)",
        (list(_GROUPS[group]),),
    ).fetchone()
    return str(row[0]) if row else ""


def _behind(conn: Conn) -> list[str]:
    held = dict(conn.execute("select name, value #>> '{}' from sync.search_state").fetchall())
    return [group for group in _GROUPS if held.get(group) != _fingerprint(conn, group)]


_CHANGED = """
create temporary table search_changed on commit drop as
select
    coalesce(documents.entity_type, held.entity_type) as entity_type,
    coalesce(documents.entity_id, held.entity_id) as entity_id,
    coalesce(documents.chunk, held.chunk) as chunk,
    documents.content_hash
from {documents} as documents
full join sync.search_documents as held
    on documents.entity_id = held.entity_id
    and documents.chunk = held.chunk and documents.entity_type = held.entity_type
where documents.content_hash is distinct from held.content_hash
limit %s
"""

_FORGET = """
delete from sync.search_documents as held
using search_changed as changed
where held.entity_type = changed.entity_type and held.entity_id = changed.entity_id
    and held.chunk = changed.chunk
"""

_ADD = """
insert into sync.search_documents (entity_type, entity_id, chunk, content_hash, keys, terms)
select entity_type, entity_id, chunk, content_hash, {keys}, {terms}
from marts.documents
inner join search_changed using (entity_type, entity_id, chunk, content_hash)
"""

# Counts are kept by what left and what came, so that no one ever has to read all documents again.
_COUNT = """
insert into search_step (word, step)
select words.word, {sign}
from sync.search_documents as held
inner join search_changed as changed using (entity_type, entity_id, chunk)
cross join lateral unnest(tsvector_to_array(held.terms)) as words (word)
"""

_COUNT_UP = """
insert into sync.search_words as held (word, {column}, grams)
select summed.word, greatest(summed.step, 0), {grams}
from (
    select word, sum(step)::integer as step from search_step
    where length(word) between 1 and 200 group by word having sum(step) <> 0
) as summed
on conflict (word) do update
    set {column} = greatest(held.{column} + case when excluded.{column} > 0 then excluded.{column}
        else (select sum(step)::integer from search_step where word = held.word) end, 0)
"""


def _update_documents(conn: Conn, at_most: int | None) -> int | None:
    from sync.vectors import vocabulary

    has = reading.has_mart(conn, "documents")
    source = "marts.documents" if has else _NO_DOCUMENTS
    limit = None if at_most is None else at_most + 1
    conn.execute(_CHANGED.format(documents=source).encode(), (limit,))
    (count,) = conn.execute("select count(*) from search_changed").fetchone() or (0,)
    if at_most is not None and count > at_most:
        return None
    if count:
        conn.execute("analyze search_changed")
        conn.execute("create temporary table search_step (word text, step integer) on commit drop")
        conn.execute(_COUNT.format(sign=-1).encode())
        conn.execute(_FORGET.encode())
        if has:
            keys = expressions.keys_of(vocabulary())
            conn.execute(_ADD.format(keys=keys, terms=expressions.TERMS).encode(), {})
            conn.execute(_COUNT.format(sign=1).encode())
        _count_words(conn, "documents")
    return int(count)


def _count_words(conn: Conn, column: str) -> None:
    """Adds up the temporary table of steps and empties it."""
    # Numbers have no spelling that could be wrong.
    grams = (
        "case when summed.word ~ '[a-z]{3}|[a-z].*[a-z]' and length(summed.word) between 3 and 40"
        f" then {expressions.grams_of('summed.word')} else '{{}}' end"
    )
    conn.execute(_COUNT_UP.format(column=column, grams=grams).encode())
    conn.execute("drop table search_step")


_NAMES_OF = """
    select '{kind}' as entity_type, {key} as entity_id, names.kind, names.name
    from (select {key}, to_jsonb(held) as r from marts.{mart} as held) as held
    cross join lateral (
        {names}
    ) as names (kind, name)
"""

# A dataset is also called by its file, with and without extension.
_FILE_NAMES = r"""
        union all select 'code', regexp_replace(r ->> 'dataset_key', '^.*/', '')
        union all
        select 'code', regexp_replace(
            regexp_replace(r ->> 'dataset_key', '^.*/', ''), '\.[A-Za-z0-9]{1,5}(\.gz)?$', ''
        )
"""

_ACCESSIONS = """
        union all
        select 'identifier', value from jsonb_each_text(
            case when jsonb_typeof(r -> 'external_ids') = 'object' then r -> 'external_ids'
            else '{}' end
        )
"""

_FEATURE_NAMES = """
    select 'feature' as entity_type, feature_id as entity_id, names.kind, names.name
    from marts.features
    cross join lateral (
        select 'name', name
        union all select 'accession', canonical_id
        union all select 'accession', regexp_replace(canonical_id, '^[a-z]+:', '')
        union all select 'synonym', unnest(synonyms)
        union all
        select 'identifier', listed.value
        from jsonb_each(
            case when jsonb_typeof(identifiers) = 'object' then identifiers else '{}' end
        ) as held (base, found)
        cross join lateral jsonb_array_elements_text(
            case when jsonb_typeof(held.found) = 'array' then held.found else '[]' end
        ) as listed (value)
    ) as names (kind, name)
"""

_REPORTED = """
    select 'feature' as entity_type, feature_id as entity_id, 'reported' as kind,
        reported_name as name
    from marts.feature_names
    where status = 'mapped' and feature_id is not null
"""

_READ_NAMES = """
create temporary table search_named on commit drop as
{parts}
"""

# Of the names as the marts have them: spelling all of them for comparing took 14 s for 260,000
# features, at every refresh that changed one. A sum does not ask for an order.
_CHANGED_NAMES = """
create temporary table search_renamed on commit drop as
with wanted as (
    select entity_type, entity_id,
        concat_ws(' ', count(*), sum(hashtextextended(concat_ws('|', kind, name), 0))) as names_hash
    from search_named
    where name is not null
    group by entity_type, entity_id
)

select
    coalesce(wanted.entity_type, held.entity_type) as entity_type,
    coalesce(wanted.entity_id, held.entity_id) as entity_id,
    wanted.names_hash
from wanted
full join sync.search_entities as held
    on wanted.entity_type = held.entity_type and wanted.entity_id = held.entity_id
where wanted.names_hash is distinct from held.names_hash
"""

# Materialized: else all names are spelled before it is known whose are asked for, and twice.
_ADD_NAMES = """
insert into sync.search_names (entity_type, entity_id, name_key, stem_key, name, kind)
with named as materialized (
    select search_named.*, {key} as name_key
    from search_named
    inner join search_renamed using (entity_type, entity_id)
)

select distinct on (entity_type, entity_id, name_key)
    entity_type, entity_id, name_key, {stems}, name, kind
from named
where length(name_key) between 2 and 200
order by entity_type, entity_id, name_key, array_position(%s::text[], kind), name
"""

_NAME_WORDS = """
insert into search_step (word, step)
select words.word, {sign}
from sync.search_names as held
inner join search_renamed as renamed using (entity_type, entity_id)
cross join lateral regexp_split_to_table(btrim({plain}), ' +') as words (word)
where words.word <> ''
"""


def _update_names(conn: Conn) -> int:
    from sync.searching.model import KINDS

    parts = []
    for kind, (mart, key, names, codes) in _NAMED.items():
        if not reading.has_mart(conn, mart):
            continue
        columns = [("name", column) for column in names] + [("code", column) for column in codes]
        listed = " union all ".join(f"select '{word}', r ->> '{name}'" for word, name in columns)
        more = (_FILE_NAMES if kind == "dataset" else "") + _ACCESSIONS
        parts.append(_NAMES_OF.format(kind=kind, key=key, mart=mart, names=listed + more))
    if reading.has_mart(conn, "features"):
        parts.append(_FEATURE_NAMES)
    if reading.has_mart(conn, "feature_names"):
        parts.append(_REPORTED)
    if not parts:
        parts = ["select null, null::uuid, null, null where false"]
    conn.execute(_READ_NAMES.format(parts=" union all ".join(parts)).encode())
    conn.execute("analyze search_named")
    conn.execute(_CHANGED_NAMES.encode())
    (count,) = conn.execute("select count(*) from search_renamed").fetchone() or (0,)
    if not count:
        return 0
    conn.execute("analyze search_renamed")
    conn.execute("create temporary table search_step (word text, step integer) on commit drop")
    words = expressions.plain("held.name")
    conn.execute(_NAME_WORDS.format(sign=-1, plain=words).encode(), {})
    for table in ("search_names", "search_entities"):
        conn.execute(
            f"delete from sync.{table} as held using search_renamed as renamed"  # noqa: S608
            " where held.entity_type = renamed.entity_type"
            " and held.entity_id = renamed.entity_id".encode()
        )
    adding = _ADD_NAMES.format(
        key=expressions.name_key("search_named.name"), stems=expressions.stem_key("name")
    )
    conn.execute(adding.encode(), (list(KINDS),))
    conn.execute(
        "insert into sync.search_entities (entity_type, entity_id, names_hash)"
        " select entity_type, entity_id, names_hash from search_renamed"
        " where names_hash is not null"
    )
    conn.execute(_NAME_WORDS.format(sign=1, plain=words).encode(), {})
    _count_words(conn, "names")
    return int(count)
