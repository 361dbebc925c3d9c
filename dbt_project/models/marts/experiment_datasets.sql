{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['experiment_id', 'dataset_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['experiment_id', 'dataset_id'], 'unique': true}],
    meta={'reference': true},
) }}

with links as (
    select *
    from {{ ref('int_dataset_links') }}
    where kind = 'experiment'
)

select
    links.entity_id as experiment_id,
    links.dataset_id
from links
