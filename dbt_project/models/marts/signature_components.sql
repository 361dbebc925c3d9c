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

resolved as (
    select
        components.signature_id,
        components.position,
        components.file_id as source_file_id,
        components.row_number,
        components.reported_name,
        components.feature_type,
        components.feature_type_evidence,
        components.feature_id,
        components.direction,
        components.weight,
        components.match_level
    from to_build
    inner join components
        on to_build.signature_id = components.signature_id
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
),

-- Several names of one feature count once: the heaviest, and none where they contradict each other.
signed as (
    select
        directed.*,
        case
            when directed.match_level in ('class', 'none') then null
            when directed.is_directed then nullif(directed.direction, 0) * directed.weight
            else directed.weight
        end as signed_weight
    from directed
),

ranked as (
    select
        signed.*,
        row_number() over (
            partition by signed.signature_id, signed.feature_id
            order by
                abs(signed.signed_weight) desc nulls last,
                convert_to(signed.reported_name, 'UTF8') asc
        ) as name_rank,
        min(sign(signed.signed_weight)) over (
            partition by signed.signature_id, signed.feature_id
        ) < 0
        and max(sign(signed.signed_weight)) over (
            partition by signed.signature_id, signed.feature_id
        ) > 0 as is_contradicted
    from signed
)

select
    ranked.signature_id,
    ranked.position,
    ranked.source_file_id,
    ranked.row_number,
    ranked.reported_name,
    ranked.feature_type,
    ranked.feature_type_evidence,
    ranked.feature_id,
    ranked.direction,
    ranked.weight,
    ranked.match_level,
    case
        when
            ranked.feature_id is not null
            and ranked.name_rank = 1
            and not coalesce(ranked.is_contradicted, false)
            then ranked.signed_weight
    end as signed_weight
from ranked
