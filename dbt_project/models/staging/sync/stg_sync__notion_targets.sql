select
    targets.entity_type,
    targets.container as data_source_id
from {{ source('sync', 'targets') }} as targets
where
    targets.service = 'notion'
    and targets.container is not null
    and not targets.is_retired
