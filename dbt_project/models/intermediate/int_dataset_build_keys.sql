with versions as (
    select *
    from {{ ref('int_dataset_versions') }}
    where is_current
),

descriptions as (
    select * from {{ ref('int_dataset_descriptions') }}
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
        coalesce(descriptions.described_hash, '')
    )) as build_key
from versions
left join descriptions
    on versions.dataset_id = descriptions.dataset_id
