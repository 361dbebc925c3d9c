"""Vectors in Postgres, where the extension pgvector is: nearest documents by an HNSW index.

The column and the index are made when they are first needed, so a server without the extension has
everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sync.embedders.cache import ensure_embedder, is_zero, text_hash, vectors_of
from sync.searching.filters import Conditions
from sync.searching.model import Found

if TYPE_CHECKING:
    import psycopg

    from sync.embedders import Embedder, EmbedderSpec

    Conn = psycopg.Connection[Any]

#: Longest vectors that an index of `vector`, and of half-precision `halfvec`, can hold (pgvector).
_VECTOR_LIMIT, _HALFVEC_LIMIT = 2_000, 4_000

#: Vectors that are written at once.
_BATCH = 1_000

LIST = 60

#: Texts share some letters by chance; below this the built-in embedder says nothing.
LEAST_LEXICAL = 0.08


def schema_of_extension(conn: Conn) -> str | None:
    """Schema in which pgvector is installed; none where it is not."""
    row = conn.execute(
        "select extnamespace::regnamespace::text from pg_extension where extname = 'vector'"
    ).fetchone()
    return str(row[0]) if row else None


def prepare(conn: Conn, spec: EmbedderSpec) -> str | None:
    """Makes extension, column and index.

    Returns:
        Why there can be none, else None.
    """
    import psycopg

    from sync import state
    from sync.searching import indexing

    if spec.dimension > _HALFVEC_LIMIT:
        return f"vectors of {spec.dimension} numbers are too long for an index of pgvector"
    state.ensure(conn)
    indexing.ensure(conn)
    if schema_of_extension(conn) is None:
        available = conn.execute(
            "select 1 from pg_available_extensions where name = 'vector'"
        ).fetchone()
        if available is None:
            return "the server has no pgvector"
        try:
            with conn.transaction():
                # Never into `marts`, which stands first in the search path.
                conn.execute("create extension if not exists vector schema sync")
        except psycopg.errors.InsufficientPrivilege:
            return "pgvector is not installed in this database, and this user may not install it"
        except psycopg.errors.UniqueViolation:
            pass
    ensure_embedder(conn, spec)
    if _has_column(conn):
        return None
    schema = schema_of_extension(conn)
    conn.execute(
        "alter table sync.search_vectors"
        f" add column if not exists embedding {schema}.vector".encode()
    )
    return None


def _has_column(conn: Conn) -> bool:
    row = conn.execute(
        "select exists (select 1 from pg_attribute where attname = 'embedding' and not attisdropped"
        " and attrelid = to_regclass('sync.search_vectors'))"
    ).fetchone()
    return bool(row and row[0])


def is_ready(conn: Conn, spec: EmbedderSpec) -> bool:
    """Whether there is a vector of this embedder to compare with."""
    if not _has_column(conn):
        return False
    row = conn.execute(
        "select exists (select 1 from sync.search_vectors where embedder_id = %s)",
        (spec.embedder_id,),
    ).fetchone()
    return bool(row and row[0])


def reason(conn: Conn, spec: EmbedderSpec) -> str:
    """Why there is nothing to compare with."""
    if schema_of_extension(conn) is None:
        return "this database has no pgvector"
    return f"no document has a vector of {spec.embedder_id} yet: omics sync index"


def missing(conn: Conn, spec: EmbedderSpec) -> int:
    """How many documents have no vector of this embedder yet."""
    row = conn.execute(
        "select count(*) from sync.search_documents as held where not exists ("
        " select 1 from sync.search_vectors as vectors"
        " where vectors.document_no = held.document_no and vectors.embedder_id = %s)",
        (spec.embedder_id,),
    ).fetchone()
    return int(row[0]) if row else 0


_MISSING = """
select held.document_no, documents.title || E'\\n' || documents.text
from sync.search_documents as held
inner join marts.documents as documents
    on held.entity_type = documents.entity_type and held.entity_id = documents.entity_id
    and held.chunk = documents.chunk
where held.document_no > %s and not exists (
    select 1 from sync.search_vectors as vectors
    where vectors.document_no = held.document_no and vectors.embedder_id = %s
)
order by held.document_no
limit %s
"""


def fill(conn: Conn, embedder: Embedder, *, at_most: int | None = None) -> int:
    """Gives every document of the index its vector, from the cache where it is there.

    The built-in embedder is quicker than its cache, so its vectors are kept once, here.

    Args:
        conn: An autocommit connection.
        embedder: What makes vectors.
        at_most: Do nothing where more than so many are missing.

    Returns:
        Vectors written.
    """
    spec = embedder.spec
    left = missing(conn, spec)
    if not left or (at_most is not None and left > at_most):
        _note_missing(conn, spec, left)
        return 0
    schema = schema_of_extension(conn)
    written, last = 0, 0
    while True:
        rows = conn.execute(_MISSING, (last, spec.embedder_id, _BATCH)).fetchall()
        if not rows:
            break
        last = rows[-1][0]
        texts = {text_hash(text): text for _, text in rows}
        if spec.is_lexical:
            made = dict(zip(texts, embedder.embed(list(texts.values())), strict=True))
        else:
            made = vectors_of(conn, embedder, texts)
        found = [(number, text_hash(text), made[text_hash(text)]) for number, text in rows]
        with conn.transaction(), conn.cursor() as cursor:
            cursor.execute(
                "create temporary table search_embedded (document_no bigint, text_hash text,"
                f" embedding {schema}.vector) on commit drop".encode()
            )
            with cursor.copy("copy search_embedded from stdin") as copy:
                for number, digest, vector in found:
                    if not is_zero(vector):
                        copy.write_row((number, digest, literal(vector)))
            cursor.execute(
                "insert into sync.search_vectors (document_no, embedder_id, text_hash, embedding)"
                " select document_no, %s, text_hash, embedding from search_embedded"
                " inner join sync.search_documents using (document_no) on conflict do nothing",
                (spec.embedder_id,),
            )
            written += cursor.rowcount
    _index(conn, spec)
    _note_missing(conn, spec, missing(conn, spec))
    return written


def _note_missing(conn: Conn, spec: EmbedderSpec, left: int) -> None:
    """Keeps the number for searches: counting them would cost each of them more than its answer."""
    conn.execute(
        "insert into sync.search_state (name, value) values (%s, to_jsonb(%s::text))"
        " on conflict (name) do update set value = excluded.value",
        (f"without vectors {spec.embedder_id}", str(left)),
    )


def incomplete(conn: Conn, spec: EmbedderSpec) -> str | None:
    """What is known to be missing; none where every document has its vector."""
    row = conn.execute(
        "select value #>> '{}' from sync.search_state where name = %s",
        (f"without vectors {spec.embedder_id}",),
    ).fetchone()
    if row is None:
        return "some documents may have no vector yet: omics sync index"
    left = int(row[0])
    return f"{left:,} documents have no vector yet: omics sync index" if left else None


def _index(conn: Conn, spec: EmbedderSpec) -> None:
    """Makes the index of one embedder, after its first vectors: that is far quicker than before."""
    from psycopg import sql

    schema = schema_of_extension(conn)
    name = "search_vectors_" + "".join(c if c.isalnum() else "_" for c in spec.embedder_id)
    kind = "vector" if spec.dimension <= _VECTOR_LIMIT else "halfvec"
    with conn.transaction():
        conn.execute("set local maintenance_work_mem = '512MB'")
        conn.execute(
            sql.SQL(
                "create index if not exists {name} on sync.search_vectors using hnsw"
                " ((embedding::{schema}.{kind}({dimension})) {schema}.{kind}_cosine_ops)"
                " where embedder_id = {embedder}"
            ).format(
                name=sql.Identifier(name[:63]),
                schema=sql.SQL(str(schema)),
                kind=sql.SQL(kind),
                dimension=sql.Literal(spec.dimension),
                embedder=sql.Literal(spec.embedder_id),
            )
        )


def literal(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(repr(float(value)) for value in vector) + "]"


def statement(conn: Conn, spec: EmbedderSpec, conditions: Conditions) -> str:
    """The query for the nearest documents. Parameters: `vector`, `list`, and of the conditions."""
    schema = schema_of_extension(conn)
    kind = "vector" if spec.dimension <= _VECTOR_LIMIT else "halfvec"
    cast = f"{schema}.{kind}({spec.dimension})"
    where = f"and {conditions.sql}" if conditions.sql else ""
    # The embedder is written out: the index is for one of them, and a parameter would hide it.
    return f"""
    with nearest as materialized (
        select vectors.document_no,
            vectors.embedding::{cast} operator({schema}.<=>) %(vector)s::{cast} as apart
        from sync.search_vectors as vectors
        {"inner join sync.search_documents as found using (document_no)" if where else ""}
        where vectors.embedder_id = '{spec.embedder_id}' {where}
        order by vectors.embedding::{cast} operator({schema}.<=>) %(vector)s::{cast}
        limit %(list)s
    )

    select found.entity_type, found.entity_id, found.chunk, found.content_hash, nearest.apart
    from nearest inner join sync.search_documents as found using (document_no)
    order by nearest.apart
    """  # noqa: S608 - names of this project, and an embedder that is one of a list


def search(
    conn: Conn, spec: EmbedderSpec, vector: Sequence[float], conditions: Conditions
) -> list[Found]:
    """The documents whose vectors are nearest.

    Args:
        conn: A connection within a transaction that has a time limit.
        spec: The embedder of the vector.
        vector: Of the question.
        conditions: What documents must be.
    """
    conn.execute("select set_config('hnsw.ef_search', '100', true)")
    if conditions.sql:
        # Goes on until enough rows pass the filter (pgvector 0.8).
        conn.execute("select set_config('hnsw.iterative_scan', 'relaxed_order', true)")
    parameters = {**conditions.parameters, "vector": literal(vector), "list": LIST}
    rows = conn.execute(statement(conn, spec, conditions).encode(), parameters).fetchall()
    by = "by words and spelling" if spec.is_lexical else "in meaning"
    return [
        Found(
            str(kind), str(entity), str(chunk), 1.0 - float(apart),
            f"its text is near {by} ({spec.embedder_id}, {1.0 - float(apart):.2f})",
            content_hash=str(digest),
        )
        for kind, entity, chunk, digest, apart in rows
        if 1.0 - float(apart) >= (LEAST_LEXICAL if spec.is_lexical else 0.0)
    ]  # fmt: skip
