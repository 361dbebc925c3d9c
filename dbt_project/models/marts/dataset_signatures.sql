{{ config(materialized='view', meta={'distribute_by': 'dataset_id'}) }}

with scores as not materialized (
    select * from {{ ref('signature_scores') }}
),

cohorts as (
    select * from {{ ref('signature_cohorts') }}
),

datasets as (
    select * from {{ ref('datasets') }}
),

signatures as (
    select * from {{ ref('signatures') }}
)

select
    scores.dataset_id,
    scores.signature_id,
    scores.contrast_id,
    scores.assay_id,
    scores.method,
    scores.score_input,
    scores.score,
    scores.statistic,
    scores.p_value,
    scores.p_value_vif,
    scores.q_within_dataset,
    -- The share of the cohort with a smaller score, whatever its sign, as percent_rank has it.
    sign(scores.score) * 100
    * (
        cohorts.n_scores - width_bucket(-abs(scores.score), cohorts.negative_scores)
    ) / nullif(cohorts.n_scores - 1, 0) + 0 as cohort_percentile,
    cohorts.n_scores as cohort_size,
    scores.n_tests,
    scores.n_features,
    scores.n_matched,
    scores.n_up,
    scores.n_down,
    scores.overlap_fraction,
    scores.n_concordant,
    scores.n_discordant,
    scores.coverage,
    scores.null_reason
from scores
left join cohorts
    on
        scores.signature_id = cohorts.signature_id
        and scores.method = cohorts.method
        and scores.score_input = cohorts.score_input
union all
select
    datasets.dataset_id,
    signatures.signature_id,
    cast(null as uuid) as contrast_id,
    cast(null as uuid) as assay_id,
    'none' as method,
    cast(null as text) as score_input,
    cast(null as double precision) as score,
    cast(null as double precision) as statistic,
    cast(null as double precision) as p_value,
    cast(null as double precision) as p_value_vif,
    cast(null as double precision) as q_within_dataset,
    cast(null as double precision) as cohort_percentile,
    cast(null as integer) as cohort_size,
    cast(null as integer) as n_tests,
    cast(null as integer) as n_features,
    0 as n_matched,
    cast(null as integer) as n_up,
    cast(null as integer) as n_down,
    cast(0 as double precision) as overlap_fraction,
    cast(null as integer) as n_concordant,
    cast(null as integer) as n_discordant,
    cast(0 as double precision) as coverage,
    'nothing_in_common' as null_reason
from datasets
cross join signatures
where not exists (
    select 1
    from scores
    where
        scores.dataset_id = datasets.dataset_id
        and scores.signature_id = signatures.signature_id
)
