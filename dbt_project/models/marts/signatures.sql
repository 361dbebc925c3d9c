{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['signature_id'],
    on_schema_change='fail',
    pre_hook=[
        '{{ remember_unfinished("signature", ref("int_signatures_changed"), ref("int_signature_sets")) }}',
        '{{ forget_changed_signatures() }}',
        '{{ forget_notion_only("signature", "signature_id") }}',
    ],
    indexes=[{'columns': ['signature_id'], 'unique': true}],
    meta={'reference': true},
) }}

-- A signature stands here once it is scored: int_signatures_changed takes this table as the record
-- of what is done. Hence a mart that is waited for and not read:
-- depends_on: {{ ref('signature_scores') }}

with to_build as (
    {{ signatures_to_build() }}
),

pages as not materialized (
    select * from {{ ref('int_notion_pages') }}
),

landed as not materialized (
    select
        sets.signature_id,
        sets.fields ->> 'notion_page_id' as notion_page_id
    from {{ ref('int_signature_sets') }} as sets
),

notion_entities as (
    select *
    from {{ ref('int_notion_facts') }}
    where
        entity_type = 'signature'
        and is_notion_only
),

components as (
    select * from {{ ref('signature_components') }}
),

counted as (
    select
        components.signature_id,
        array_agg(distinct components.feature_type order by components.feature_type) filter (
            where components.feature_type is not null
        ) as feature_types,
        count(*) as n_components,
        count(*) filter (where components.status = 'mapped') as n_resolved,
        count(components.signed_weight) as n_scored,
        count(*) filter (where components.direction > 0) as n_up,
        count(*) filter (where components.direction < 0) as n_down
    from to_build
    inner join components
        on to_build.signature_id = components.signature_id
    group by components.signature_id
),

signatures_built as (
    select
        to_build.signature_id,
        to_build.name,
        to_build.fields ->> 'short_id' as short_id,
        to_build.fields ->> 'description' as description,
        coalesce(counted.feature_types, '{}') as feature_types,
        to_build.fields ->> 'version' as version,
        to_build.fields ->> 'type' as type,
        to_build.fields ->> 'data_ownership' as data_ownership,
        {{ split_list("to_build.fields ->> 'biomarker_role'") }} as biomarker_role,
        {{ split_list("to_build.fields ->> 'phenotype_axes'") }} as phenotype_axes,
        {{ split_list("to_build.fields ->> 'disease_context'") }} as disease_context,
        to_build.fields ->> 'source' as source,
        to_build.fields ->> 'organism' as organism,
        {{ split_list("to_build.fields ->> 'program'") }} as program_names,
        jsonb_strip_nulls(jsonb_build_object(
            'msigdb', to_build.fields ->> 'systematic_name',
            'pmid', to_build.fields ->> 'pmid',
            'exact_source', to_build.fields ->> 'exact_source'
        )) as external_ids,
        cast(to_build.fields ->> 'n_members' as integer) as n_members,
        cast(coalesce(counted.n_components, 0) as integer) as n_components,
        cast(coalesce(counted.n_resolved, 0) as integer) as n_resolved,
        cast(coalesce(counted.n_scored, 0) as integer) as n_scored,
        cast(coalesce(counted.n_up, 0) as integer) as n_up,
        cast(coalesce(counted.n_down, 0) as integer) as n_down,
        coalesce(counted.n_up + counted.n_down > 0, false) as is_directed,
        {{ share('counted.n_resolved', 'counted.n_components') }} as resolved_fraction,
        case when to_build.is_source_missing then 'source_missing' else 'loaded' end
            as ingestion_status,
        coalesce(pages.page_id, landed.notion_page_id) as notion_page_id,
        pages.narrative,
        false as is_notion_only,
        to_build.file_id as source_file_id,
        to_build.row_number,
        to_build.build_key
    from to_build
    left join counted
        on to_build.signature_id = counted.signature_id
    left join landed
        on to_build.signature_id = landed.signature_id
    left join pages
        on
            to_build.signature_id = pages.entity_id
            and pages.entity_type = 'signature'
),

notion_only as (
    select
        notion_entities.entity_id as signature_id,
        notion_entities.name,
        notion_entities.fields ->> 'short_id' as short_id,
        notion_entities.fields ->> 'description' as description,
        cast('{}' as text[]) as feature_types,
        notion_entities.fields ->> 'version' as version,
        notion_entities.fields ->> 'type' as type,
        notion_entities.fields ->> 'data_ownership' as data_ownership,
        {{ text_array("notion_entities.fields -> 'biomarker_role'") }} as biomarker_role,
        {{ text_array("notion_entities.fields -> 'phenotype_axes'") }} as phenotype_axes,
        {{ text_array("notion_entities.fields -> 'disease_context'") }} as disease_context,
        cast(null as text) as source,
        cast(null as text) as organism,
        cast('{}' as text[]) as program_names,
        cast('{}' as jsonb) as external_ids,
        cast(null as integer) as n_members,
        0 as n_components,
        0 as n_resolved,
        0 as n_scored,
        0 as n_up,
        0 as n_down,
        false as is_directed,
        cast(null as double precision) as resolved_fraction,
        'notion_only' as ingestion_status,
        pages.page_id as notion_page_id,
        pages.narrative,
        true as is_notion_only,
        cast(null as bigint) as source_file_id,
        cast(null as bigint) as row_number,
        cast(null as text) as build_key
    from notion_entities
    inner join pages
        on
            notion_entities.entity_id = pages.entity_id
            and pages.entity_type = 'signature'
)

{{ with_new_pages(
    'signatures_built', 'signature', 'signature_id', 'int_signatures_changed', 'notion_only',
    given='landed'
) }}
