{{ config(materialized='table') }}

with records as not materialized (
    select * from {{ ref('int_sheet_records') }}
),

entity_names as not materialized (
    select *
    from {{ ref('int_sheet_names') }}
    where kind = 'experiment' and n_entities = 1
),

experiments as (
    select *
    from {{ ref('int_sheet_entities') }}
    where kind = 'experiment'
),

sample_rows as materialized (
    select
        records.*,
        btrim(coalesce(records.fields ->> 'name', records.fields ->> 'assay_name')) as sample_name,
        {{ folded_words("records.fields ->> 'experiment'") }} as experiment_name
    from records
    where records.kind in ('sample', 'assay')
),

sample_sheets as materialized (
    select distinct
        sample_rows.sheet_key,
        sample_rows.sheet_path,
        sample_rows.sheet_folder
    from sample_rows
),

-- Experiments that name the sheet of their samples, as an ISA investigation does.
named_sheets as (
    select
        sample_sheets.sheet_key,
        entity_names.entity_id
    from records
    cross join
        lateral jsonb_array_elements_text(
            case
                when
                    jsonb_typeof(records.fields -> 'sheets') = 'array'
                    then records.fields -> 'sheets'
                else '[]'
            end
        ) as named_sheet (name)
    inner join sample_sheets
        on sample_sheets.sheet_path in (
            named_sheet.name,
            {{ normal_path("records.sheet_folder || '/' || named_sheet.name") }},
            {{ normal_path("records.sheet_root || '/' || named_sheet.name") }}
        )
    inner join entity_names
        on
            {{ folded_words(
                "coalesce(records.fields ->> 'code', records.fields ->> 'name')"
            ) }} = entity_names.name
    where records.kind = 'experiment'
),

sheets_named_once as (
    select
        named_sheets.sheet_key,
        cast(min(cast(named_sheets.entity_id as text)) as uuid) as entity_id
    from named_sheets
    group by named_sheets.sheet_key
    having count(distinct named_sheets.entity_id) = 1
),

-- The only experiment that the sheets of a folder describe is that of its sample sheets.
only_experiments as (
    select
        folder.path,
        cast(min(cast(experiments.entity_id as text)) as uuid) as entity_id
    from experiments
    cross join lateral unnest(experiments.folders) as folder (path)
    group by folder.path
    having count(*) = 1
),

with_experiments as (
    select
        sample_rows.*,
        case
            when sample_rows.experiment_name is not null then entity_names.entity_id
            else coalesce(sheets_named_once.entity_id, only_experiments.entity_id)
        end as experiment_id
    from sample_rows
    left join entity_names
        on sample_rows.experiment_name = entity_names.name
    left join sheets_named_once
        on sample_rows.sheet_key = sheets_named_once.sheet_key
    left join only_experiments
        on sample_rows.sheet_folder = only_experiments.path
),

scoped as (
    select
        with_experiments.*,
        case
            when with_experiments.experiment_id is not null
                then 'experiment:' || cast(with_experiments.experiment_id as text)
            else 'sheet:' || with_experiments.sheet_key
        end as scope
    from with_experiments
)

select
    scoped.record_id,
    scoped.sheet_key,
    scoped.sheet_path,
    scoped.sheet_folder,
    scoped.source_file_id,
    scoped.row_number,
    scoped.kind,
    scoped.scope,
    scoped.experiment_id,
    scoped.sample_name,
    {{ surrogate_id(["'sample'", 'scoped.scope', 'scoped.sample_name']) }} as sample_id,
    scoped.fields,
    scoped.attributes,
    scoped.kind = 'sample' and row_number() over (
        partition by scoped.scope, scoped.sample_name, scoped.kind
        order by scoped.sheet_path, scoped.sheet_key, scoped.row_number
    ) > 1 as is_duplicate
from scoped
