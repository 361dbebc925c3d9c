"""Datasets and signatures that hold the same molecules as a given one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sync import reading
from sync.searching import filters as filtering
from sync.searching import fusion, hydrate, indexing
from sync.searching.deadline import Deadline, limited
from sync.searching.model import Filters, Found, SearchAnswer
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Molecules that are told as shared.
_SHOWN = 8

#: Partners whose sizes are counted.
_MOST = 300

_FIND = """
select '{kind}', {key}::text, name from marts.{mart} as held
where {key}::text = lower(%(wanted)s) or lower(name) = lower(%(wanted)s)
    or lower(to_jsonb(held) ->> 'short_id') = lower(%(wanted)s)
    or (length(%(wanted)s) >= 8 and {key}::text like lower(%(wanted)s) || '%%')
order by 2 limit 12
"""

# One row for each molecule of a thing, once.
_MEMBERS = {
    "dataset": (
        ("dataset_features", "not is_contaminant and not is_decoy"),
        ("differential_results", "not is_contaminant and not is_decoy"),
    ),
    "signature": (("signature_components", "true"),),
}


def like(
    conn: Conn,
    wanted: str,
    *,
    filters: Filters | None = None,
    limit: int = 10,
    seconds: float = 10.0,
) -> SearchAnswer:
    """Finds what shares most molecules with a dataset or a signature.

    Things are ordered by the share that both hold of what either holds (Jaccard 1912); how much of
    the smaller one that is stands beside it.

    Args:
        conn: An autocommit connection.
        wanted: Name or id of a dataset or a signature.
        filters: What hits must be; hits are of the same type where no type is asked for.
        limit: How many hits.
        seconds: Until when an answer is due.

    Raises:
        OmicsError: There is no such thing, or several, or it took too long.
    """
    import psycopg

    filters = filters or Filters()
    deadline = Deadline(seconds)
    kind, identifier, name = _subject(conn, wanted)
    kinds = [k for k in filters.entity_types if k in _MEMBERS] or [kind]
    if filters.entity_types and not any(k in _MEMBERS for k in filters.entity_types):
        kinds = []
    found: list[Found] = []
    try:
        with limited(conn, deadline.remaining) as paced:
            own = _members(paced, kind, identifier)
            for other in kinds:
                found += _alike(paced, other, identifier, own)
            found.sort(key=lambda entry: (-entry.score, entry.key))
            if not filters.are_empty:
                conditions = filtering.conditions_of(paced, filters)
                allowed = filtering.allowed_entities(
                    paced,
                    [entry.key for entry in found],
                    conditions,
                    indexed=indexing.exists(paced),
                )
                found = [entry for entry in found if entry.key in allowed]
            candidates = fusion.fuse({"molecules": found}, {"molecules": 1.0})
            hits, dropped = hydrate.hydrate(paced, candidates, (), limit)
    except psycopg.errors.QueryCanceled:
        raise OmicsError(
            f"comparing {name!r} took more than {seconds:g} s",
            where=f"marts.{kind}s",
            fix="give it more time with --seconds",
        ) from None
    return SearchAnswer(
        query=f"like {kind} {name} ({len(own)} molecules)",
        hits=tuple(hits),
        paths=("molecules",),
        dropped=dropped,
        seconds=round(deadline.spent, 4),
    )


def _subject(conn: Conn, wanted: str) -> tuple[str, str, str]:
    wanted = wanted.replace("\0", "")
    rows: list[Any] = []
    for kind, mart in (("dataset", "datasets"), ("signature", "signatures")):
        if reading.has_mart(conn, mart):
            query = _FIND.format(kind=kind, key=f"{kind}_id", mart=mart)
            rows += conn.execute(query.encode(), {"wanted": wanted}).fetchall()
    if len(rows) == 1:
        return str(rows[0][0]), str(rows[0][1]), str(rows[0][2])
    if rows:
        listed = "; ".join(f"{kind} {name} ({identifier})" for kind, identifier, name in rows[:5])
        raise OmicsError(
            f"{len(rows)} things are called {wanted[:100]!r}",
            where="--like",
            expected=f"one of: {listed}",
            fix="give the id instead of the name",
        )
    raise OmicsError(
        f"no dataset or signature is called {wanted[:100]!r}",
        where="--like",
        expected="a name or an id",
        fix=f"look for it: omics search {wanted[:60]!r}",
    )


def _members(conn: Conn, kind: str, identifier: str) -> list[str]:
    found: dict[str, None] = {}
    for mart, condition in _MEMBERS[kind]:
        if reading.has_mart(conn, mart):
            query = (
                f"select distinct feature_id::text from marts.{mart}"  # noqa: S608 - our own names
                f" where {kind}_id = %s::uuid and feature_id is not null and {condition}"
            )
            found |= {str(row[0]): None for row in conn.execute(query.encode(), (identifier,))}
    return list(found)


def _alike(conn: Conn, kind: str, subject: str, own: Sequence[str]) -> list[Found]:
    marts = [entry for entry in _MEMBERS[kind] if reading.has_mart(conn, entry[0])]
    if not own or not marts:
        return []
    both = " union ".join(
        f"select {kind}_id as partner, feature_id from marts.{mart}"  # noqa: S608 - our own names
        f" where feature_id = any(%(own)s::uuid[]) and {kind}_id <> %(subject)s::uuid"
        f" and {condition}"
        for mart, condition in marts
    )
    sizes = " union ".join(
        f"select {kind}_id as partner, feature_id from marts.{mart}"  # noqa: S608 - our own names
        f" where {kind}_id = any(%(partners)s::uuid[]) and feature_id is not null"
        f" and {condition}"
        for mart, condition in marts
    )
    shared = conn.execute(
        "select partner::text, count(*),"  # noqa: S608 - our own names
        f" (array_agg(feature_id::text order by feature_id))[1:{_SHOWN}]"
        f" from ({both}) as held group by partner order by 2 desc, 1 limit %(most)s".encode(),
        {"own": list(own), "subject": subject, "most": _MOST},
    ).fetchall()
    if not shared:
        return []
    counted = dict(
        conn.execute(
            f"select partner::text, count(*) from ({sizes}) as held group by partner".encode(),  # noqa: S608
            {"partners": [row[0] for row in shared]},
        ).fetchall()
    )
    names = _names(conn, sorted({feature for *_, some in shared for feature in some}))
    found = []
    for partner, common, some in shared:
        size = int(counted.get(partner, common))
        union = len(own) + size - int(common)
        told = ", ".join(names.get(feature, feature) for feature in some[:_SHOWN])
        more = f" and {int(common) - len(some)} more" if int(common) > len(some) else ""
        found.append(
            Found(
                kind,
                str(partner),
                None,
                int(common) / union if union else 0.0,
                f"it shares {common} molecules, {int(common) / max(1, min(len(own), size)):.0%} of"
                f" the smaller one: {told}{more}",
            )
        )
    return found


def _names(conn: Conn, features: Sequence[str]) -> Mapping[str, str]:
    rows = conn.execute(
        "select feature_id::text, name from marts.features where feature_id = any(%s::uuid[])",
        (list(features),),
    ).fetchall()
    return {str(identifier): str(name) for identifier, name in rows}
