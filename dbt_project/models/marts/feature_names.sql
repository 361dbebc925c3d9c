{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['feature_name_id'],
    on_schema_change='fail',
    indexes=[{'columns': ['feature_name_id'], 'unique': true}, {'columns': ['feature_id']}],
    pre_hook='{{ read_many_in_bulk(ref("int_reported_names")) }}',
    post_hook=['{{ forget_unused_names() }}', 'analyze {{ this }}'],
    meta={'reference': true},
) }}

-- Built after the facts, so that names that no row has any more can be told.
-- depends_on: {{ ref('dataset_features') }}
-- depends_on: {{ ref('differential_results') }}
-- depends_on: {{ ref('int_datasets_changed') }}
-- depends_on: {{ ref('int_signatures_changed') }}
-- depends_on: {{ ref('int_signature_component_names') }}
with resolved as (
    select * from {{ ref('int_feature_names_resolved') }}
)

select
    resolved.feature_name_id,
    resolved.feature_type,
    resolved.reported_name,
    resolved.context,
    resolved.feature_id,
    resolved.member_feature_ids,
    resolved.method,
    resolved.status,
    resolved.candidates,
    resolved.warning,
    resolved.details,
    resolved.taxon,
    resolved.dialect,
    resolved.reading_type,
    resolved.identifier,
    resolved.identifier_type,
    resolved.flag,
    resolved.is_lipid,
    resolved.reference_release,
    resolved.rules_version
from resolved
