{{ config(
    materialized='kept_table',
    kept_while="
        select
            (select md5(string_agg(sets.build_key, ',' order by sets.signature_id))
            from {{ ref('int_signature_sets') }} as sets),
            (select string_agg(distinct contexts.feature_type || ':' || contexts.context, ',')
            from {{ ref('int_dataset_contexts') }} as contexts)
    ",
    indexes=[
        {'columns': ['signature_id', 'feature_type', 'context', 'feature_id'], 'unique': true},
    ],
    post_hook='analyze {{ this }}',
    meta={'reference': true},
) }}

-- depends_on: {{ ref('int_signature_sets') }}
-- depends_on: {{ ref('int_dataset_contexts') }}
with components as (
    select *
    from {{ ref('signature_components') }}
    where signed_weight is not null
),

feature_names as (
    select * from {{ ref('feature_names') }}
),

meant as (
    select
        components.signature_id,
        feature_names.feature_type,
        feature_names.context,
        feature_names.feature_id,
        min(components.position) as position,
        (array_agg(
            components.signed_weight
            order by abs(components.signed_weight) desc, components.position asc
        ))[1] as signed_weight,
        min(sign(components.signed_weight)) = max(sign(components.signed_weight)) as is_consistent
    from components
    inner join feature_names
        on
            components.reported_name = feature_names.reported_name
            and {{ molecule_of('components.feature_type') }}
            = {{ molecule_of('feature_names.feature_type') }}
    where feature_names.feature_id is not null
    group by
        components.signature_id,
        feature_names.feature_type,
        feature_names.context,
        feature_names.feature_id
)

-- Several names of one feature count once, with the largest weight, and not at all where they
-- contradict each other.
select
    meant.signature_id,
    meant.feature_type,
    meant.context,
    meant.feature_id,
    meant.position,
    meant.signed_weight
from meant
where meant.is_consistent
