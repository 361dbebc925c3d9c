{{ config(materialized='table', indexes=[{'columns': ['sample_id'], 'unique': true}]) }}

with sample_rows as not materialized (
    select *
    from {{ ref('int_sheet_sample_rows') }}
    where not is_duplicate
),

-- A sample has a row for each of its runs; what they agree on is said of the sample.
facts as (
    select
        sample_rows.sample_id,
        fact.key,
        min(cast(fact.value as text)) as value
    from sample_rows
    cross join lateral jsonb_each(sample_rows.fields) as fact (key, value)
    group by sample_rows.sample_id, fact.key
    having count(distinct fact.value) = 1
),

merged as (
    select
        facts.sample_id,
        jsonb_object_agg(facts.key, cast(facts.value as jsonb)) as fields
    from facts
    group by facts.sample_id
),

other_facts as (
    select
        sample_rows.sample_id,
        fact.key,
        min(fact.value) as value
    from sample_rows
    cross join lateral jsonb_each_text(sample_rows.attributes) as fact (key, value)
    group by sample_rows.sample_id, fact.key
    having count(distinct fact.value) = 1
),

merged_others as (
    select
        other_facts.sample_id,
        jsonb_object_agg(other_facts.key, other_facts.value) as attributes
    from other_facts
    group by other_facts.sample_id
),

named as (
    select distinct on (sample_rows.sample_id)
        sample_rows.sample_id,
        sample_rows.scope,
        sample_rows.experiment_id,
        sample_rows.sample_name,
        sample_rows.source_file_id,
        sample_rows.row_number
    from sample_rows
    order by
        sample_rows.sample_id asc,
        sample_rows.kind desc,
        sample_rows.sheet_path asc,
        sample_rows.sheet_key asc,
        sample_rows.row_number asc
)

select
    named.sample_id,
    named.scope,
    named.experiment_id,
    named.sample_name,
    merged.fields,
    coalesce(merged_others.attributes, '{}') as attributes,
    named.source_file_id,
    named.row_number
from named
left join merged
    on named.sample_id = merged.sample_id
left join merged_others
    on named.sample_id = merged_others.sample_id
