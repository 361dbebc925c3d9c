{{ config(
    materialized='table',
    indexes=[{'columns': ['record_id']}],
    post_hook='analyze {{ this }}',
) }}

with versions as (
    select *
    from {{ ref('int_definition_versions') }}
    where
        source_name = 'programs'
        and is_current
),

records as (
    select * from {{ ref('stg_programs__records') }}
)

select
    {{ surrogate_id([
        "'record'", 'versions.dataset_key', 'cast(records.row_number as text)', 'records.kind'
    ]) }} as record_id,
    versions.dataset_key as sheet_key,
    versions.source_path as sheet_path,
    regexp_replace(versions.source_path, '/[^/]*$', '') as sheet_folder,
    versions.source_root as sheet_root,
    versions.file_id as source_file_id,
    records.row_number,
    records.kind,
    records.fields,
    records.attributes
from versions
inner join records
    on
        versions.file_id = records.file_id
        and versions.load_id = records.load_id
