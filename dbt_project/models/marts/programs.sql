{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['program_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['program_id'], 'unique': true}],
    meta={'reference': true},
) }}

with entities as (
    select *
    from {{ ref('int_sheet_entities') }}
    where kind = 'program'
),

pages as (
    select *
    from {{ ref('int_notion_pages') }}
    where entity_type = 'program'
)

select
    entities.entity_id as program_id,
    entities.fields ->> 'code' as code,
    entities.name,
    entities.fields ->> 'description' as description,
    {{ text_array("entities.fields -> 'disease'") }} as disease,
    coalesce(entities.fields -> 'external_ids', '{}') as external_ids,
    coalesce(pages.page_id, entities.fields ->> 'notion_page_id') as notion_page_id,
    entities.attributes,
    entities.source_file_id,
    entities.row_number
from entities
left join pages
    on entities.entity_id = pages.entity_id
