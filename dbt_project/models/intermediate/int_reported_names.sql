{{ config(
    materialized='table',
    pre_hook='{{ read_many_in_bulk(ref("int_datasets_outdated"), many=20) }}',
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

signature_names as not materialized (
    select * from {{ ref('int_signature_component_names') }}
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

readings as materialized (
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

of_datasets as materialized (
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
),

-- Components of signatures are read as the names of every kind of dataset that there is, so that a
-- name means the same in a signature and in the dataset that it is compared with; and once as names
-- that nothing is known of.
all_readings as materialized (
    select * from readings
    union
    select distinct
        signature_names.feature_type,
        '' as context,
        cast(null as text) as taxon,
        case when signature_names.feature_type = 'lipid' then '' end as dialect,
        cast(null as text) as reading_type,
        cast(null as text) as identifier_type,
        signature_names.feature_type = 'lipid' as is_lipid
    from signature_names
),

one_reading as (
    select distinct on (all_readings.feature_type, all_readings.context) all_readings.*
    from all_readings
    order by
        all_readings.feature_type asc,
        all_readings.context asc,
        all_readings.is_lipid desc,
        all_readings.dialect asc nulls last
),

-- Distinct: a metabolite and a lipid of one name are read in the same ways.
of_signatures as (
    select distinct
        {{ feature_name_id(
            'one_reading.feature_type', 'signature_names.reported_name', 'one_reading.context'
        ) }} as feature_name_id,
        one_reading.feature_type,
        signature_names.reported_name,
        one_reading.context,
        one_reading.taxon,
        one_reading.dialect,
        one_reading.reading_type,
        cast(null as text) as identifier,
        one_reading.identifier_type,
        cast(null as text) as flag,
        one_reading.is_lipid
    from signature_names
    inner join one_reading
        on
            {{ molecule_of('signature_names.feature_type') }}
            = {{ molecule_of('one_reading.feature_type') }}
),

new_of_signatures as (
    select of_signatures.*
    from of_signatures
    left join ledger
        on of_signatures.feature_name_id = ledger.feature_name_id
    left join of_datasets
        on of_signatures.feature_name_id = of_datasets.feature_name_id
    where
        ledger.feature_name_id is null
        and of_datasets.feature_name_id is null
)

select * from of_datasets
union all
select * from new_of_signatures
union all
select ledger.*
from ledger
left join of_datasets
    on ledger.feature_name_id = of_datasets.feature_name_id
where
    of_datasets.feature_name_id is null
    and {{ identity_has_changed() }}
