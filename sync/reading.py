"""What sync reads of the marts. The only SQL on marts in this room."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

#: Types of entities in the order of publishing: what others point to comes first.
ENTITY_TYPES = ("program", "experiment", "signature", "dataset", "feature")

_MARTS = {
    "program": ("programs", "program_id"),
    "experiment": ("experiments", "experiment_id"),
    "signature": ("signatures", "signature_id"),
    "dataset": ("datasets", "dataset_id"),
    "feature": ("features", "feature_id"),
}


@dataclass(frozen=True)
class Document:
    """One row of `marts.documents`."""

    entity_type: str
    entity_id: str
    chunk: str
    title: str
    text: str
    metadata: Mapping[str, Any]
    content_hash: str


def has_mart(conn: psycopg.Connection[Any], name: str) -> bool:
    """Whether a mart has been built."""
    row = conn.execute("select to_regclass(%s) is not null", (f"marts.{name}",)).fetchone()
    return bool(row and row[0])


def built_marts(conn: psycopg.Connection[Any]) -> frozenset[str]:
    """Names of the marts that are tables: one query where several are asked about."""
    rows = conn.execute(
        "select relname from pg_class where relnamespace = to_regnamespace('marts')"
        " and relkind in ('r', 'p')"
    ).fetchall()
    return frozenset(str(name) for (name,) in rows)


def document_types(conn: psycopg.Connection[Any]) -> list[str]:
    """Types of entities that have documents, in the order of publishing."""
    if not has_mart(conn, "documents"):
        return []
    rows = conn.execute("select distinct entity_type from marts.documents").fetchall()
    found = {str(kind) for (kind,) in rows}
    return [kind for kind in ENTITY_TYPES if kind in found]


def want_documents(conn: psycopg.Connection[Any], entity_type: str) -> None:
    """Fills `wanted` with every document of a type. Stays inside Postgres."""
    if has_mart(conn, "documents"):
        conn.execute(
            "insert into wanted (entity_id, chunk, want_hash)"
            " select entity_id::text, chunk, content_hash from marts.documents"
            " where entity_type = %s",
            (entity_type,),
        )


def documents(
    conn: psycopg.Connection[Any], entity_type: str, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], Document]:
    """The documents of the given entities and chunks; those that are gone are left out."""
    rows = conn.execute(
        """
        select documents.entity_type, documents.entity_id::text, documents.chunk, documents.title,
            documents.text, documents.metadata, documents.content_hash
        from unnest(%s::text[], %s::text[]) as keys (entity_id, chunk)
        inner join marts.documents as documents
            on documents.entity_id = keys.entity_id::uuid and documents.chunk = keys.chunk
        where documents.entity_type = %s
        """,
        ([key[0] for key in keys], [key[1] for key in keys], entity_type),
    ).fetchall()
    found = [Document(*row) for row in rows]
    return {(document.entity_id, document.chunk): document for document in found}


def entities(conn: psycopg.Connection[Any], entity_type: str) -> Iterator[dict[str, Any]]:
    """Every row of a type's mart as a mapping, with its id as `entity_id`, ordered by it."""
    from psycopg.rows import dict_row

    mart, key = _MARTS[entity_type]
    if not has_mart(conn, mart):
        return
    with conn.cursor(row_factory=dict_row) as cursor:
        query = f"select * from marts.{mart} order by {key}"  # noqa: S608 - our own names
        cursor.execute(query.encode())
        for row in cursor:
            row["entity_id"] = str(row[key])
            yield row


def entity(
    conn: psycopg.Connection[Any], entity_type: str, entity_id: str
) -> dict[str, Any] | None:
    """One row of a type's mart, as `entities` gives it; none where it is gone."""
    from psycopg.rows import dict_row

    mart, key = _MARTS[entity_type]
    if not has_mart(conn, mart):
        return None
    with conn.cursor(row_factory=dict_row) as cursor:
        query = f"select * from marts.{mart} where {key} = %s::uuid"  # noqa: S608 - our own names
        row = cursor.execute(query.encode(), (entity_id,)).fetchone()
    return None if row is None else {**row, "entity_id": str(row[key])}


def components(conn: psycopg.Connection[Any], signatures: Sequence[str]) -> list[dict[str, Any]]:
    """The components of signatures, ordered.

    Their `entity_id` is the id of the signature and a hash of what they are called: a component
    that is put in before others renames none of them.
    """
    from psycopg.rows import dict_row

    if not signatures or not has_mart(conn, "signature_components"):
        return []
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            """
            select components.signature_id::text || '#' || left(md5(concat_ws(
                    '|', components.feature_type, components.reported_name,
                    row_number() over (
                        partition by components.signature_id, components.feature_type,
                            components.reported_name
                        order by components.position
                    )
                )), 16) as entity_id,
                components.signature_id::text, components.reported_name, components.feature_type,
                components.direction, components.weight, components.feature_id::text,
                coalesce(features.name, components.reported_name) as name,
                signatures.disease_context
            from marts.signature_components as components
            inner join marts.signatures as signatures
                on components.signature_id = signatures.signature_id
            left join marts.features as features
                on components.feature_id = features.feature_id
            where components.signature_id = any(%s::uuid[])
            order by components.signature_id, components.position
            """,
            (list(signatures),),
        )
        return cursor.fetchall()


def features(
    conn: psycopg.Connection[Any], feature_type: str, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """The features of a type among some ids, ordered."""
    from psycopg.rows import dict_row

    if not ids or not has_mart(conn, "features"):
        return []
    with conn.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select features.*, feature_id::text as entity_id from marts.features as features"
            " where feature_id = any(%s::uuid[]) and feature_type = %s order by feature_id",
            (list(ids), feature_type),
        )
        return cursor.fetchall()


def features_of_signatures(conn: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Type and id of every feature that a component of a signature means by itself."""
    if not has_mart(conn, "signature_components"):
        return []
    rows = conn.execute(
        "select features.feature_type, features.feature_id::text from marts.features as features"
        " where exists (select 1 from marts.signature_components as components"
        " where components.feature_id = features.feature_id)"
    ).fetchall()
    return [(str(kind), str(feature)) for kind, feature in rows]


_CALLED = {
    "features": (
        "select words.word, features.feature_type, features.feature_id::text"
        " from unnest(%s::text[]) as words (word) inner join marts.features as features"
        " on features.name = words.word or features.canonical_id = words.word order by 1, 2, 3"
    ),
    "feature_names": (
        "select words.word, features.feature_type, features.feature_id::text"
        " from unnest(%s::text[]) as words (word)"
        " inner join marts.feature_names as names on names.reported_name = words.word"
        " inner join marts.features as features on features.feature_id = names.feature_id"
        " order by 1, 2, 3"
    ),
}


def features_called(
    conn: psycopg.Connection[Any], words: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Types and ids of the features that each name means; words without are left out.

    A name is the feature's own, its canonical id, or one that a file reported and that was mapped.
    """
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    built = built_marts(conn)
    for mart, query in _CALLED.items():
        if {mart, "features"} <= built:
            for word, kind, feature in conn.execute(query, (list(words),)).fetchall():
                if (str(kind), str(feature)) not in found[str(word)]:
                    found[str(word)].append((str(kind), str(feature)))
    return dict(found)


def feature_pages(conn: psycopg.Connection[Any], feature_type: str) -> dict[str, str]:
    """Pages that people have of features of a type, by title; titles of several are left out."""
    if not has_mart(conn, "notion_pages"):
        return {}
    rows = conn.execute(
        "select title, min(page_id) from marts.notion_pages"
        " where entity_type = %s and not in_trash and title is not null"
        " and coalesce(properties #>> '{PG ID,value}', '') = ''"
        " group by title having count(*) = 1",
        (feature_type,),
    ).fetchall()
    return {str(title): str(page) for title, page in rows}


def signatures_with_components(conn: psycopg.Connection[Any]) -> set[str]:
    """Ids of the signatures that have components."""
    if not has_mart(conn, "signature_components"):
        return set()
    rows = conn.execute(
        "select distinct signature_id::text from marts.signature_components"
    ).fetchall()
    return {str(signature) for (signature,) in rows}


def signatures_called(conn: psycopg.Connection[Any], words: Sequence[str]) -> dict[str, list[str]]:
    """Ids of the signatures of each name or short id, in any case; words without are left out."""
    if not has_mart(conn, "signatures"):
        return {}
    rows = conn.execute(
        "select words.word, signatures.signature_id::text"
        " from unnest(%s::text[]) as words (word)"
        " inner join marts.signatures as signatures"
        " on lower(words.word) in (lower(signatures.name), lower(signatures.short_id))"
        " order by 1, 2",
        (list(words),),
    ).fetchall()
    found: dict[str, list[str]] = defaultdict(list)
    for word, signature in rows:
        found[str(word)].append(str(signature))
    return dict(found)


def component_pages(conn: psycopg.Connection[Any]) -> dict[tuple[str, str], str]:
    """Pages that people have of components: by title and page of the signature.

    Two pages of one title and signature are left out: nobody knows which is meant.
    """
    if not has_mart(conn, "notion_pages"):
        return {}
    rows = conn.execute(
        """
        select pages.title, replace(signature.page_id, '-', ''), min(pages.page_id)
        from marts.notion_pages as pages
        cross join jsonb_array_elements_text(case
            when jsonb_typeof(pages.properties #> '{Signature,value}') = 'array'
                then pages.properties #> '{Signature,value}'
            else '[]'
        end) as signature (page_id)
        where pages.entity_type = 'signature_component' and not pages.in_trash
            and coalesce(pages.properties #>> '{PG ID,value}', '') = ''
        group by 1, 2 having count(*) = 1
        """
    ).fetchall()
    return {(str(title), str(signature)): str(page) for title, signature, page in rows}


def has_entities(conn: psycopg.Connection[Any], entity_type: str) -> bool:
    """Whether a type's mart holds anything."""
    mart, _ = _MARTS[entity_type]
    if not has_mart(conn, mart):
        return False
    query = f"select exists (select 1 from marts.{mart})"  # noqa: S608 - our own names
    row = conn.execute(query.encode()).fetchone()
    return bool(row and row[0])


def best_match_scores(conn: psycopg.Connection[Any]) -> dict[str, float]:
    """Best score of a matched signature by dataset, as its documents tell it."""
    if not has_mart(conn, "documents"):
        return {}
    rows = conn.execute(
        "select entity_id::text, (metadata ->> 'signature_match_score')::float8"
        " from marts.documents where entity_type = 'dataset' and chunk = 'overview'"
        " and metadata ? 'signature_match_score'"
    ).fetchall()
    return {str(dataset): float(score) for dataset, score in rows}


def pairs(conn: psycopg.Connection[Any], mart: str, left: str, right: str) -> dict[str, list[str]]:
    """A table of pairs: for each left id the right ids, ordered.

    Args:
        conn: A connection.
        mart: Name of the mart. `documents` gives the signatures that datasets match: which matches
            are worth telling is decided there.
        left: Type of the entities to group by.
        right: Type of their partners.
    """
    if not has_mart(conn, mart):
        return {}
    if mart == "documents":
        rows = conn.execute(
            "select entity_id::text as dataset, matched.signature"
            " from marts.documents cross join"
            " jsonb_array_elements_text(metadata -> 'signature_ids') as matched (signature)"
            " where entity_type = 'dataset' and chunk = 'overview'"
            " and jsonb_typeof(metadata -> 'signature_ids') = 'array' order by 1, 2"
        ).fetchall()
        if left == "signature":
            rows = sorted((signature, dataset) for dataset, signature in rows)
    else:
        left_key, right_key = _MARTS[left][1], _MARTS[right][1]
        query = (
            f"select distinct {left_key}::text, {right_key}::text"  # noqa: S608 - our own names
            f" from marts.{mart} order by 1, 2"
        )
        rows = conn.execute(query.encode()).fetchall()
    found: dict[str, list[str]] = defaultdict(list)
    for one, other in rows:
        found[str(one)].append(str(other))
    return dict(found)
