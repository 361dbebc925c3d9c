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
),

assays as (
    select * from {{ ref('assays') }}
),

study_groups as (
    select * from {{ ref('int_study_groups') }}
),

settings as (
    select * from {{ ref('int_signature_settings') }}
),

-- A matrix whose scale is known and whose assays are of two groups.
grouped as (
    select
        to_build.dataset_id,
        to_build.file_id,
        assays.study_variable,
        study_groups.role,
        count(*) as n_assays
    from to_build
    inner join assays
        on to_build.dataset_id = assays.dataset_id
    left join study_groups
        on
            study_groups.word
            = lower(btrim(regexp_replace(assays.study_variable, '^[^=]*=', '')))
    where
        to_build.data_shape = 'matrix'
        and to_build.value_scale in ('linear', 'log2', 'log10', 'ln')
        and assays.study_variable is not null
        and study_groups.role is distinct from 'ignored'
    group by
        to_build.dataset_id, to_build.file_id, assays.study_variable, study_groups.role
),

-- The control stands below the line, else the group that comes first in the alphabet.
paired as (
    select
        grouped.dataset_id,
        min(grouped.file_id) as file_id,
        array_agg(
            grouped.study_variable
            order by
                grouped.role is distinct from 'control' asc,
                convert_to(grouped.study_variable, 'UTF8') asc
        ) as groups,
        min(grouped.n_assays) as smallest
    from grouped
    group by grouped.dataset_id
    having count(*) = 2
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
union all
select
    paired.dataset_id,
    {{ surrogate_id([
        "'contrast'", 'cast(paired.dataset_id as text)', "'1'"
    ]) }} as contrast_id,
    paired.file_id as source_file_id,
    1 as position,
    paired.groups[2] || ' vs ' || paired.groups[1] as name,
    paired.groups[2] as numerator,
    paired.groups[1] as denominator,
    'omics' as tool,
    'BH' as adjust_method,
    't' as statistic_type,
    cast('{}' as jsonb) as source_columns,
    true as is_derived
from paired
cross join settings
where paired.smallest >= settings.min_group_size
