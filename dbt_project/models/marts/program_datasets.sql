{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['program_id', 'dataset_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['program_id', 'dataset_id'], 'unique': true}],
    meta={'reference': true},
) }}

with links as (
    select *
    from {{ ref('int_dataset_links') }}
    where kind = 'program'
)

select
    links.entity_id as program_id,
    links.dataset_id,
    links.is_direct
from links
