{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['signature_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_signatures() }}',
    post_hook='analyze {{ this }}',
    indexes=[
        {'columns': ['signature_id', 'position'], 'unique': true},
        {'columns': ['feature_id']},
    ],
    meta={'reference': true},
) }}

with to_build as (
    {{ signatures_to_build() }}
),

components as (
    select * from {{ ref('int_signature_components') }}
),

feature_names as (
    select *
    from {{ ref('feature_names') }}
    where context = ''
),

-- What the name means by itself. In a dataset it may mean more: signature_features tells.
resolved as (
    select
        components.signature_id,
        components.position,
        components.file_id as source_file_id,
        components.row_number,
        components.reported_name,
        components.feature_type,
        components.feature_type_evidence,
        feature_names.feature_id,
        coalesce(feature_names.status, 'unmapped') as status,
        components.direction,
        components.weight,
        components.match_level
    from to_build
    inner join components
        on to_build.signature_id = components.signature_id
    left join feature_names
        on
            components.reported_name = feature_names.reported_name
            and components.feature_type = feature_names.feature_type
    where {{ of_changed_files('components.file_id') }}
),

-- A set without any direction is scored as one whose components rise together.
directed as (
    select
        resolved.*,
        bool_or(resolved.direction <> 0) over (
            partition by resolved.signature_id
        ) as is_directed
    from resolved
)

select
    directed.signature_id,
    directed.position,
    directed.source_file_id,
    directed.row_number,
    directed.reported_name,
    directed.feature_type,
    directed.feature_type_evidence,
    directed.feature_id,
    directed.status,
    directed.direction,
    directed.weight,
    directed.match_level,
    case
        when directed.match_level in ('class', 'none') then null
        when directed.is_directed then nullif(directed.direction, 0) * directed.weight
        else directed.weight
    end as signed_weight
from directed
