{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with current_versions as (
    select *
    from {{ ref('int_definition_versions') }}
    where is_current and source_name = 'signatures'
),

sets as (
    select * from {{ ref('stg_signatures__sets') }}
),

identity_state as (
    select * from {{ ref('int_identity_state') }}
)

select
    {{ surrogate_id(["'signature'", 'current_versions.dataset_key', 'sets.name']) }}
        as signature_id,
    current_versions.file_id,
    current_versions.load_id,
    current_versions.source_path,
    current_versions.format,
    current_versions.is_source_missing,
    sets.row_number,
    sets.position,
    sets.name,
    sets.fields,
    md5(concat_ws(
        '|',
        current_versions.file_id,
        current_versions.load_id,
        current_versions.is_source_missing,
        identity_state.fingerprint
    )) as build_key
from current_versions
inner join sets
    on
        current_versions.file_id = sets.file_id
        and current_versions.load_id = sets.load_id
cross join identity_state
