{{ config(materialized='table', post_hook='analyze {{ this }}') }}

-- A table, so that Postgres knows how many there are: of a view it expected 7 sets, not 7,307, and
-- read all components of a file once for each, which took minutes of every build.

with landed as (
    select * from {{ ref('int_signature_sets_landed') }}
),

noted as (
    select *
    from {{ ref('int_notion_fields') }}
    where entity_type = 'signature'
)

select
    landed.signature_id,
    landed.file_id,
    landed.load_id,
    landed.source_path,
    landed.format,
    landed.is_source_missing,
    landed.row_number,
    landed.position,
    coalesce(noted.fields ->> 'name', landed.name) as name,
    case
        when noted.entity_id is null then landed.fields
        else {{ with_notion_fields('landed.fields', 'noted.fields') }}
    end as fields,
    case
        when noted.entity_id is null then landed.build_key
        else md5(concat_ws('|', landed.build_key, noted.fields))
    end as build_key
from landed
left join noted
    on landed.signature_id = noted.entity_id
