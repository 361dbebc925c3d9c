{{ config(materialized='table') }}

with records as (
    select
        all_records.*,
        {{ folded_words("coalesce(all_records.fields ->> 'code', all_records.fields ->> 'name')") }}
            as entity_key
    from {{ ref('int_sheet_records') }} as all_records
    where all_records.kind in ('program', 'experiment')
),

-- Several sheets may describe one program: each fact is taken from the first that gives it, in the
-- order of path and row, which no order of loading changes.
facts as (
    select
        records.kind,
        records.entity_key,
        fact.key,
        fact.value,
        row_number() over (
            partition by records.kind, records.entity_key, fact.key
            order by records.sheet_path, records.sheet_key, records.row_number
        ) as fact_rank
    from records
    cross join lateral jsonb_each(records.fields) as fact (key, value)
),

merged as (
    select
        facts.kind,
        facts.entity_key,
        jsonb_object_agg(facts.key, facts.value) as fields
    from facts
    where facts.fact_rank = 1
    group by facts.kind, facts.entity_key
),

other_facts as (
    select
        records.kind,
        records.entity_key,
        fact.key,
        fact.value,
        row_number() over (
            partition by records.kind, records.entity_key, fact.key
            order by records.sheet_path, records.sheet_key, records.row_number
        ) as fact_rank
    from records
    cross join lateral jsonb_each(records.attributes) as fact (key, value)
),

merged_others as (
    select
        other_facts.kind,
        other_facts.entity_key,
        jsonb_object_agg(other_facts.key, other_facts.value) as attributes
    from other_facts
    where other_facts.fact_rank = 1
    group by other_facts.kind, other_facts.entity_key
),

places as (
    select
        records.kind,
        records.entity_key,
        (array_agg(
            records.source_file_id
            order by records.sheet_path, records.sheet_key, records.row_number
        ))[1] as source_file_id,
        (array_agg(
            records.row_number
            order by records.sheet_path, records.sheet_key, records.row_number
        ))[1] as row_number,
        array_agg(
            records.record_id
            order by records.sheet_path, records.sheet_key, records.row_number
        ) as record_ids,
        array_agg(distinct records.sheet_folder) as folders,
        array_agg(distinct {{ folded_words("records.fields ->> 'code'") }}) filter (
            where records.fields ? 'code'
        ) as codes,
        array_agg(distinct {{ folded_words("records.fields ->> 'name'") }}) filter (
            where records.fields ? 'name'
        ) as names
    from records
    group by records.kind, records.entity_key
)

select
    {{ surrogate_id(['merged.kind', 'merged.entity_key']) }} as entity_id,
    merged.kind,
    merged.entity_key,
    coalesce(merged.fields ->> 'name', merged.fields ->> 'code') as name,
    merged.fields,
    coalesce(merged_others.attributes, '{}') as attributes,
    array(
        select distinct alias.name
        from unnest(places.codes || places.names) as alias (name)
        where alias.name is not null
        order by alias.name
    ) as aliases,
    places.folders,
    places.record_ids,
    places.source_file_id,
    places.row_number
from merged
inner join places
    on
        merged.kind = places.kind
        and merged.entity_key = places.entity_key
left join merged_others
    on
        merged.kind = merged_others.kind
        and merged.entity_key = merged_others.entity_key
