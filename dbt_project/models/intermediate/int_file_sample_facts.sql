{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    indexes=[{'columns': ['dataset_id'], 'unique': true}],
) }}

-- Depends on the content of a file only, so each version is read once. It cannot follow
-- int_datasets_changed, which follows what is said here.
with versions as materialized (
    select
        current_versions.dataset_id,
        current_versions.file_id,
        current_versions.load_id
    from {{ ref('int_dataset_versions') }} as current_versions
    {% if is_incremental() -%}
        left join {{ this }} as known
            on
                current_versions.dataset_id = known.dataset_id
                and current_versions.file_id = known.file_id
                and current_versions.load_id = known.load_id
    {% endif -%}
    where
        current_versions.is_current
        {% if is_incremental() -%}
            and known.dataset_id is null
        {%- endif %}
),

files as (
    select * from {{ ref('int_files_unioned') }}
),

landed_assays as (
    select * from {{ ref('int_assays_unioned') }}
),

sample_fields as (
    select * from {{ ref('sample_attribute_fields') }}
),

facts as (
    select
        versions.dataset_id,
        sample_fields.field,
        btrim(fact.value) as value
    from versions
    inner join landed_assays
        on
            versions.file_id = landed_assays.file_id
            and versions.load_id = landed_assays.load_id
    cross join
        lateral jsonb_each_text(coalesce(landed_assays.attributes, '{}')) as fact (key, value)
    inner join sample_fields
        on {{ folded_label('fact.key') }} = sample_fields.header
    where
        fact.value <> ''
        {% if is_incremental() -%}
            and landed_assays.file_id = any(array(select wanted.file_id from versions as wanted))
        {%- endif %}
),

told as (
    select
        facts.dataset_id,
        jsonb_agg(distinct facts.value) filter (where facts.field = 'organism') as organism,
        jsonb_agg(distinct facts.value) filter (where facts.field = 'organism_part')
            as sample_type,
        jsonb_agg(distinct facts.value) filter (where facts.field = 'disease') as disease
    from facts
    group by facts.dataset_id
)

-- mwTab says organism and kind of sample once, for the whole study.
select
    versions.dataset_id,
    versions.file_id,
    versions.load_id,
    coalesce(told.organism, files.role_evidence #> '{study,organism}') as organism,
    coalesce(told.sample_type, files.role_evidence #> '{study,sample_type}') as sample_type,
    told.disease
from versions
inner join files
    on
        versions.file_id = files.file_id
        and versions.load_id = files.load_id
left join told
    on versions.dataset_id = told.dataset_id
