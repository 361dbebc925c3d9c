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
)

select distinct
    program_names.entity_id as program_id,
    experiments.entity_id as experiment_id
from experiments
cross join
    lateral unnest({{ text_array("experiments.fields -> 'program'") }}) as linked (name)
inner join program_names
    on {{ folded_words('linked.name') }} = program_names.name
