"""Vectors by the hash of their text: a text is embedded once, and nothing unusable is kept."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    from sync.embedders import Embedder, EmbedderSpec

# Below this every number of a vector counts as zero, and Pinecone refuses the vector.
_NEARLY_ZERO = 1e-8


class BadVectors(Exception):
    """An embedder gave something that is no vector of its length."""


def text_hash(text: str) -> str:
    """Hash of a text, the key of its vectors.

    Examples:
        >>> text_hash("a") == text_hash("a") != text_hash("b")
        True
    """
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def ensure_embedder(conn: psycopg.Connection[Any], spec: EmbedderSpec) -> None:
    """Writes an embedder down."""
    conn.execute(
        "insert into sync.embedders (embedder_id, provider, model, dimension, is_lexical)"
        " values (%s, %s, %s, %s, %s) on conflict do nothing",
        (spec.embedder_id, spec.provider, spec.model, spec.dimension, spec.is_lexical),
    )


def vectors_of(
    conn: psycopg.Connection[Any], embedder: Embedder, texts: Mapping[str, str]
) -> dict[str, list[float]]:
    """The vectors of texts, from the cache where they are there.

    Args:
        conn: A connection.
        embedder: Embeds what is not cached.
        texts: Text by its hash.

    Returns:
        Vector by hash of the text.

    Raises:
        BadVectors: Wrong length, wrong number, or something that is not finite. Nothing is kept.
    """
    spec = embedder.spec
    rows = conn.execute(
        "select text_hash, vector from sync.embeddings"
        " where embedder_id = %s and text_hash = any(%s)",
        (spec.embedder_id, list(texts)),
        binary=True,
    ).fetchall()
    # `real` holds seven digits; what comes after them would only make requests longer.
    found = {str(key): [round(value, 7) for value in vector] for key, vector in rows}
    missing = [key for key in texts if key not in found]
    for start in range(0, len(missing), embedder.batch):
        keys = missing[start : start + embedder.batch]
        made = embedder.embed([texts[key] for key in keys])
        check(made, expected=len(keys), dimension=spec.dimension)
        _keep(conn, spec, keys, made)
        found.update(zip(keys, made, strict=True))
    return found


def check(vectors: Sequence[Sequence[float]], *, expected: int, dimension: int) -> None:
    """Refuses what is not the expected number of finite vectors of the right length.

    Raises:
        BadVectors: Says what is wrong.
    """
    if len(vectors) != expected:
        raise BadVectors(f"{len(vectors)} vectors came back for {expected} texts")
    for vector in vectors:
        if len(vector) != dimension:
            raise BadVectors(f"a vector has {len(vector)} numbers instead of {dimension}")
        # A sum is finite only if all of its parts are.
        if not math.isfinite(math.fsum(abs(value) for value in vector)):
            raise BadVectors("a vector holds something that is not a finite number")


def is_zero(vector: Sequence[float]) -> bool:
    """Whether a vector has no direction: its text held nothing to embed."""
    return max((abs(value) for value in vector), default=0.0) < _NEARLY_ZERO


def _keep(
    conn: psycopg.Connection[Any],
    spec: EmbedderSpec,
    keys: Sequence[str],
    vectors: Sequence[Sequence[float]],
) -> None:
    import orjson

    with conn.transaction(), conn.cursor() as cursor:
        cursor.execute(
            "create temporary table if not exists new_embeddings"
            " (text_hash text, vector real[]) on commit delete rows"
        )
        with cursor.copy("copy new_embeddings (text_hash, vector) from stdin") as copy:
            for key, vector in zip(keys, vectors, strict=True):
                literal = orjson.dumps(list(vector))[1:-1]
                copy.write(key.encode() + b"\t{" + literal + b"}\n")
        cursor.execute(
            "insert into sync.embeddings (text_hash, embedder_id, vector)"
            " select text_hash, %s, vector from new_embeddings on conflict do nothing",
            (spec.embedder_id,),
        )
