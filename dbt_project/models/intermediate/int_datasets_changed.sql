{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with outdated as not materialized (
    select * from {{ ref('int_datasets_outdated') }}
),

build_keys as (
    select * from {{ ref('int_dataset_build_keys') }}
),

resolved as not materialized (
    select * from {{ ref('int_feature_names_resolved') }}
),

identity_state as (
    select * from {{ ref('int_identity_state') }}
),

applied as (
    {{ applied_identity() }}
),

built as (
    {{ left_by_the_last_run('datasets', {'dataset_id': 'uuid', 'identity_key': 'text'}) }}
),

dataset_features as (
    {{ left_by_the_last_run('dataset_features', {
        'dataset_id': 'uuid', 'row_number': 'bigint', 'feature_name_id': 'uuid',
    }) }}
),

differential_results as (
    {{ left_by_the_last_run('differential_results', {
        'dataset_id': 'uuid', 'row_number': 'bigint', 'feature_name_id': 'uuid',
    }) }}
),

-- Only after a change of releases or rules: what every dataset would be made of now.
named_rows as (
    select * from dataset_features
    where {{ identity_has_changed() }}
    union all
    select * from differential_results
    where {{ identity_has_changed() }}
),

wanted as (
    select
        named_rows.dataset_id,
        {{ identity_key('resolved', 'named_rows') }} as identity_key
    from named_rows
    inner join resolved
        on named_rows.feature_name_id = resolved.feature_name_id
    group by named_rows.dataset_id
),

renamed as (
    select wanted.dataset_id
    from wanted
    inner join built
        on wanted.dataset_id = built.dataset_id
    where wanted.identity_key is distinct from built.identity_key
)

select
    outdated.dataset_id,
    outdated.file_id,
    outdated.load_id,
    outdated.change
from outdated
union all
select
    build_keys.dataset_id,
    build_keys.file_id,
    build_keys.load_id,
    'renamed' as change
from build_keys
inner join renamed
    on build_keys.dataset_id = renamed.dataset_id
left join outdated
    on build_keys.dataset_id = outdated.dataset_id
where outdated.dataset_id is null
