-- A quantity is found by its place in the array. An array that is longer or shorter than the list
-- of assays would give values to the wrong sample.
with dataset_features as (
    select
        dataset_id,
        cardinality(abundances) as n_abundances
    from {{ ref('dataset_features') }}
    {{ tested_datasets() }}
),

datasets as (
    select * from {{ ref('datasets') }}
)

select
    dataset_features.dataset_id,
    dataset_features.n_abundances,
    datasets.n_assays
from dataset_features
inner join datasets
    on dataset_features.dataset_id = datasets.dataset_id
where dataset_features.n_abundances <> datasets.n_assays
