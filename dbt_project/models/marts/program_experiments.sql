{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['program_id', 'experiment_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['program_id', 'experiment_id'], 'unique': true}],
    meta={'reference': true},
) }}

with experiments as (
    select *
    from {{ ref('int_sheet_entities') }}
    where kind = 'experiment'
),

program_names as (
    select *
    from {{ ref('int_sheet_names') }}
    where
        kind = 'program'
        and n_entities = 1
),

relations as (
    select *
    from {{ ref('int_notion_relations') }}
    where
        from_type = 'experiment'
        and to_type = 'program'
),

by_sheets as (
    select
        program_names.entity_id as program_id,
        experiments.entity_id as experiment_id
    from experiments
    cross join
        lateral unnest({{ text_array("experiments.fields -> 'program'") }}) as linked (name)
    inner join program_names
        on {{ folded_words('linked.name') }} = program_names.name
)

select
    by_sheets.program_id,
    by_sheets.experiment_id
from by_sheets
where
    not {{ notion_is_first() }}
    or not exists (
        select 1
        from relations
        where relations.from_id = by_sheets.experiment_id
    )
union
select
    relations.to_id as program_id,
    relations.from_id as experiment_id
from relations
where relations.has_notion_only or {{ notion_is_first() }}
