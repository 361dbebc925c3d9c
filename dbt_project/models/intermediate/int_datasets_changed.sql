{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with current_versions as (
    select *
    from {{ ref('int_dataset_versions') }}
    where is_current
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
where
    current_versions.file_id is distinct from built.source_file_id
    or current_versions.load_id is distinct from built.load_id
    or current_versions.is_source_missing is distinct from built.is_source_missing
