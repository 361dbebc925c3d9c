{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['sample_id'],
    on_schema_change='fail',
    replaces='{{ samples_of_this_run() }}',
    indexes=[{'columns': ['sample_id'], 'unique': true}, {'columns': ['dataset_id']}],
    meta={'reference': true},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

sheet_samples as (
    select * from {{ ref('int_sheet_samples') }}
),

assay_samples as (
    select *
    from {{ ref('int_assay_samples') }}
    where match = 'file'
),

links as (
    select *
    from {{ ref('int_dataset_links') }}
    where kind = 'experiment'
),

only_experiments as (
    select
        links.dataset_id,
        cast(min(cast(links.entity_id as text)) as uuid) as experiment_id
    from links
    group by links.dataset_id
    having count(*) = 1
),

-- Samples of sheets are few and may all depend on each other: they are written anew. Those that the
-- file of a dataset brings along are written with their dataset.
samples as (
    select
        sheet_samples.sample_id,
        sheet_samples.experiment_id,
        cast(null as uuid) as dataset_id,
        sheet_samples.sample_name as name,
        sheet_samples.fields,
        sheet_samples.attributes,
        sheet_samples.source_file_id,
        sheet_samples.row_number
    from sheet_samples
    union all
    select
        assay_samples.sample_id,
        only_experiments.experiment_id,
        assay_samples.dataset_id,
        assay_samples.name,
        assay_samples.file_fields as fields,
        assay_samples.file_attributes as attributes,
        to_build.file_id as source_file_id,
        cast(null as bigint) as row_number
    from to_build
    inner join assay_samples
        on to_build.dataset_id = assay_samples.dataset_id
    left join only_experiments
        on to_build.dataset_id = only_experiments.dataset_id
)

select
    samples.sample_id,
    samples.experiment_id,
    samples.dataset_id,
    samples.name,
    samples.fields ->> 'organism' as organism,
    samples.fields ->> 'organism_part' as organism_part,
    samples.fields ->> 'disease' as disease,
    samples.fields ->> 'sex' as sex,
    samples.fields ->> 'timepoint' as timepoint,
    samples.fields ->> 'intervention' as intervention,
    samples.fields ->> 'dose' as dose,
    samples.fields ->> 'biological_replicate' as biological_replicate,
    case
        when samples.fields ->> 'sample_type' in ('study', 'qc', 'blank', 'reference')
            then samples.fields ->> 'sample_type'
        else 'study'
    end as sample_type,
    {{ study_variable('samples.fields') }} as study_variable,
    coalesce(samples.fields -> 'factors', '{}') as factors,
    coalesce(samples.fields -> 'external_ids', '{}') as external_ids,
    coalesce(samples.attributes, '{}') as attributes,
    samples.source_file_id,
    samples.row_number
from samples
