{{ config(
    materialized='table',
    post_hook='analyze {{ this }}',
) }}

-- The names that this run has to resolve: those of the datasets that it builds, and all that are
-- known when a release or a rule has changed.

with outdated as (
    select *
    from {{ ref('int_datasets_outdated') }}
    where file_id is not null
),

contexts as not materialized (
    select * from {{ ref('int_dataset_contexts') }}
),

feature_rows as (
    select * from {{ ref('int_feature_rows_unioned') }}
),

result_rows as (
    select * from {{ ref('int_result_rows_unioned') }}
),

identity_state as (
    select * from {{ ref('int_identity_state') }}
),

applied as (
    {{ applied_identity() }}
),

ledger as (
    {{ left_by_the_last_run('feature_names', {
        'feature_name_id': 'uuid',
        'feature_type': 'text',
        'reported_name': 'text',
        'context': 'text',
        'taxon': 'text',
        'dialect': 'text',
        'reading_type': 'text',
        'identifier': 'text',
        'identifier_type': 'text',
        'flag': 'text',
        'is_lipid': 'boolean',
    }) }}
),

to_build as materialized (
    select
        outdated.dataset_id,
        outdated.file_id,
        outdated.load_id,
        contexts.feature_type,
        contexts.context,
        contexts.identifier_column
    from outdated
    inner join contexts
        on outdated.dataset_id = contexts.dataset_id
),

used as (
    select
        to_build.feature_type,
        to_build.context as dataset_context,
        {{ row_context('to_build', 'feature_rows') }} as context,
        to_build.identifier_column,
        feature_rows.reported_name,
        feature_rows.is_contaminant,
        feature_rows.is_decoy,
        case
            when to_build.identifier_column is not null
                then nullif(btrim(feature_rows.annotations ->> to_build.identifier_column), '')
        end as identifier
    from to_build
    inner join feature_rows
        on
            to_build.file_id = feature_rows.file_id
            and to_build.load_id = feature_rows.load_id
    where {{ of_outdated_files('feature_rows.file_id') }}
    union all
    select
        to_build.feature_type,
        to_build.context as dataset_context,
        {{ row_context('to_build', 'result_rows') }} as context,
        to_build.identifier_column,
        result_rows.reported_name,
        result_rows.is_contaminant,
        result_rows.is_decoy,
        case
            when to_build.identifier_column is not null
                then nullif(btrim(result_rows.annotations ->> to_build.identifier_column), '')
        end as identifier
    from to_build
    inner join result_rows
        on
            to_build.file_id = result_rows.file_id
            and to_build.load_id = result_rows.load_id
    where {{ of_outdated_files('result_rows.file_id') }}
),

distinct_names as (
    select
        used.feature_type,
        used.reported_name,
        used.context,
        min(used.dataset_context) as dataset_context,
        min(used.identifier) as identifier,
        case
            when bool_or(used.is_contaminant) then 'contaminant'
            when bool_or(used.is_decoy) then 'decoy'
        end as flag
    from used
    where used.reported_name ~ '\S'
    group by used.feature_type, used.reported_name, used.context
),

readings as (
    select distinct
        contexts.feature_type,
        contexts.context,
        contexts.taxon,
        contexts.dialect,
        contexts.reading_type,
        contexts.identifier_type,
        contexts.is_lipid
    from contexts
),

of_datasets as (
    select
        {{ feature_name_id(
            'distinct_names.feature_type', 'distinct_names.reported_name', 'distinct_names.context'
        ) }} as feature_name_id,
        distinct_names.feature_type,
        distinct_names.reported_name,
        distinct_names.context,
        readings.taxon,
        readings.dialect,
        readings.reading_type,
        distinct_names.identifier,
        readings.identifier_type,
        distinct_names.flag,
        readings.is_lipid
    from distinct_names
    inner join readings
        on
            distinct_names.feature_type = readings.feature_type
            and distinct_names.dataset_context = readings.context
)

select * from of_datasets
union
select ledger.*
from ledger
where {{ identity_has_changed() }}
