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

{{ rank_versions('files', 'dataset_states') }}

select
    {{ surrogate_id(["'dataset'", 'ranked.dataset_key']) }} as dataset_id,
    ranked.dataset_key,
    ranked.file_id,
    ranked.load_id,
    ranked.source_name,
    ranked.source_path,
    ranked.source_root,
    ranked.part,
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
