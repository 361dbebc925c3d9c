{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[
        {'columns': ['dataset_id', 'position'], 'unique': true},
        {'columns': ['dataset_id', 'assay_id'], 'unique': true},
    ],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

landed_assays as (
    select * from {{ ref('int_assays_unioned') }}
),

dataset_features as (
    select * from {{ ref('dataset_features') }}
),

named as (
    select
        to_build.dataset_id,
        to_build.file_id as source_file_id,
        landed_assays.position,
        landed_assays.name,
        landed_assays.source_column,
        landed_assays.attributes
    from to_build
    inner join landed_assays
        on
            to_build.file_id = landed_assays.file_id
            and to_build.load_id = landed_assays.load_id
    where {{ of_changed_files('landed_assays.file_id') }}
),

counted as (
    select
        dataset_features.dataset_id,
        element.position,
        count(*) as n_rows,
        count(element.abundance) as n_observed,
        percentile_cont(0.5) within group (order by element.abundance) as median_abundance
    from to_build
    inner join dataset_features
        on to_build.dataset_id = dataset_features.dataset_id
    cross join lateral unnest(dataset_features.abundances)
    with ordinality as element (abundance, position)
    group by dataset_features.dataset_id, element.position
)

select
    named.dataset_id,
    {{ surrogate_id(["'assay'", 'cast(named.dataset_id as text)', 'named.position']) }} as assay_id,
    cast(null as uuid) as sample_id,
    named.source_file_id,
    named.position,
    named.name,
    named.source_column,
    cast(null as text) as study_variable,
    cast(null as text) as batch,
    cast(null as integer) as run_order,
    named.attributes,
    cast(coalesce(counted.n_observed, 0) as bigint) as n_observed,
    cast(
        1 - cast(counted.n_observed as double precision) / nullif(counted.n_rows, 0)
        as double precision
    ) as missing_fraction,
    counted.median_abundance,
    false as is_outlier
from named
left join counted
    on
        named.dataset_id = counted.dataset_id
        and named.position = counted.position
