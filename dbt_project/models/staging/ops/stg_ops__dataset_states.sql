select
    dataset_states.dataset_key,
    dataset_states.state,
    dataset_states.since
from {{ source('ops', 'dataset_states') }} as dataset_states
