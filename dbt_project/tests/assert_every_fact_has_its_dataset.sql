-- A row without its dataset cannot be traced to a file. Datasets that were removed in this run and
-- left rows behind would show here too.
with datasets as (
    select * from {{ ref('datasets') }}
),

facts as (
    select dataset_id from {{ ref('dataset_features') }}
    {{ tested_datasets() }}
    union
    select dataset_id from {{ ref('differential_results') }}
    {{ tested_datasets() }}
    union
    select dataset_id from {{ ref('assays') }}
    {{ tested_datasets() }}
    union
    select dataset_id from {{ ref('dataset_quality') }}
    {{ tested_datasets() }}
)

select facts.dataset_id
from facts
left join datasets
    on facts.dataset_id = datasets.dataset_id
where datasets.dataset_id is null
