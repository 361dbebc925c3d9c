{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook=[
        '{{ forget_changed_datasets() }}',
        '{{ read_many_in_bulk(ref("int_datasets_changed"), many=20) }}',
    ],
    post_hook='{{ analyze_when_much_changed() }}',
    indexes=[
        {'columns': ['dataset_id', 'row_number'], 'unique': true},
        {'columns': ['feature_id']},
    ],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

contexts as (
    select * from {{ ref('int_dataset_contexts') }}
),

feature_rows as (
    select * from {{ ref('int_feature_rows_unioned') }}
),

feature_names as (
    select * from {{ ref('int_feature_names_resolved') }}
),

-- Materialized so that the text of a row is read once and not once per statistic: 7 s of processor
-- time instead of 11 s for 600,000 rows of 12.
identified as materialized (
    select
        to_build.dataset_id,
        to_build.file_id as source_file_id,
        feature_rows.row_number,
        feature_rows.reported_name,
        feature_names.feature_name_id,
        feature_names.feature_id,
        feature_names.member_feature_ids,
        coalesce(feature_names.is_mapped, false) as is_mapped,
        {{ abundances('feature_rows.quantities', 'to_build.zero_is_missing') }} as abundances,
        feature_rows.is_contaminant,
        feature_rows.is_decoy,
        feature_rows.is_internal_standard,
        feature_rows.annotations
    from to_build
    inner join feature_rows
        on
            to_build.file_id = feature_rows.file_id
            and to_build.load_id = feature_rows.load_id
    inner join contexts
        on to_build.dataset_id = contexts.dataset_id
    left join feature_names
        on
            feature_rows.reported_name = feature_names.reported_name
            and contexts.feature_type = feature_names.feature_type
            and {{ row_context('contexts', 'feature_rows') }} = feature_names.context
    where {{ of_changed_files('feature_rows.file_id') }}
)

select
    identified.dataset_id,
    identified.row_number,
    identified.feature_id,
    identified.member_feature_ids,
    identified.feature_name_id,
    identified.source_file_id,
    identified.reported_name,
    identified.abundances,
    cast(statistics.n_observed as integer) as n_observed,
    statistics.mean,
    statistics.median,
    statistics.sd,
    identified.is_contaminant,
    identified.is_decoy,
    identified.is_internal_standard,
    identified.is_mapped,
    identified.annotations
from identified
{{ statistics_of('identified.abundances') }}
