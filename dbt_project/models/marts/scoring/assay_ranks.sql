{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    post_hook='{{ analyze_when_much_changed() }}',
    indexes=[{'columns': ['dataset_id', 'feature_id'], 'unique': true}],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_rank as (
    {{ datasets_to_rank() }}
),

dataset_features as (
    select * from {{ ref('dataset_features') }}
),

-- A feature in several rows counts once: the row with the highest mean abundance.
chosen as (
    select distinct on (dataset_features.dataset_id, dataset_features.feature_id)
        dataset_features.dataset_id,
        dataset_features.feature_id,
        dataset_features.abundances
    from to_rank
    inner join dataset_features
        on to_rank.dataset_id = dataset_features.dataset_id
    where
        dataset_features.feature_id is not null
        and not dataset_features.is_contaminant
        and not dataset_features.is_decoy
        and not dataset_features.is_internal_standard
    order by
        dataset_features.dataset_id asc,
        dataset_features.feature_id asc,
        dataset_features.mean desc nulls last,
        dataset_features.abundances desc
),

measured as (
    select
        chosen.dataset_id,
        chosen.feature_id,
        element.position,
        case when {{ is_finite('element.abundance') }} then element.abundance end as abundance
    from chosen
    cross join
        lateral unnest(chosen.abundances)
        with ordinality as element (abundance, position)
),

ranked as (
    select
        measured.dataset_id,
        measured.feature_id,
        measured.position,
        measured.abundance,
        rank() over (
            partition by measured.dataset_id, measured.position, measured.abundance is null
            order by measured.abundance
        ) as rank_min,
        count(*) over (
            partition by measured.dataset_id, measured.position, measured.abundance is null
            order by measured.abundance
        ) as n_up_to
    from measured
)

select
    ranked.dataset_id,
    ranked.feature_id,
    array_agg(
        case when ranked.abundance is not null then cast(ranked.rank_min as integer) end
        order by ranked.position
    ) as ranks_min,
    array_agg(
        case
            when ranked.abundance is not null
                then cast(ranked.rank_min + ranked.n_up_to as double precision) / 2
        end
        order by ranked.position
    ) as ranks_average
from ranked
group by ranked.dataset_id, ranked.feature_id
