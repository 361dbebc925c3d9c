"""Vectors in Pinecone: the namespaces that are complete, all asked at once, within a time limit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sync import state
from sync.searching.filters import Conditions
from sync.searching.model import Found
from sync.searching.services import Unavailable
from sync.vectors import open_client, open_index, parts_of
from warehouse.verdicts import Stopped, redact

if TYPE_CHECKING:
    import psycopg

    from sync.embedders import EmbedderSpec
    from sync.options import Options

    Conn = psycopg.Connection[Any]

LIST = 60


@dataclass(frozen=True)
class Space:
    """A namespace that search reads."""

    entity_type: str
    namespace: str


def spaces(
    conn: Conn, options: Options, spec: EmbedderSpec, entity_types: Sequence[str] | None
) -> list[Space]:
    """The namespaces that are complete and hold vectors of this embedder.

    Raises:
        Unavailable: There is none.
    """
    if state_missing(conn):
        raise Unavailable("nothing is published yet: omics sync apply pinecone")
    live = [
        target
        for target in state.targets(conn, "pinecone")
        if target.is_live and target.container and target.embedder_id == spec.embedder_id
        and target.target_id.split(":")[1] == options.pinecone_index
    ]  # fmt: skip
    if not live:
        raise Unavailable(
            f"no namespace of {spec.embedder_id} is complete yet: omics sync apply pinecone"
        )
    return [
        Space(target.entity_type, str(target.container))
        for target in live
        if entity_types is None or target.entity_type in entity_types
    ]


def state_missing(conn: Conn) -> bool:
    """Whether publishing was never set up here."""
    row = conn.execute("select to_regclass('sync.targets') is null").fetchone()
    return bool(row and row[0])


def query(
    options: Options,
    spec: EmbedderSpec,
    vector: Sequence[float],
    where: Sequence[Space],
    conditions: Conditions,
    seconds: float,
) -> list[Found]:
    """Asks every namespace. Touches no database: it runs in a thread of its own.

    Args:
        options: Key and place of the index.
        spec: The embedder of the vector.
        vector: Of the question.
        where: Namespaces.
        conditions: What documents must be.
        seconds: For one call.

    Raises:
        Unavailable: There is no index, it has another dimension, or a call failed.
    """
    short = replace(options, timeout=max(0.05, seconds))
    client: Any = None
    index: Any = None
    try:
        client = open_client(short)
        index = open_index(client, short, spec, make=False)
        with ThreadPoolExecutor(max(1, len(where))) as pool:
            asked = {
                space: pool.submit(
                    index.query,
                    top_k=LIST,
                    vector=list(vector),
                    namespace=space.namespace,
                    include_metadata=True,
                    filter=conditions.for_pinecone(space.entity_type),
                )
                for space in where
            }
            wait(asked.values())
        found = []
        for space, future in asked.items():
            for match in future.result().matches:
                found.append(_found(space, match, spec))
    except Stopped as stop:
        raise Unavailable(redact(str(stop), options.secrets)) from None
    except Exception as error:
        words = redact(f"{type(error).__name__}: {error}", options.secrets)
        raise Unavailable(words[:300]) from None
    finally:
        for opened in (index, client):
            if opened is not None:
                opened.close()
    return sorted((f for f in found if f is not None), key=lambda f: (-f.score, f.key))[:LIST]


def _found(space: Space, match: Any, spec: EmbedderSpec) -> Found | None:
    """One match; none where its id is not one of ours."""
    parts = parts_of(str(match.id))
    if parts is None or parts[0] != space.entity_type:
        return None
    metadata = dict(match.metadata or {})
    by = "by words and spelling" if spec.is_lexical else "in meaning"
    score = float(match.score)
    return Found(
        parts[0],
        parts[1],
        parts[2],
        score,
        f"its text is near {by} (Pinecone, {spec.embedder_id}, {score:.2f})",
        content_hash=str(metadata.get("content_hash") or "") or None,
    )
