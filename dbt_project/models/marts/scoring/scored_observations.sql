{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[{'columns': ['dataset_id', 'observation_id'], 'unique': true}],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_rank as (
    {{ datasets_to_rank() }}
),

contrast_ranks as (
    select * from {{ ref('contrast_ranks') }}
),

assay_ranks as (
    select * from {{ ref('assay_ranks') }}
),

assays as (
    select * from {{ ref('assays') }}
),

-- Sums of floating-point numbers depend on their order, so it is said.
of_contrasts as (
    select
        contrast_ranks.dataset_id,
        contrast_ranks.contrast_id,
        min(contrast_ranks.score_input) as score_input,
        count(*) as n_features,
        avg(contrast_ranks.value order by contrast_ranks.value) as mean,
        var_samp(contrast_ranks.value order by contrast_ranks.value) as variance,
        var_samp(
            contrast_ranks.rank_average order by contrast_ranks.rank_average
        ) as rank_variance,
        count(*) filter (where contrast_ranks.is_changed and contrast_ranks.value > 0)
            as n_changed_up,
        count(*) filter (where contrast_ranks.is_changed and contrast_ranks.value < 0)
            as n_changed_down
    from to_rank
    inner join contrast_ranks
        on to_rank.dataset_id = contrast_ranks.dataset_id
    group by contrast_ranks.dataset_id, contrast_ranks.contrast_id
),

of_assays as (
    select
        assay_ranks.dataset_id,
        element.position,
        count(element.rank_average) as n_features,
        var_samp(element.rank_average order by element.rank_average) as rank_variance
    from to_rank
    inner join assay_ranks
        on to_rank.dataset_id = assay_ranks.dataset_id
    cross join
        lateral unnest(assay_ranks.ranks_average)
        with ordinality as element (rank_average, position)
    group by assay_ranks.dataset_id, element.position
)

select
    of_contrasts.dataset_id,
    of_contrasts.contrast_id as observation_id,
    of_contrasts.contrast_id,
    cast(null as uuid) as assay_id,
    cast(null as integer) as position,
    of_contrasts.score_input,
    cast(of_contrasts.n_features as integer) as n_features,
    of_contrasts.mean,
    of_contrasts.variance,
    of_contrasts.rank_variance,
    cast(of_contrasts.n_changed_up as integer) as n_changed_up,
    cast(of_contrasts.n_changed_down as integer) as n_changed_down
from of_contrasts
union all
select
    of_assays.dataset_id,
    assays.assay_id as observation_id,
    cast(null as uuid) as contrast_id,
    assays.assay_id,
    assays.position,
    'abundance' as score_input,
    cast(of_assays.n_features as integer) as n_features,
    cast(null as double precision) as mean,
    cast(null as double precision) as variance,
    of_assays.rank_variance,
    cast(null as integer) as n_changed_up,
    cast(null as integer) as n_changed_down
from of_assays
inner join assays
    on
        of_assays.dataset_id = assays.dataset_id
        and of_assays.position = assays.position
