{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['feature_name_id'],
    on_schema_change='fail',
    indexes=[{'columns': ['feature_name_id'], 'unique': true}, {'columns': ['feature_id']}],
    pre_hook="{{ forget_unused_features(['feature_id', 'reported_name']) }}",
    meta={'reference': true},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

dataset_features as (
    select * from {{ ref('dataset_features') }}
),

differential_results as (
    select * from {{ ref('differential_results') }}
),

reported as (
    select
        to_build.feature_type,
        dataset_features.reported_name,
        dataset_features.feature_id
    from to_build
    inner join dataset_features
        on to_build.dataset_id = dataset_features.dataset_id
    union
    select
        to_build.feature_type,
        differential_results.reported_name,
        differential_results.feature_id
    from to_build
    inner join differential_results
        on to_build.dataset_id = differential_results.dataset_id
),

named as (
    select
        {{ surrogate_id([
            "'feature_name'", 'reported.feature_type', 'reported.reported_name', "''"
        ]) }} as feature_name_id,
        reported.feature_type,
        reported.reported_name,
        reported.feature_id
    from reported
    where reported.feature_id is not null
)

select
    named.feature_name_id,
    named.feature_type,
    named.reported_name,
    '' as context,
    named.feature_id,
    'reported_name' as method,
    'unmapped' as status,
    cast('[]' as jsonb) as candidates,
    cast(null as text) as reference_release,
    'reported-name-1' as rules_version
from named
{% if is_incremental() %}
    where not exists (
        select 1
        from {{ this }} as known
        where known.feature_name_id = named.feature_name_id
    )
{% endif %}
