{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with current_versions as (
    select * from {{ ref('int_dataset_build_keys') }}
),

built as (
    {{ built_datasets() }}
)

select
    coalesce(current_versions.dataset_id, built.dataset_id) as dataset_id,
    current_versions.file_id,
    current_versions.load_id,
    case
        when built.dataset_id is null then 'new'
        when current_versions.dataset_id is null then 'removed'
        when
            current_versions.file_id = built.source_file_id
            and current_versions.load_id = built.load_id
            then 'marked'
        else 'replaced'
    end as change
from current_versions
full outer join built
    on current_versions.dataset_id = built.dataset_id
where current_versions.build_key is distinct from built.build_key
