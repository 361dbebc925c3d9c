with entities as (
    select * from {{ ref('int_sheet_entities') }}
)

select
    entities.kind,
    alias.name,
    min(entities.entity_key) as entity_key,
    cast(min(cast(entities.entity_id as text)) as uuid) as entity_id,
    count(*) as n_entities
from entities
cross join lateral unnest(entities.aliases) as alias (name)
group by entities.kind, alias.name
