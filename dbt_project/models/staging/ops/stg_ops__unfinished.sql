select
    unfinished.kind,
    unfinished.entity_id
from {{ source('ops', 'unfinished') }} as unfinished
