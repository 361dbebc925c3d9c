{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with files as (
    select * from {{ ref('int_definition_files_unioned') }}
),

dataset_states as (
    select * from {{ ref('stg_ops__dataset_states') }}
),

{{ rank_versions('files', 'dataset_states') }}

select
    ranked.source_name,
    ranked.dataset_key,
    ranked.file_id,
    ranked.load_id,
    ranked.source_path,
    ranked.source_root,
    ranked.part,
    ranked.sha256,
    ranked.format,
    ranked.data_shape as kind,
    ranked.modified_at,
    ranked.first_loaded_at,
    ranked.loaded_at,
    ranked.is_source_missing,
    ranked.is_removed,
    ranked.version_rank = 1 and not ranked.is_removed as is_current
from ranked
