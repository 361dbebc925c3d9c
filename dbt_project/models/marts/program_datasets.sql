{{ config(
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
