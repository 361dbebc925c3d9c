{{ config(
    materialized='table',
    pre_hook='{{ read_in_bulk() }}',
    post_hook='analyze {{ this }}',
) }}

with sets as (
    select * from {{ ref('int_signature_sets') }}
),

components as (
    select * from {{ ref('stg_signatures__components') }}
)

select distinct
    components.feature_type,
    components.reported_name
from sets
inner join components
    on
        sets.file_id = components.file_id
        and sets.load_id = components.load_id
        and sets.name = components.set_name
where components.feature_type is not null
