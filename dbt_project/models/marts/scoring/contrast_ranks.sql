{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook=['{{ forget_changed_datasets() }}', 'set local enable_mergejoin = off'],
    post_hook='{{ analyze_when_much_changed() }}',
    indexes=[
        {'columns': ['dataset_id', 'contrast_id', 'feature_id'], 'unique': true},
    ],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_rank as (
    {{ datasets_to_rank() }}
),

settings as (
    select * from {{ ref('int_signature_settings') }}
),

contrasts as (
    select * from {{ ref('contrasts') }}
),

differential_results as (
    select * from {{ ref('differential_results') }}
),

derived_results as (
    select * from {{ ref('derived_results') }}
),

results as materialized (
    select
        differential_results.dataset_id,
        differential_results.contrast_id,
        differential_results.feature_id,
        differential_results.statistic,
        differential_results.log2_fold_change,
        differential_results.p_value,
        differential_results.adjusted_p_value,
        differential_results.mean_abundance
    from to_rank
    inner join differential_results
        on to_rank.dataset_id = differential_results.dataset_id
    where
        differential_results.feature_id is not null
        and not differential_results.is_contaminant
        and not differential_results.is_decoy
        and not differential_results.is_internal_standard
    union all
    select
        derived_results.dataset_id,
        derived_results.contrast_id,
        derived_results.feature_id,
        derived_results.statistic,
        derived_results.log2_fold_change,
        derived_results.p_value,
        derived_results.adjusted_p_value,
        derived_results.mean_abundance
    from to_rank
    inner join derived_results
        on to_rank.dataset_id = derived_results.dataset_id
    where
        derived_results.feature_id is not null
        and not derived_results.is_contaminant
        and not derived_results.is_decoy
        and not derived_results.is_internal_standard
),

-- One kind of number for a whole contrast: its test statistic if that has a sign, else z from p
-- with the sign of the fold change, else the fold change.
inputs as (
    select
        results.dataset_id,
        results.contrast_id,
        count(results.adjusted_p_value) > 0 as has_adjusted_p,
        count(results.p_value) > 0 as has_p,
        case
            when
                2 * count(results.statistic) >= count(*)
                and min(results.statistic) < 0
                and not coalesce(lower(min(contrasts.statistic_type)), '') in (
                    'f', 'lr', 'lrt', 'chi2', 'chisq'
                )
                then 'statistic'
            when
                2 * count(results.p_value) filter (where results.log2_fold_change is not null)
                >= count(*)
                then 'signed_p'
            else 'log2_fold_change'
        end as score_input
    from results
    inner join contrasts
        on
            results.dataset_id = contrasts.dataset_id
            and results.contrast_id = contrasts.contrast_id
    group by results.dataset_id, results.contrast_id
),

valued as materialized (
    select
        results.dataset_id,
        results.contrast_id,
        results.feature_id,
        inputs.score_input,
        case inputs.score_input
            when 'statistic' then results.statistic
            when 'signed_p'
                then
                    sign(results.log2_fold_change)
                    * stats.normal_quantile_upper(least(greatest(results.p_value, 1e-300), 1) / 2)
            else results.log2_fold_change
        end as value,
        coalesce(case
            when inputs.has_adjusted_p
                then results.adjusted_p_value <= settings.significant_adjusted_p
            when inputs.has_p then results.p_value <= settings.significant_adjusted_p
            else abs(results.log2_fold_change) >= settings.significant_log2_fold_change
        end, false) as is_changed,
        results.p_value,
        results.mean_abundance
    from results
    inner join inputs
        on
            results.dataset_id = inputs.dataset_id
            and results.contrast_id = inputs.contrast_id
    cross join settings
),

-- Features in several rows are few, but Postgres expects many: joined by hash (the pre-hook), as it
-- would sort all rows twice, 8 of 31 s for 3 million.

-- A feature in several rows counts once: the row with the lowest p, then the highest abundance,
-- then the largest value; what is equal in all of these is equal in the score.
repeated as (
    select
        valued.dataset_id,
        valued.contrast_id,
        valued.feature_id
    from valued
    where valued.value is not null
    group by valued.dataset_id, valued.contrast_id, valued.feature_id
    having count(*) > 1
),

chosen as (
    select
        valued.dataset_id,
        valued.contrast_id,
        valued.feature_id,
        valued.score_input,
        valued.value,
        valued.is_changed
    from valued
    left join repeated
        on
            valued.dataset_id = repeated.dataset_id
            and valued.contrast_id = repeated.contrast_id
            and valued.feature_id = repeated.feature_id
    where valued.value is not null and repeated.feature_id is null
    union all
    (
        select distinct on (valued.dataset_id, valued.contrast_id, valued.feature_id)
            valued.dataset_id,
            valued.contrast_id,
            valued.feature_id,
            valued.score_input,
            valued.value,
            valued.is_changed
        from valued
        inner join repeated
            on
                valued.dataset_id = repeated.dataset_id
                and valued.contrast_id = repeated.contrast_id
                and valued.feature_id = repeated.feature_id
        where valued.value is not null
        order by
            valued.dataset_id asc,
            valued.contrast_id asc,
            valued.feature_id asc,
            valued.p_value asc nulls last,
            valued.mean_abundance desc nulls last,
            abs(valued.value) desc,
            valued.value desc,
            valued.is_changed desc
    )
),

-- Equal values get the lowest of their ranks, and its average; their order in position is that of
-- the feature ids, which depends on no file.
ranked as (
    select
        chosen.*,
        rank() over (
            partition by chosen.dataset_id, chosen.contrast_id order by chosen.value
        ) as rank_min,
        row_number() over (
            partition by chosen.dataset_id, chosen.contrast_id
            order by chosen.value, chosen.feature_id
        ) as place,
        count(*) over (
            partition by chosen.dataset_id, chosen.contrast_id
            order by chosen.value
        ) as n_up_to,
        count(*) over (
            partition by chosen.dataset_id, chosen.contrast_id
        ) as n_features
    from chosen
)

select
    ranked.dataset_id,
    ranked.contrast_id,
    ranked.feature_id,
    ranked.score_input,
    ranked.value,
    ranked.is_changed,
    cast(ranked.rank_min as integer) as rank_min,
    cast(ranked.rank_min + ranked.n_up_to as double precision) / 2 as rank_average,
    cast(ranked.n_features - ranked.place + 1 as integer) as place_from_top
from ranked
