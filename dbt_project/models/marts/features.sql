{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['feature_id'],
    on_schema_change='fail',
    indexes=[{'columns': ['feature_id'], 'unique': true}],
    pre_hook="{{ forget_unused_features(['feature_id']) }}",
    meta={'reference': true},
) }}

-- depends_on: {{ ref('dataset_features') }}
-- depends_on: {{ ref('differential_results') }}
-- depends_on: {{ ref('int_datasets_changed') }}
with feature_names as (
    select * from {{ ref('feature_names') }}
)

select
    feature_names.feature_id,
    min(feature_names.feature_type) as feature_type,
    min(btrim(feature_names.reported_name)) as name,
    cast(null as text) as canonical_id,
    cast(null as text) as taxon,
    cast(null as text) as lipid_class,
    cast(null as text) as lipid_level,
    cast(null as text) as formula,
    cast(null as text) as inchikey,
    cast('{}' as jsonb) as identifiers,
    cast('{}' as text[]) as synonyms,
    cast(null as text) as notion_page_id
from feature_names
where
    feature_names.feature_id is not null
    {% if is_incremental() %}
        and not exists (
            select 1
            from {{ this }} as known
            where known.feature_id = feature_names.feature_id
        )
    {% endif %}
group by feature_names.feature_id
