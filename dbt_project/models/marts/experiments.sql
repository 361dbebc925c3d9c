{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['experiment_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['experiment_id'], 'unique': true}],
    meta={'reference': true},
) }}

with entities as (
    select *
    from {{ ref('int_sheet_entities') }}
    where kind = 'experiment'
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
    entities.attributes,
    entities.source_file_id,
    entities.row_number
from entities
left join pages
    on entities.entity_id = pages.entity_id
