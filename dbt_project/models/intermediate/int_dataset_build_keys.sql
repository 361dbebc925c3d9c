with versions as (
    select *
    from {{ ref('int_dataset_versions') }}
    where is_current
),

descriptions as (
    select * from {{ ref('int_dataset_descriptions') }}
),

contexts as (
    select * from {{ ref('int_dataset_contexts') }}
)

select
    versions.dataset_id,
    versions.file_id,
    versions.load_id,
    md5(concat_ws(
        '|',
        versions.file_id,
        versions.load_id,
        versions.is_source_missing,
        coalesce(descriptions.described_hash, ''),
        contexts.context,
        contexts.name_type,
        contexts.identifier_column,
        contexts.has_reference
    )) as build_key
from versions
inner join contexts
    on versions.dataset_id = contexts.dataset_id
left join descriptions
    on versions.dataset_id = descriptions.dataset_id
