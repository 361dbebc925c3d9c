"""The commands ``omics signatures DATASET`` and ``omics datasets SIGNATURE``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from omics import output
from warehouse import exits
from warehouse.errors import OmicsError

if TYPE_CHECKING:
    import psycopg

#: Features shown for each match.
_DRIVERS = 5

_FIND = """
select {kind}_id, name from marts.{kind}s
where {kind}_id::text = %(wanted)s or lower(name) = lower(%(wanted)s)
   or (length(%(wanted)s) >= 6 and {kind}_id::text like %(wanted)s || '%%')
order by name, {kind}_id
"""

_NEAR = "select name from marts.{kind}s where name ilike %s order by name limit 5"

# One line for each pair and contrast or assay. The percentile decides; where the cohort is one
# score, the size of the statistic.
_MATCHES = """
select
    scores.dataset_id, datasets.name as dataset, scores.signature_id,
    signatures.name as signature, coalesce(contrasts.name, assays.name) as compared,
    contrasts.is_derived, scores.method, scores.score, scores.statistic, scores.p_value,
    scores.p_value_vif, scores.q_within_dataset, scores.cohort_percentile, scores.cohort_size,
    scores.n_matched, signatures.n_components, scores.coverage, scores.n_concordant,
    scores.n_discordant, scores.null_reason, scores.contrast_id, scores.assay_id
from marts.dataset_signatures as scores
join marts.datasets as datasets on scores.dataset_id = datasets.dataset_id
join marts.signatures as signatures on scores.signature_id = signatures.signature_id
left join marts.contrasts as contrasts
    on scores.dataset_id = contrasts.dataset_id and scores.contrast_id = contrasts.contrast_id
left join marts.assays as assays
    on scores.dataset_id = assays.dataset_id and scores.assay_id = assays.assay_id
where
    scores.{kind}_id = %(id)s
    and scores.method = any(%(methods)s)
order by
    scores.score is null, abs(scores.cohort_percentile) desc nulls last,
    abs(scores.statistic) desc nulls last, signatures.name, datasets.name, compared
"""

# What pulls a score: the largest products of weight and centred value, or of weight and rank.
_CONTRAST_DRIVERS = """
select features.name, components.signed_weight, ranks.value
from marts.contrast_ranks as ranks
join marts.scored_observations as observations
    on ranks.dataset_id = observations.dataset_id
    and ranks.contrast_id = observations.contrast_id
join (
    select distinct on (feature_id) feature_id, signed_weight from marts.signature_features
    where signature_id = %(signature)s
    order by feature_id, abs(signed_weight) desc
) as components on ranks.feature_id = components.feature_id
left join marts.features as features on ranks.feature_id = features.feature_id
where ranks.dataset_id = %(dataset)s and ranks.contrast_id = %(contrast)s
order by
    sign(%(score)s::float8) * components.signed_weight * (ranks.value - observations.mean) desc,
    features.name
limit %(limit)s
"""

_ASSAY_DRIVERS = """
select
    features.name, components.signed_weight,
    ranks.ranks_min[assays.position]::float8 / observations.n_features as value
from marts.assay_ranks as ranks
join marts.assays as assays
    on ranks.dataset_id = assays.dataset_id and assays.assay_id = %(assay)s
join marts.scored_observations as observations
    on ranks.dataset_id = observations.dataset_id
    and assays.assay_id = observations.observation_id
join (
    select distinct on (feature_id) feature_id, signed_weight from marts.signature_features
    where signature_id = %(signature)s
    order by feature_id, abs(signed_weight) desc
) as components on ranks.feature_id = components.feature_id
left join marts.features as features on ranks.feature_id = features.feature_id
where ranks.dataset_id = %(dataset)s and ranks.ranks_min[assays.position] is not null
order by
    sign(%(score)s::float8) * sign(components.signed_weight)
    * (ranks.ranks_min[assays.position]::float8 / observations.n_features - 0.5) desc,
    features.name
limit %(limit)s
"""


def signatures_command(dataset: str, *, method: str | None, limit: int, as_json: bool) -> int:
    """Prints the signatures that fit a dataset best, with the features that drive them."""
    return _command("dataset", dataset, method=method, limit=limit, as_json=as_json)


def datasets_command(signature: str, *, method: str | None, limit: int, as_json: bool) -> int:
    """Prints the datasets that fit a signature best."""
    return _command("signature", signature, method=method, limit=limit, as_json=as_json)


def _command(kind: str, wanted: str, *, method: str | None, limit: int, as_json: bool) -> int:
    from psycopg.rows import dict_row

    from warehouse.connection import connect
    from warehouse.settings import get_settings

    with connect(get_settings()) as conn:
        _must_be_built(conn)
        identifier, name = _find(conn, kind, wanted)
        methods = [method] if method else ["ulm", "singscore", "none"]
        with conn.cursor(row_factory=dict_row) as cursor:
            cursor.execute(
                _MATCHES.format(kind=kind).encode(), {"id": identifier, "methods": methods}
            )
            rows = cursor.fetchall()
        if method is None:
            # Where there is a contrast the regression speaks; ranks of samples where there is none.
            compared = {(r["dataset_id"], r["signature_id"]) for r in rows if r["contrast_id"]}
            rows = [
                r for r in rows
                if r["method"] != "singscore"
                or (r["dataset_id"], r["signature_id"]) not in compared
            ]  # fmt: skip
        matches = [row for row in rows if row["score"] is not None][:limit]
        for row in matches:
            row["drivers"] = _drivers(conn, row)
    unscored = [row for row in rows if row["score"] is None]
    if as_json:
        output.print_json({kind: name, f"{kind}_id": identifier, "matches": matches,
                           "without_score": unscored})  # fmt: skip
        return exits.DONE
    _print(kind, name, matches, unscored)
    return exits.DONE


def _must_be_built(conn: psycopg.Connection[Any]) -> None:
    found = conn.execute("select to_regclass('marts.dataset_signatures') is not null").fetchone()
    if not (found and found[0]):
        raise OmicsError(
            "there are no scores yet",
            where="marts.dataset_signatures",
            expected="marts that were built with at least one signature",
            fix="omics load signatures --file FILE, then omics build",
        )


def _find(conn: psycopg.Connection[Any], kind: str, wanted: str) -> tuple[str, str]:
    rows = conn.execute(_FIND.format(kind=kind).encode(), {"wanted": wanted}).fetchall()
    if len(rows) == 1:
        return str(rows[0][0]), str(rows[0][1])
    if rows:
        shown = ", ".join(f"{name} ({identifier})" for identifier, name in rows[:5])
        raise OmicsError(
            f"{len(rows)} {kind}s are called {wanted!r}",
            where=f"marts.{kind}s",
            expected=f"the id of one of them: {shown}",
            fix="give the id instead of the name",
        )
    near = conn.execute(_NEAR.format(kind=kind).encode(), (f"%{wanted}%",)).fetchall()
    raise OmicsError(
        f"no {kind} is called {wanted!r}",
        where=f"marts.{kind}s",
        expected="a name or an id" + (f"; near: {', '.join(n for (n,) in near)}" if near else ""),
        fix=f"list the names: omics psql -c 'table {kind}s'",
    )


def _drivers(conn: psycopg.Connection[Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    query = _CONTRAST_DRIVERS if row["contrast_id"] is not None else _ASSAY_DRIVERS
    parameters = {
        "dataset": row["dataset_id"],
        "signature": row["signature_id"],
        "contrast": row["contrast_id"],
        "assay": row["assay_id"],
        "score": row["score"],
        "limit": _DRIVERS,
    }
    names = ("feature", "weight", "value")
    return [
        dict(zip(names, found, strict=True))
        for found in conn.execute(query.encode(), parameters).fetchall()
    ]


def _print(
    kind: str, name: str, matches: Sequence[dict[str, Any]], unscored: Sequence[dict[str, Any]]
) -> None:
    other = "signature" if kind == "dataset" else "dataset"
    if matches:
        output.print_table(
            f"{other}s for {name}",
            (other, "in", "percentile", "score", "method", "p (vif)", "q", "matched", "driven by"),
            [
                (
                    row[other],
                    f"{row['compared']}{' (derived)' if row['is_derived'] else ''}",
                    row["cohort_percentile"],
                    row["score"],
                    row["method"],
                    row["p_value_vif"],
                    row["q_within_dataset"],
                    f"{row['n_matched']} of {row['n_components']}",
                    ", ".join(
                        f"{driver['feature']}{'↑' if driver['weight'] > 0 else '↓'}"
                        for driver in row["drivers"]
                    ),
                )
                for row in matches
            ],
        )
    else:
        output.say(f"no {other} has a score for {name}")
    reasons: dict[str, int] = {}
    for row in unscored:
        reasons[row["null_reason"]] = reasons.get(row["null_reason"], 0) + 1
    for reason, count in sorted(reasons.items()):
        output.say(f"  {count:,} without a score: {reason.replace('_', ' ')}")
    output.say("docs/signatures.md tells how to read the columns")
