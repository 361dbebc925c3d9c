{{ config(
    materialized='table',
    indexes=[{'columns': ['dataset_id']}],
    post_hook='analyze {{ this }}',
) }}

with files as (
    select * from {{ ref('int_files_unioned') }}
),

dataset_states as (
    select * from {{ ref('stg_ops__dataset_states') }}
),

with_states as (
    select
        files.*,
        coalesce(dataset_states.state = 'source_missing', false) as is_source_missing,
        coalesce(
            dataset_states.state = 'removed' and dataset_states.since >= files.loaded_at, false
        ) as is_removed
    from files
    left join dataset_states
        on files.dataset_key = dataset_states.dataset_key
),

ranked as (
    select
        with_states.*,
        row_number() over (
            partition by with_states.dataset_key
            order by
                with_states.is_removed asc,
                with_states.loaded_at desc,
                with_states.load_id desc,
                with_states.file_id desc
        ) as version_rank,
        min(with_states.loaded_at) over (
            partition by with_states.dataset_key
        ) as first_loaded_at
    from with_states
)

select
    {{ surrogate_id(["'dataset'", 'ranked.dataset_key']) }} as dataset_id,
    ranked.dataset_key,
    ranked.file_id,
    ranked.load_id,
    ranked.source_name,
    ranked.data_shape,
    ranked.feature_type,
    ranked.value_scale,
    ranked.zero_is_missing,
    ranked.first_loaded_at,
    ranked.loaded_at,
    ranked.is_source_missing,
    ranked.is_removed,
    ranked.version_rank = 1 and not ranked.is_removed as is_current
from ranked
