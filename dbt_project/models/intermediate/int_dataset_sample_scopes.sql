{{ config(materialized='table', indexes=[{'columns': ['dataset_id']}]) }}

with links as (
    select *
    from {{ ref('int_dataset_links') }}
    where kind = 'experiment'
),

dataset_rows as (
    select *
    from {{ ref('int_sheet_dataset_rows') }}
    where not is_duplicate
),

resolved as (
    select *
    from {{ ref('int_sheet_files_resolved') }}
    where outcome = 'found'
),

sample_scopes as materialized (
    select distinct
        sheet_path,
        sheet_folder,
        scope,
        experiment_id
    from {{ ref('int_sheet_sample_rows') }}
),

sample_rows as (
    select * from {{ ref('int_sheet_sample_rows') }}
),

versions as (
    select
        dataset_id,
        regexp_replace(source_path, '/[^/]*$', '') as folder
    from {{ ref('int_dataset_versions') }}
    where is_current
),

linked as (
    select
        links.dataset_id,
        'experiment:' || cast(links.entity_id as text) as scope
    from links
    union
    select
        resolved.dataset_id,
        sample_rows.scope
    from resolved
    inner join sample_rows
        on resolved.record_id = sample_rows.record_id
    union
    select
        dataset_rows.dataset_id,
        sample_scopes.scope
    from dataset_rows
    cross join
        lateral unnest({{ text_array("dataset_rows.fields -> 'sheets'") }})
            as named_sheet (name)
    inner join sample_scopes
        on sample_scopes.sheet_path in (
            named_sheet.name,
            {{ normal_path("dataset_rows.sheet_folder || '/' || named_sheet.name") }},
            {{ normal_path("dataset_rows.sheet_root || '/' || named_sheet.name") }}
        )
),

-- A sample table without experiment, in the folder of a file that nothing else speaks of
neighbours as (
    select distinct
        versions.dataset_id,
        sample_scopes.scope
    from sample_scopes
    inner join versions
        on sample_scopes.sheet_folder = versions.folder
    left join linked
        on versions.dataset_id = linked.dataset_id
    where
        sample_scopes.experiment_id is null
        and linked.dataset_id is null
)

select * from linked
union all
select * from neighbours
