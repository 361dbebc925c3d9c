{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['experiment_id', 'signature_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['experiment_id', 'signature_id'], 'unique': true}],
    meta={'reference': true},
) }}

with sets as (
    select * from {{ ref('int_signature_sets') }}
),

signature_names as (
    select *
    from {{ ref('int_signature_names') }}
    where n_signatures = 1
),

experiments as (
    select *
    from {{ ref('int_sheet_entities') }}
    where kind = 'experiment'
),

experiment_names as (
    select *
    from {{ ref('int_sheet_names') }}
    where
        kind = 'experiment'
        and n_entities = 1
),

-- Either page may name the other.
relations as (
    select
        from_id as experiment_id,
        to_id as signature_id,
        has_notion_only
    from {{ ref('int_notion_relations') }}
    where
        from_type = 'experiment'
        and to_type = 'signature'
    union
    select
        to_id as experiment_id,
        from_id as signature_id,
        has_notion_only
    from {{ ref('int_notion_relations') }}
    where
        from_type = 'signature'
        and to_type = 'experiment'
),

by_files as (
    select
        experiment_names.entity_id as experiment_id,
        sets.signature_id
    from sets
    cross join lateral unnest({{ split_list("sets.fields ->> 'experiment'") }}) as linked (name)
    inner join experiment_names
        on {{ folded_words('linked.name') }} = experiment_names.name
    union
    select
        experiments.entity_id as experiment_id,
        signature_names.signature_id
    from experiments
    cross join
        lateral unnest({{ text_array("experiments.fields -> 'signatures'") }}) as linked (name)
    inner join signature_names
        on {{ folded_words('linked.name') }} = signature_names.name
)

select
    by_files.experiment_id,
    by_files.signature_id
from by_files
where
    not {{ notion_is_first() }}
    or not exists (
        select 1
        from relations
        where relations.signature_id = by_files.signature_id
    )
union
select
    relations.experiment_id,
    relations.signature_id
from relations
where relations.has_notion_only or {{ notion_is_first() }}
