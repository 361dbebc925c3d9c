{{ config(materialized='view', meta={'distribute_by': 'dataset_id'}) }}

with dataset_features as (
    select * from {{ ref('dataset_features') }}
),

assays as (
    select * from {{ ref('assays') }}
)

select
    dataset_features.dataset_id,
    dataset_features.row_number,
    dataset_features.feature_id,
    assays.assay_id,
    assays.name as assay_name,
    element.abundance
from dataset_features
cross join
    lateral unnest(dataset_features.abundances)
    with ordinality as element (abundance, position)
inner join assays
    on
        dataset_features.dataset_id = assays.dataset_id
        and element.position = assays.position
where
    not dataset_features.is_contaminant
    and not dataset_features.is_decoy
