{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['program_id', 'signature_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['program_id', 'signature_id'], 'unique': true}],
    meta={'reference': true},
) }}

with sets as (
    select * from {{ ref('int_signature_sets') }}
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
        from_type = 'signature'
        and to_type = 'program'
),

by_files as (
    select
        program_names.entity_id as program_id,
        sets.signature_id
    from sets
    cross join lateral unnest({{ split_list("sets.fields ->> 'program'") }}) as linked (name)
    inner join program_names
        on {{ folded_words('linked.name') }} = program_names.name
)

select
    by_files.program_id,
    by_files.signature_id
from by_files
where
    not {{ notion_is_first() }}
    or not exists (
        select 1
        from relations
        where relations.from_id = by_files.signature_id
    )
union
select
    relations.to_id as program_id,
    relations.from_id as signature_id
from relations
where relations.has_notion_only or {{ notion_is_first() }}
