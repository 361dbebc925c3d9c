"""Filters as conditions on documents: one vocabulary for Postgres and for Pinecone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sync import reading
from sync.searching import notations
from sync.searching.model import Filters
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

ENTITY_TYPES = ("program", "experiment", "dataset", "signature", "feature")
OMICS_TYPES = ("lipidomics", "metabolomics", "proteomics", "transcriptomics")

#: What kind of molecule each omics type measures.
_MEASURED = {
    "lipidomics": ("lipid",),
    "metabolomics": ("metabolite",),
    "proteomics": ("protein",),
    "transcriptomics": ("gene", "transcript"),
}

#: Entities that a filter may name one by one; more datasets than these hold no common molecule.
_MOST_IDS = 20_000


@dataclass(frozen=True)
class Conditions:
    """What documents must be.

    Attributes:
        keys: Groups of key=value; a document has one of each group.
        ids: Ids that may be found; none where all may.
        sql: The same as a condition on `keys` and `entity_id`, empty where all may be found.
        parameters: Values of the condition.
    """

    keys: tuple[tuple[str, ...], ...] = ()
    ids: frozenset[str] | None = None
    sql: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def for_pinecone(self, entity_type: str) -> dict[str, Any] | None:
        """As a filter of vectors; the spelling of values is that of the marts.

        Values in `keys` are in lower case and vectors keep the case of the marts, so only what is
        lower case everywhere is asked of Pinecone; the rest is sifted after the join.
        """
        parts: list[dict[str, Any]] = []
        for group in self.keys:
            key = group[0].partition("=")[0]
            if key in ("omics_type", "program_ids", "experiment_ids", "signature_ids"):
                parts.append({key: {"$in": [entry.partition("=")[2] for entry in group]}})
        if self.ids is not None and len(self.ids) <= 1_000:
            parts.append({"entity_id": {"$in": sorted(self.ids)}})
        if not parts:
            return None
        return parts[0] if len(parts) == 1 else {"$and": parts}


def conditions_of(
    conn: Conn, filters: Filters, readers: Sequence[notations.Reader] = ()
) -> Conditions:
    """Resolves names of filters to ids.

    Args:
        conn: A connection.
        filters: What was asked for.
        readers: What reads lipid notations.

    Raises:
        OmicsError: A filter names something that there is not.
    """
    if filters.are_empty:
        return Conditions()
    keys: list[tuple[str, ...]] = []
    for word, values, known in (
        ("omics_type", filters.omics_types, OMICS_TYPES),
        ("entity_type", filters.entity_types, ENTITY_TYPES),
    ):
        if values:
            keys.append(tuple(f"{word}={_known(value, word, known)}" for value in values))
    if filters.diseases:
        keys.append(tuple(f"disease={value.strip().lower()}" for value in filters.diseases))
    if filters.organisms:
        keys.append(tuple(f"organism={value.strip().lower()}" for value in filters.organisms))
    if filters.programs:
        found = _ids(conn, "program", filters.programs)
        keys.append(tuple(f"program_ids={identifier}" for identifier in found))
    if filters.experiments:
        found = _ids(conn, "experiment", filters.experiments)
        keys.append(tuple(f"experiment_ids={identifier}" for identifier in found))
    if filters.signatures:
        found = _ids(conn, "signature", filters.signatures)
        keys.append(tuple(f"signature_ids={identifier}" for identifier in found))
    ids: set[str] | None = None
    if filters.features:
        molecules = _features(conn, filters.features, readers)
        ids = {identifier for _, _, identifier in holders(conn, molecules)} | set(molecules)
    if filters.since is not None or filters.until is not None:
        dated = _loaded_between(conn, filters)
        ids = dated if ids is None else ids & dated
    parameters: dict[str, Any] = {}
    parts = []
    for number, group in enumerate(keys):
        parameters[f"keys{number}"] = list(group)
        parts.append(f"keys && %(keys{number})s::text[]")
    if ids is not None:
        parameters["ids"] = sorted(ids)
        parts.append("entity_id = any(%(ids)s::uuid[])")
    return Conditions(
        tuple(keys), None if ids is None else frozenset(ids), " and ".join(parts), parameters
    )


def feature_types_of(filters: Filters) -> tuple[str, ...] | None:
    """Kinds of molecules that may be found; none at all where a filter rules them out."""
    if filters.entity_types and "feature" not in filters.entity_types:
        return ()
    others = (
        filters.programs, filters.experiments, filters.diseases, filters.organisms,
        filters.signatures,
    )  # fmt: skip
    if any(others) or filters.since or filters.until:
        return ()
    if filters.omics_types:
        return tuple(kind for omics in filters.omics_types for kind in _MEASURED.get(omics, ()))
    return None


def _known(value: str, word: str, known: Sequence[str]) -> str:
    wanted = value.strip().lower()
    if wanted not in known:
        raise OmicsError(
            f"{value!r} is no {word.replace('_', ' ')}",
            where=f"--{word.replace('_', '-')}",
            expected=f"one of {', '.join(known)}",
            fix="use one of these",
        )
    return wanted


_FIND = """
select {key}::text from marts.{mart} as held
where {key}::text = lower(%(wanted)s) or lower(name) = lower(%(wanted)s)
    or lower(to_jsonb(held) ->> 'code') = lower(%(wanted)s)
    or lower(to_jsonb(held) ->> 'short_id') = lower(%(wanted)s)
order by 1 limit 50
"""

_FIND_FEATURE = """
select feature_id::text from marts.features
where feature_id::text = lower(%(wanted)s) or lower(name) = lower(%(wanted)s)
    or lower(canonical_id) = lower(%(wanted)s)
    or lower(%(wanted)s) = any(select lower(unnest(synonyms)))
order by 1 limit 50
"""


def _features(conn: Conn, wanted: Sequence[str], readers: Sequence[notations.Reader]) -> list[str]:
    """Molecules by any of their names, by the index of names where there is one."""
    from sync.searching import indexing, names

    found: list[str] = []
    indexed = indexing.exists(conn)
    for value in wanted:
        named = names.features_called(conn, value, readers) if indexed else []
        found += named or _ids(conn, "feature", [value])
    return list(dict.fromkeys(found))


def _ids(conn: Conn, kind: str, wanted: Sequence[str]) -> list[str]:
    mart, key = {
        "program": ("programs", "program_id"),
        "experiment": ("experiments", "experiment_id"),
        "signature": ("signatures", "signature_id"),
        "feature": ("features", "feature_id"),
    }[kind]
    found: list[str] = []
    for value in wanted:
        value = value.replace("\0", "").strip()
        rows: list[Any] = []
        if reading.has_mart(conn, mart):
            query = _FIND_FEATURE if kind == "feature" else _FIND.format(key=key, mart=mart)
            rows = conn.execute(query.encode(), {"wanted": value}).fetchall()
        if not rows:
            raise OmicsError(
                f"no {kind} is called {value[:100]!r}",
                where=f"--{kind}",
                expected="a name, a code or an id",
                fix=f"list the names: omics psql -c 'table {mart}'",
            )
        found += [str(row[0]) for row in rows]
    return list(dict.fromkeys(found))


_HOLDERS = (
    ("signature_components", "signature"),
    ("differential_results", "dataset"),
    ("dataset_features", "dataset"),
)


def holders(
    conn: Conn, features: Sequence[str], *, most: int = _MOST_IDS
) -> list[tuple[str, str, str]]:
    """Signatures and datasets that hold the molecules, as molecule, type and id.

    Args:
        conn: A connection.
        features: Ids of molecules.
        most: Rows that are read for each molecule and mart.
    """
    present = reading.built_marts(conn)
    parts = [
        f"(select distinct feature_id, {number}, '{kind}', {kind}_id from ("  # noqa: S608
        f" select feature_id, {kind}_id from marts.{mart}"
        " where feature_id = wanted.feature_id limit %(most)s) as held)"
        for number, (mart, kind) in enumerate(_HOLDERS)
        if mart in present
    ]
    if not parts or not features:
        return []
    rows = conn.execute(
        "select distinct found.feature_id::text, found.number, found.kind,"  # noqa: S608
        " found.id::text"
        " from unnest(%(features)s::uuid[]) as wanted (feature_id)"
        f" cross join lateral ({' union all '.join(parts)})"
        " as found (feature_id, number, kind, id) order by 1, 2, 4".encode(),
        {"features": list(features), "most": most},
    ).fetchall()
    return list({(str(f), str(kind), str(i)): None for f, _, kind, i in rows})


def allowed_features(
    conn: Conn, features: Sequence[str], kinds: tuple[str, ...] | None, conditions: Conditions
) -> set[tuple[str, str]]:
    """Which molecules may be found under filters."""
    if kinds == () or not features:
        return set()
    rows = conn.execute(
        "select feature_id::text, feature_type from marts.features"
        " where feature_id = any(%s::uuid[])",
        (list(features),),
    ).fetchall()
    return {
        ("feature", str(identifier))
        for identifier, kind in rows
        if (kinds is None or kind in kinds)
        and (conditions.ids is None or str(identifier) in conditions.ids)
    }


def allowed_entities(
    conn: Conn, entities: Sequence[tuple[str, str]], conditions: Conditions, *, indexed: bool
) -> set[tuple[str, str]]:
    """Which entities have a document that filters allow."""
    from sync.searching.fulltext import unindexed
    from sync.searching.hydrate import is_uuid

    ids = [identifier for _, identifier in entities if is_uuid(identifier)]
    if not ids:
        return set()
    source = "sync.search_documents" if indexed else unindexed()
    query = (
        f"select distinct entity_type, entity_id::text from {source} as found"  # noqa: S608
        f" where entity_id = any(%(asked)s::uuid[]) and {conditions.sql or 'true'}"
    )
    rows = conn.execute(query.encode(), {**conditions.parameters, "asked": ids}).fetchall()
    return {(str(kind), str(identifier)) for kind, identifier in rows}


def _loaded_between(conn: Conn, filters: Filters) -> set[str]:
    rows = conn.execute(
        "select dataset_id::text from marts.datasets as held"
        " where (%(since)s::date is null or (to_jsonb(held) ->> 'updated_at')::timestamptz"
        " >= %(since)s::date) and (%(until)s::date is null"
        " or (to_jsonb(held) ->> 'updated_at')::timestamptz < %(until)s::date + 1)",
        {"since": filters.since, "until": filters.until},
    ).fetchall()
    return {str(row[0]) for row in rows}
