{{ config(
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
