"""Reads from the marts what the report shows; every query has a limit of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

Row = dict[str, Any]

#: Without these there is nothing to report on; the others come with them.
NEEDED = ("datasets", "assays", "dataset_features", "dataset_signatures", "source_files")


@dataclass(frozen=True)
class Limits:
    """How much of a large warehouse one page shows; the page states what it left out.

    Attributes:
        datasets: Rows of the general table.
        matrices: Matrices with plots of their own.
        contrasts: Contrasts with a volcano plot.
        assays: Assays drawn for a matrix, evenly spread over its columns.
        features: Rows of a matrix that its principal components are computed from.
        points: Rows of a contrast that its volcano plot draws.
        scores: Columns and rows of the heat map of signatures, each.
        rows: Rows of a table of problems.
    """

    datasets: int = 500
    matrices: int = 20
    contrasts: int = 20
    assays: int = 200
    features: int = 2_000
    points: int = 1_500
    scores: int = 50
    rows: int = 200


#: Those with problems first, then those loaded last: what a reader of a quality report looks for.
_ORDER = """
    array_position(array['fail', 'warn', 'pass'], quality_status), updated_at desc, dataset_id
"""

_DATASETS = f"""
select
    dataset_id, name, omics_type, data_shape, quality_status, n_features, n_assays, n_contaminants,
    n_values, missing_fraction, mapped_fraction, value_scale, unit, quantity, updated_at
from marts.datasets
where %(only)s::uuid[] is null or dataset_id = any(%(only)s)
order by {_ORDER}
limit %(limit)s
"""  # noqa: S608 - no part comes from outside

_TOTALS = """
select
    count(*) as datasets, count(*) filter (where data_shape = 'matrix') as matrices,
    coalesce(sum(n_contrasts) filter (where data_shape = 'result_table'), 0)::bigint as contrasts,
    coalesce(sum(n_values), 0)::bigint as n_values,
    count(*) filter (where quality_status = 'fail') as failing,
    count(*) filter (where quality_status = 'warn') as warning,
    max(updated_at) as newest
from marts.datasets
where %(only)s::uuid[] is null or dataset_id = any(%(only)s)
"""

_ASSAYS = """
select
    position, name, study_variable, batch, n_observed, missing_fraction, abundance_quantiles,
    n_zeros, n_negatives, is_outlier
from marts.assays
where dataset_id = %(dataset)s and position = any(%(positions)s)
order by position
"""

_SIGNS = """
select coalesce(sum(n_zeros), 0)::bigint as n_zeros,
    coalesce(sum(n_negatives), 0)::bigint as n_negatives
from marts.assays where dataset_id = %(dataset)s
"""

# Without flagged rows, which no score uses either. The most complete and, among those, the most
# variable rows say most about differences between assays.
_MATRIX = """
select array(
    select feature_rows.abundances[place] from unnest(%(positions)s::int[]) with ordinality
        as places (place, at) order by at
) as abundances
from marts.dataset_features as feature_rows
where dataset_id = %(dataset)s
    and not (is_contaminant or is_decoy or is_internal_standard)
order by n_observed desc, sd / nullif(abs(mean), 0) desc nulls last, row_number
limit %(limit)s
"""

_CONTRASTS = f"""
select contrasts.dataset_id, contrasts.contrast_id, contrasts.name, datasets.name as dataset
from marts.contrasts as contrasts
join marts.datasets as datasets on contrasts.dataset_id = datasets.dataset_id
where not contrasts.is_derived
    and (%(only)s::uuid[] is null or contrasts.dataset_id = any(%(only)s))
order by
    {_ORDER.replace("dataset_id", "contrasts.dataset_id")}, contrasts.position
limit %(limit)s
"""  # noqa: S608 - no part comes from outside

# All of the strongest third, and every n-th of the rest, so that the shape of the cloud stays.
_RESULTS = """
with ranked as (
    select
        coalesce(features.name, results.reported_name) as name, results.log2_fold_change,
        results.p_value, results.adjusted_p_value,
        row_number() over (order by results.p_value, results.row_number) as place,
        count(*) over () as total,
        min(results.p_value) filter (where results.p_value > 0) over () as smallest
    from marts.differential_results as results
    left join marts.features as features on results.feature_id = features.feature_id
    where results.dataset_id = %(dataset)s and results.contrast_id = %(contrast)s
        and results.log2_fold_change is not null and results.p_value between 0 and 1
        and not (results.is_contaminant or results.is_decoy)
)
select * from ranked
where place <= %(strongest)s
    or mod(place, greatest(1, ceil((total - %(strongest)s)::numeric / %(others)s)::bigint)) = 0
order by place
"""

_SCORES = """
with scores as (
    select
        dataset_signatures.dataset_id, dataset_signatures.contrast_id,
        dataset_signatures.signature_id, dataset_signatures.statistic
    from marts.dataset_signatures as dataset_signatures
    where method = 'ulm' and statistic is not null and contrast_id is not null
        and (%(only)s::uuid[] is null or dataset_id = any(%(only)s))
),
chosen_contrasts as (
    select contrast_id from scores group by contrast_id
    order by max(abs(statistic)) desc, contrast_id limit %(limit)s
),
chosen_signatures as (
    select signature_id from scores group by signature_id
    order by max(abs(statistic)) desc, signature_id limit %(limit)s
)
select
    datasets.name as dataset, datasets.dataset_id, contrasts.name as contrast,
    contrasts.contrast_id, contrasts.is_derived, signatures.name as signature,
    signatures.signature_id, scores.statistic
from scores
join chosen_contrasts on scores.contrast_id = chosen_contrasts.contrast_id
join chosen_signatures on scores.signature_id = chosen_signatures.signature_id
join marts.datasets as datasets on scores.dataset_id = datasets.dataset_id
join marts.contrasts as contrasts
    on scores.dataset_id = contrasts.dataset_id and scores.contrast_id = contrasts.contrast_id
join marts.signatures as signatures on scores.signature_id = signatures.signature_id
order by datasets.name, contrasts.name, signatures.name
"""

_SCORES_TOTAL = """
select count(distinct contrast_id) as contrasts, count(distinct signature_id) as signatures
from marts.dataset_signatures
where method = 'ulm' and statistic is not null and contrast_id is not null
    and (%(only)s::uuid[] is null or dataset_id = any(%(only)s))
"""

_NAMES = """
select feature_type, status, count(*) as names from marts.feature_names
group by feature_type, status order by feature_type, status
"""

_CHECKS = """
select
    datasets.name as dataset, datasets.dataset_id, quality.check_name, quality.status,
    quality.value, quality.threshold, quality.message, count(*) over () as total
from marts.dataset_quality as quality
join marts.datasets as datasets on quality.dataset_id = datasets.dataset_id
where quality.status in ('fail', 'warn')
    and (%(only)s::uuid[] is null or quality.dataset_id = any(%(only)s))
order by quality.status, datasets.name, quality.check_name
limit %(limit)s
"""

_REJECTS = """
select
    source_files.path, source_files.part, rejects.reason_code, count(*) as rows,
    min(rejects.row_number) as first_row,
    (array_agg(rejects.message order by rejects.row_number))[1] as example,
    count(*) over () as total
from marts.rejected_rows as rejects
left join marts.source_files as source_files
    on rejects.source_file_id = source_files.source_file_id and source_files.status <> 'superseded'
where %(only)s::uuid[] is null or rejects.dataset_id = any(%(only)s)
group by source_files.path, source_files.part, rejects.reason_code
order by count(*) desc, source_files.path, rejects.reason_code
limit %(limit)s
"""

_QUARANTINE = """
select path, part, quarantine_id, reason, count(*) over () as total
from marts.source_files where status = 'quarantined'
order by path limit %(limit)s
"""

_FILES = """
select source_name, status, count(*) as files from marts.source_files
group by source_name, status order by source_name, status
"""


class Marts:
    """The marts as the report reads them; nothing is changed.

    Args:
        conn: A connection; the role `analyst` is enough.
        limits: How much is shown.
        only: Datasets to report on; None for all.
    """

    def __init__(self, conn: Conn, limits: Limits, only: Sequence[Any] | None = None) -> None:
        self._conn = conn
        self.limits = limits
        self._only = list(only) if only is not None else None

    @property
    def is_whole(self) -> bool:
        """Whether the report is about all datasets, not about chosen ones."""
        return self._only is None

    def totals(self) -> Row:
        """Returns how much there is."""
        (row,) = self._rows(_TOTALS)
        return row

    def datasets(self) -> list[Row]:
        """Returns datasets, those with problems first."""
        return self._rows(_DATASETS, limit=self.limits.datasets)

    def assays(self, dataset: Row) -> list[Row]:
        """Returns assays of a matrix, evenly spread where there are many."""
        positions = self._positions(dataset)
        return self._rows(_ASSAYS, dataset=dataset["dataset_id"], positions=positions)

    def signs(self, dataset: Row) -> Row:
        """Returns how many values of a matrix are zero and negative."""
        (row,) = self._rows(_SIGNS, dataset=dataset["dataset_id"])
        return row

    def matrix(self, dataset: Row, assays: Sequence[Row]) -> list[list[float | None]]:
        """Returns rows of a matrix with the values of some assays."""
        found = self._rows(
            _MATRIX,
            dataset=dataset["dataset_id"],
            positions=[assay["position"] for assay in assays],
            limit=self.limits.features,
        )
        return [row["abundances"] for row in found]

    def contrasts(self) -> list[Row]:
        """Returns contrasts of result tables."""
        return self._rows(_CONTRASTS, limit=self.limits.contrasts)

    def results(self, contrast: Row) -> list[Row]:
        """Returns rows of a contrast, thinned out where there are many."""
        strongest = self.limits.points // 3
        return self._rows(
            _RESULTS,
            dataset=contrast["dataset_id"],
            contrast=contrast["contrast_id"],
            strongest=strongest,
            others=self.limits.points - strongest,
        )

    def scores(self) -> list[Row]:
        """Returns scores of signatures in contrasts, the strongest of both."""
        return self._rows(_SCORES, limit=self.limits.scores)

    def scores_total(self) -> Row:
        """Returns how many contrasts and signatures have scores."""
        (row,) = self._rows(_SCORES_TOTAL)
        return row

    def names(self) -> list[Row]:
        """Returns what became of the reported names, by kind of molecule."""
        return self._rows(_NAMES)

    def checks(self) -> list[Row]:
        """Returns checks that warn or fail."""
        return self._rows(_CHECKS, limit=self.limits.rows)

    def rejects(self) -> list[Row]:
        """Returns rejected rows, counted by file and reason."""
        return self._rows(_REJECTS, limit=self.limits.rows)

    def quarantine(self) -> list[Row]:
        """Returns files that could not be read."""
        return self._rows(_QUARANTINE, limit=self.limits.rows)

    def files(self) -> list[Row]:
        """Returns file versions, counted by source and state."""
        return self._rows(_FILES)

    def _positions(self, dataset: Row) -> list[int]:
        from warehouse.report.arithmetic import spread

        return spread(dataset["n_assays"] or 0, self.limits.assays)

    def _rows(self, query: str, **parameters: Any) -> list[Row]:
        from psycopg.rows import dict_row

        with self._conn.cursor(row_factory=dict_row) as cursor:
            cursor.execute(query.encode(), {"only": self._only, **parameters})
            return cursor.fetchall()
