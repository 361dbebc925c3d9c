{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['experiment_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['experiment_id'], 'unique': true}],
    meta={'reference': true},
) }}

with sheet_entities as (
    select *
    from {{ ref('int_sheet_entities') }}
    where kind = 'experiment'
),

noted as (
    select *
    from {{ ref('int_notion_fields') }}
    where entity_type = 'experiment'
),

notion_only as (
    select *
    from {{ ref('int_notion_facts') }}
    where
        entity_type = 'experiment'
        and is_notion_only
),

entities as (
    select
        sheet_entities.entity_id,
        coalesce(noted.fields ->> 'name', sheet_entities.name) as name,
        {{ with_notion_fields('sheet_entities.fields', 'noted.fields') }} as fields,
        sheet_entities.attributes,
        false as is_notion_only,
        sheet_entities.source_file_id,
        sheet_entities.row_number
    from sheet_entities
    left join noted
        on sheet_entities.entity_id = noted.entity_id
    union all
    select
        notion_only.entity_id,
        notion_only.name,
        notion_only.fields,
        cast('{}' as jsonb) as attributes,
        true as is_notion_only,
        cast(null as bigint) as source_file_id,
        cast(null as bigint) as row_number
    from notion_only
),

pages as (
    select *
    from {{ ref('int_notion_pages') }}
    where entity_type = 'experiment'
)

select
    entities.entity_id as experiment_id,
    entities.fields ->> 'code' as code,
    entities.name,
    entities.fields ->> 'type' as type,
    entities.fields ->> 'description' as description,
    {{ text_array("entities.fields -> 'disease'") }} as disease,
    {{ text_array("entities.fields -> 'matrix'") }} as matrix,
    {{ text_array("entities.fields -> 'model_systems'") }} as model_systems,
    {{ text_array("entities.fields -> 'targets'") }} as targets,
    {{ text_array("entities.fields -> 'modality'") }} as modality,
    entities.fields ->> 'stage' as stage,
    {{ text_array("entities.fields -> 'biomarker_role'") }} as biomarker_role,
    {{ text_array("entities.fields -> 'treatment_arms'") }} as treatment_arms,
    entities.fields ->> 'design_type' as design_type,
    {{ text_array("entities.fields -> 'organism'") }} as organism,
    coalesce(entities.fields -> 'external_ids', '{}') as external_ids,
    coalesce(pages.page_id, entities.fields ->> 'notion_page_id') as notion_page_id,
    pages.narrative,
    entities.is_notion_only,
    entities.attributes,
    entities.source_file_id,
    entities.row_number
from entities
left join pages
    on entities.entity_id = pages.entity_id
