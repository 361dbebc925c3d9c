{{ config(materialized='table') }}

with wanted as (
    select * from {{ ref('int_dataset_build_keys') }}
),

built as (
    {{ built_datasets() }}
),

unfinished as (
    select entity_id as dataset_id
    from {{ ref('stg_ops__unfinished') }}
    where kind = 'dataset'
),

compared as (
    select
        coalesce(wanted.dataset_id, built.dataset_id) as dataset_id,
        wanted.file_id,
        wanted.load_id,
        case
            when built.dataset_id is null then 'new'
            when wanted.dataset_id is null then 'removed'
            when wanted.build_key = built.build_key then 'unfinished'
            when wanted.file_id = built.source_file_id and wanted.load_id = built.load_id
                then 'marked'
            else 'replaced'
        end as change
    from wanted
    full outer join built
        on wanted.dataset_id = built.dataset_id
)

-- An unfinished one stands in `datasets` as built, while a mart that is made later may lack it. One
-- that left since may still stand there.
select
    coalesce(compared.dataset_id, unfinished.dataset_id) as dataset_id,
    compared.file_id,
    compared.load_id,
    coalesce(compared.change, 'removed') as change
from compared
full outer join unfinished
    on compared.dataset_id = unfinished.dataset_id
where compared.change <> 'unfinished' or unfinished.dataset_id is not null
