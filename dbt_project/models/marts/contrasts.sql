{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[
        {'columns': ['dataset_id', 'position'], 'unique': true},
        {'columns': ['dataset_id', 'contrast_id'], 'unique': true},
    ],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

landed_contrasts as (
    select * from {{ ref('int_contrasts_unioned') }}
)

select
    to_build.dataset_id,
    {{ surrogate_id([
        "'contrast'", 'cast(to_build.dataset_id as text)', 'landed_contrasts.position'
    ]) }} as contrast_id,
    to_build.file_id as source_file_id,
    landed_contrasts.position,
    landed_contrasts.name,
    landed_contrasts.numerator,
    landed_contrasts.denominator,
    landed_contrasts.tool,
    landed_contrasts.adjust_method,
    landed_contrasts.statistic_type,
    landed_contrasts.source_columns,
    false as is_derived
from to_build
inner join landed_contrasts
    on
        to_build.file_id = landed_contrasts.file_id
        and to_build.load_id = landed_contrasts.load_id
where {{ of_changed_files('landed_contrasts.file_id') }}
