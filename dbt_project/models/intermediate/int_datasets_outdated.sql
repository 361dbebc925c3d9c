{{ config(materialized='table') }}

with wanted as (
    select * from {{ ref('int_dataset_build_keys') }}
),

built as (
    {{ built_datasets() }}
)

select
    coalesce(wanted.dataset_id, built.dataset_id) as dataset_id,
    wanted.file_id,
    wanted.load_id,
    case
        when built.dataset_id is null then 'new'
        when wanted.dataset_id is null then 'removed'
        when wanted.file_id = built.source_file_id and wanted.load_id = built.load_id
            then 'marked'
        else 'replaced'
    end as change
from wanted
full outer join built
    on wanted.dataset_id = built.dataset_id
where wanted.build_key is distinct from built.build_key
