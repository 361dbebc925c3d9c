"""From candidates to hits: each is joined to its row in the marts, and left out without one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync import reading
from sync.searching.fusion import Candidate
from sync.searching.model import Citation, Hit, Narrative
from sync.searching.names import is_exact

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Characters of a passage.
PASSAGE = 420

_MARTS = {
    "program": ("programs", "program_id"),
    "experiment": ("experiments", "experiment_id"),
    "signature": ("signatures", "signature_id"),
    "dataset": ("datasets", "dataset_id"),
    "feature": ("features", "feature_id"),
}

#: Columns that are for machines, or long texts that stand in passages.
_LEFT_OUT = {
    "scale_evidence", "build_key", "identity_key", "load_id", "methods", "summary", "results",
    "conclusions", "narrative", "attributes", "row_number", "zero_is_missing",
}  # fmt: skip

#: Longest list of a field.
_LISTED = 20


def hydrate(
    conn: Conn, candidates: Sequence[Candidate], words: Sequence[str], limit: int
) -> tuple[list[Hit], int]:
    """The hits of the first candidates whose rows are there.

    Args:
        conn: A connection.
        candidates: Best first.
        words: Words of the question, for the passage.
        limit: How many hits.

    Returns:
        Hits, and how many candidates were left out because their row is gone.
    """
    hits: list[Hit] = []
    dropped = 0
    present = reading.built_marts(conn)
    step = max(limit, 10)
    for start in range(0, len(candidates), step):
        part = candidates[start : start + step]
        rows = _rows(conn, part, present)
        texts = _texts(conn, part)
        files = _files(conn, rows)
        for candidate in part:
            row = rows.get(candidate.key)
            if row is None:
                dropped += 1
                continue
            if len(hits) < limit:
                hits.append(_hit(conn, candidate, row, texts, files, words, present))
        if len(hits) >= limit:
            break
    return hits, dropped


def _rows(
    conn: Conn, part: Sequence[Candidate], present: frozenset[str]
) -> dict[tuple[str, str], Mapping[str, Any]]:
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for kind, (mart, key) in _MARTS.items():
        ids = [c.entity_id for c in part if c.entity_type == kind and is_uuid(c.entity_id)]
        if not ids or mart not in present:
            continue
        query = (
            f"select {key}::text, to_jsonb(held) from marts.{mart} as held"  # noqa: S608
            f" where {key} = any(%s::uuid[])"
        )
        for identifier, row in conn.execute(query.encode(), (ids,)).fetchall():
            found[kind, str(identifier)] = row
    return found


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_uuid(text: str) -> bool:
    """Whether a text is an id of the marts; what a service holds may be anything."""
    return _UUID.fullmatch(text) is not None


def _texts(conn: Conn, part: Sequence[Candidate]) -> dict[tuple[str, str, str], tuple[str, ...]]:
    """Title, text and hash of the best document of each candidate, and of its overview."""
    ids = sorted({c.entity_id for c in part if c.entity_type != "feature" and is_uuid(c.entity_id)})
    if not ids:
        return {}
    chunks = sorted({c.chunk for c in part if c.chunk} | {"overview"})
    rows = conn.execute(
        "select entity_type, entity_id::text, chunk, title, text, content_hash"
        " from marts.documents where entity_id = any(%s::uuid[]) and chunk = any(%s)",
        (ids, chunks),
    ).fetchall()
    return {
        (str(kind), str(entity), str(chunk)): (str(title), str(text), str(digest))
        for kind, entity, chunk, title, text, digest in rows
    }


def _files(conn: Conn, rows: Mapping[tuple[str, str], Mapping[str, Any]]) -> dict[Any, str]:
    """Paths of source files by their id."""
    wanted = [row["source_file_id"] for row in rows.values() if row.get("source_file_id")]
    if not wanted or not reading.has_mart(conn, "source_files"):
        return {}
    found = conn.execute(
        "select source_file_id, path from marts.source_files where source_file_id = any(%s)",
        (wanted,),
    ).fetchall()
    return dict(found)


def _hit(
    conn: Conn,
    candidate: Candidate,
    row: Mapping[str, Any],
    texts: Mapping[tuple[str, str, str], tuple[str, ...]],
    files: Mapping[Any, str],
    words: Sequence[str],
    present: frozenset[str],
) -> Hit:
    kind, identifier = candidate.key
    mart, _ = _MARTS[kind]
    chunk: str | None = None
    stale = False
    if kind == "feature":
        passage = describe_feature(conn, identifier, row, present)
    else:
        document = texts.get((kind, identifier, candidate.chunk or "overview"))
        chunk = candidate.chunk if document and candidate.chunk else None
        if document is None:
            stale = candidate.chunk is not None
            document = texts.get((kind, identifier, "overview"))
        if chunk is None and document is not None:
            chunk = "overview"
        elif document is not None and chunk is not None:
            stale = stale or bool(candidate.hashes.get(chunk, set()) - {document[2]})
        passage = best_passage(document[1], words) if document else ""
    narrative = row.get("narrative")
    return Hit(
        entity_type=kind,
        id=identifier,
        title=str(row.get("name") or identifier),
        chunk=chunk,
        passage=passage,
        why=tuple(candidate.why),
        score=round(candidate.score, 6),
        parts=dict(candidate.parts),
        fields=short_fields(row),
        citation=Citation(
            mart=f"marts.{mart}",
            id=identifier,
            chunk=chunk,
            command=f"omics why {identifier}",
            file=files.get(row.get("source_file_id")),
        ),
        narrative=Narrative(str(narrative), "postgres") if narrative else None,
        exact=is_exact(candidate.pinned),
        stale=stale,
    )


def short_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that tell something: no empty ones, no long ones, lists cut."""
    kept: dict[str, Any] = {}
    for name, value in row.items():
        if name in _LEFT_OUT or value in (None, [], {}, ""):
            continue
        kept[name] = value[:_LISTED] if isinstance(value, list) else value
    return kept


def best_passage(text: str, words: Sequence[str], longest: int = PASSAGE) -> str:
    """The part of a text that holds most of the words, cut at sentences or list entries.

    Examples:
        >>> best_passage("One. Two ceramides fell. Three.", ["ceramides"], 25)
        'Two ceramides fell. …'
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    pieces = [piece for piece in re.split(r"(?<=[.;])\s+|(?<=,)\s+(?=[A-Z])", text) if piece]
    wanted = [word.lower() for word in words if len(word) > 1]
    weights = [sum(word in piece.lower() for word in wanted) for piece in pieces]
    best, best_score, best_end = 0, -1, 1
    for start in range(len(pieces)):
        length, end, score = 0, start, 0
        while end < len(pieces) and (end == start or length + len(pieces[end]) + 1 <= longest - 4):
            length += len(pieces[end]) + 1
            score += weights[end]
            end += 1
        if score > best_score:
            best, best_score, best_end = start, score, end
    # A window is moved to its first word that counts, so that it does not open with fillers.
    while best < best_end - 1 and weights[best] == 0 and best_score > 0:
        best += 1
    end, length = best, 0
    while end < len(pieces) and (end == best or length + len(pieces[end]) + 1 <= longest - 4):
        length += len(pieces[end]) + 1
        end += 1
    shown = " ".join(pieces[best:end])[: longest - 4]
    return (
        ("… " if best > 0 and len(shown) + 4 < longest and best_score <= 0 else "")
        + shown
        + (" …" if end < len(pieces) else "")
    )


# As many rows as are read in no time: a molecule may stand in every dataset there is.
_MEASURED_IN = """
select distinct datasets.name from (
    select dataset_id from marts.{mart} where feature_id = %s::uuid limit 500
) as held
inner join marts.datasets as datasets on held.dataset_id = datasets.dataset_id
"""

_PART_OF = """
select distinct signatures.name from marts.signature_components as held
inner join marts.signatures as signatures on held.signature_id = signatures.signature_id
where held.feature_id = %s::uuid limit 200
"""


def describe_feature(
    conn: Conn, identifier: str, row: Mapping[str, Any], present: frozenset[str]
) -> str:
    """A molecule in sentences, from its row and from what holds it."""
    kind = " ".join(
        str(part) for part in (row.get("feature_type"), row.get("canonical_id") and "known as"
        if row.get("canonical_id") else None, row.get("canonical_id")) if part
    )  # fmt: skip
    parts = [f"{row.get('name')} is a {kind}."]
    if row.get("lipid_class"):
        parts.append(f"Lipid class {row['lipid_class']}, told at the level {row['lipid_level']}.")
    if row.get("synonyms"):
        parts.append("Also called " + ", ".join(map(str, row["synonyms"][:8])) + ".")
    if row.get("formula"):
        parts.append(f"Formula {row['formula']}.")
    measured: set[str] = set()
    for mart in ("dataset_features", "differential_results"):
        if mart in present and "datasets" in present:
            measured |= {
                str(name)
                for (name,) in conn.execute(
                    _MEASURED_IN.format(mart=mart).encode(), (identifier,)
                ).fetchall()
            }
    if measured:
        parts.append(f"Measured in {len(measured)} datasets: {_few(measured)}.")
    if "signature_components" in present:
        part_of = {
            str(name) for (name,) in conn.execute(_PART_OF.encode(), (identifier,)).fetchall()
        }
        if part_of:
            parts.append(f"Component of {len(part_of)} signatures: {_few(part_of)}.")
    return " ".join(parts)


def _few(names: set[str], count: int = 5) -> str:
    ordered = sorted(names)
    more = f" and {len(ordered) - count} more" if len(ordered) > count else ""
    return ", ".join(ordered[:count]) + more
