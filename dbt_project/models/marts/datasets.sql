{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook=[
        '{{ remember_unfinished("dataset", ref("int_datasets_changed"), ref("int_dataset_build_keys")) }}',
        '{{ forget_changed_datasets() }}',
        '{{ forget_notion_only("dataset", "dataset_id") }}',
    ],
    indexes=[{'columns': ['dataset_id'], 'unique': true}],
    meta={'distribute_by': 'dataset_id'},
) }}

-- A dataset stands here once all of its rows stand in the other marts: int_datasets_changed takes
-- this table as the record of what is done. Hence the marts that are waited for and not read:
-- depends_on: {{ ref('features') }}
-- depends_on: {{ ref('int_dataset_rejected_rows') }}
-- depends_on: {{ ref('signature_scores') }}
-- depends_on: {{ ref('source_files') }}

with to_build as (
    {{ datasets_to_build() }}
),

files as (
    select * from {{ ref('int_files_unioned') }}
),

dataset_features as (
    select * from {{ ref('dataset_features') }}
),

differential_results as (
    select * from {{ ref('differential_results') }}
),

assays as (
    select * from {{ ref('assays') }}
),

contrasts as (
    select * from {{ ref('contrasts') }}
),

dataset_quality as (
    select * from {{ ref('dataset_quality') }}
),

descriptions as not materialized (
    select * from {{ ref('int_dataset_descriptions') }}
),

pages as not materialized (
    select * from {{ ref('int_notion_pages') }}
),

notion_entities as (
    select *
    from {{ ref('int_notion_facts') }}
    where
        entity_type = 'dataset'
        and is_notion_only
),

build_keys as (
    select * from {{ ref('int_dataset_build_keys') }}
),

matrix_counts as materialized (
    select
        dataset_features.dataset_id,
        count(*) as n_rows,
        sum(cardinality(array_remove(dataset_features.abundances, null))) as n_values,
        sum(cardinality(dataset_features.abundances)) as n_cells,
        count(*) filter (where dataset_features.is_contaminant) as n_contaminants,
        {{ identity_key('dataset_features', 'dataset_features') }} as identity_key
    from to_build
    inner join dataset_features
        on to_build.dataset_id = dataset_features.dataset_id
    group by dataset_features.dataset_id
),

result_counts as materialized (
    select
        differential_results.dataset_id,
        count(distinct differential_results.row_number) as n_rows,
        count(distinct differential_results.row_number) filter (
            where differential_results.is_contaminant
        ) as n_contaminants,
        {{ identity_key('differential_results', 'differential_results') }} as identity_key
    from to_build
    inner join differential_results
        on to_build.dataset_id = differential_results.dataset_id
    group by differential_results.dataset_id
),

assay_counts as materialized (
    select
        assays.dataset_id,
        count(*) as n_assays
    from to_build
    inner join assays
        on to_build.dataset_id = assays.dataset_id
    group by assays.dataset_id
),

contrast_counts as materialized (
    select
        contrasts.dataset_id,
        count(*) as n_contrasts
    from to_build
    inner join contrasts
        on to_build.dataset_id = contrasts.dataset_id
    group by contrasts.dataset_id
),

quality as materialized (
    select
        dataset_quality.dataset_id,
        case
            when bool_or(dataset_quality.status = 'fail') then 'fail'
            when bool_or(dataset_quality.status = 'warn') then 'warn'
            when bool_or(dataset_quality.status in ('pass', 'info')) then 'pass'
        end as quality_status,
        max(dataset_quality.value) filter (
            where dataset_quality.check_name = 'mapped_names'
        ) as mapped_fraction
    from to_build
    inner join dataset_quality
        on to_build.dataset_id = dataset_quality.dataset_id
    group by dataset_quality.dataset_id
),

datasets_built as (
    select
        to_build.dataset_id,
        to_build.dataset_key,
        coalesce(
            descriptions.name, {{ dataset_name('files.source_path', 'files.part') }}
        ) as name,
        coalesce(files.omics_type, to_build.source_name) as omics_type,
        descriptions.description,
        files.data_shape,
        files.feature_type,
        coalesce(descriptions.quantity, files.quantity) as quantity,
        coalesce(descriptions.unit, files.unit) as unit,
        to_build.value_scale,
        case
            when descriptions.value_scale is null then files.scale_evidence
            else jsonb_build_object(
                'declared', descriptions.value_scale,
                'by', 'sheet',
                'read', files.value_scale,
                'evidence', files.scale_evidence
            )
        end as scale_evidence,
        files.zero_is_missing,
        coalesce(descriptions.organism, '{}') as organism,
        coalesce(descriptions.sample_type, '{}') as sample_type,
        coalesce(descriptions.disease, '{}') as disease,
        descriptions.methods,
        descriptions.summary,
        descriptions.results,
        descriptions.conclusions,
        descriptions.dataset_source_type,
        descriptions.data_origin,
        files.format as file_format,
        files.software,
        coalesce(matrix_counts.n_rows, result_counts.n_rows, 0) as n_features,
        coalesce(assay_counts.n_assays, 0) as n_assays,
        coalesce(contrast_counts.n_contrasts, 0) as n_contrasts,
        cast(coalesce(matrix_counts.n_values, files.n_values, 0) as bigint) as n_values,
        coalesce(matrix_counts.n_contaminants, result_counts.n_contaminants, 0) as n_contaminants,
        1 - cast(matrix_counts.n_values as double precision)
        / nullif(matrix_counts.n_cells, 0) as missing_fraction,
        quality.mapped_fraction,
        case when to_build.is_source_missing then 'source_missing' else 'loaded' end
            as ingestion_status,
        coalesce(quality.quality_status, 'not_applicable') as quality_status,
        coalesce(descriptions.external_ids, '{}') as external_ids,
        coalesce(pages.page_id, descriptions.notion_page_id) as notion_page_id,
        pages.narrative,
        false as is_notion_only,
        to_build.file_id as source_file_id,
        to_build.load_id,
        build_keys.build_key,
        coalesce(matrix_counts.identity_key, result_counts.identity_key) as identity_key,
        to_build.first_loaded_at,
        to_build.loaded_at as updated_at
    from to_build
    inner join files
        on
            to_build.file_id = files.file_id
            and to_build.load_id = files.load_id
            and to_build.source_name = files.source_name
    left join matrix_counts
        on to_build.dataset_id = matrix_counts.dataset_id
    left join result_counts
        on to_build.dataset_id = result_counts.dataset_id
    left join assay_counts
        on to_build.dataset_id = assay_counts.dataset_id
    left join contrast_counts
        on to_build.dataset_id = contrast_counts.dataset_id
    left join quality
        on to_build.dataset_id = quality.dataset_id
    left join descriptions
        on to_build.dataset_id = descriptions.dataset_id
    inner join build_keys
        on to_build.dataset_id = build_keys.dataset_id
    left join pages
        on
            to_build.dataset_id = pages.entity_id
            and pages.entity_type = 'dataset'
),

notion_only as (
    select
        notion_entities.entity_id as dataset_id,
        'notion:' || notion_entities.page_id as dataset_key,
        notion_entities.name,
        lower(notion_entities.fields ->> 'omics_type') as omics_type,
        notion_entities.fields ->> 'description' as description,
        cast(null as text) as data_shape,
        cast(null as text) as feature_type,
        cast(null as text) as quantity,
        cast(null as text) as unit,
        cast(null as text) as value_scale,
        cast(null as jsonb) as scale_evidence,
        false as zero_is_missing,
        {{ text_array("notion_entities.fields -> 'organism'") }} as organism,
        {{ text_array("notion_entities.fields -> 'sample_type'") }} as sample_type,
        {{ text_array("notion_entities.fields -> 'disease'") }} as disease,
        notion_entities.fields ->> 'methods' as methods,
        notion_entities.fields ->> 'summary' as summary,
        notion_entities.fields ->> 'results' as results,
        notion_entities.fields ->> 'conclusions' as conclusions,
        notion_entities.fields ->> 'dataset_source_type' as dataset_source_type,
        notion_entities.fields ->> 'data_origin' as data_origin,
        cast(null as text) as file_format,
        cast(null as text) as software,
        cast(0 as bigint) as n_features,
        cast(0 as bigint) as n_assays,
        cast(0 as bigint) as n_contrasts,
        cast(0 as bigint) as n_values,
        cast(0 as bigint) as n_contaminants,
        cast(null as double precision) as missing_fraction,
        cast(null as double precision) as mapped_fraction,
        'notion_only' as ingestion_status,
        'not_applicable' as quality_status,
        coalesce(notion_entities.fields -> 'external_ids', '{}') as external_ids,
        pages.page_id as notion_page_id,
        pages.narrative,
        true as is_notion_only,
        cast(null as bigint) as source_file_id,
        cast(null as text) as load_id,
        cast(null as text) as build_key,
        cast(null as text) as identity_key,
        notion_entities.created_at as first_loaded_at,
        notion_entities.edited_at as updated_at
    from notion_entities
    inner join pages
        on
            notion_entities.entity_id = pages.entity_id
            and pages.entity_type = 'dataset'
)

{{ with_new_pages(
    'datasets_built', 'dataset', 'dataset_id', 'int_datasets_changed', 'notion_only',
    given='descriptions'
) }}
