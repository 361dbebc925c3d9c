{{ config(
    materialized='table',
    pre_hook='{{ read_many_in_bulk(ref("int_reported_names")) }}',
    post_hook='analyze {{ this }}',
) }}

{{ name_members(half=0) }}
