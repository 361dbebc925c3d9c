{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[{'columns': ['dataset_id', 'check_name'], 'unique': true}],
) }}

with to_build as (
    {{ datasets_to_build() }}
),

assay_samples as (
    select * from {{ ref('int_assay_samples') }}
),

dataset_scopes as (
    select * from {{ ref('int_dataset_sample_scopes') }}
),

samples as (
    select * from {{ ref('int_sheet_samples') }}
),

assays as materialized (
    select assay_samples.*
    from to_build
    inner join assay_samples
        on to_build.dataset_id = assay_samples.dataset_id
    where assay_samples.has_sample_table
),

of_assays as (
    select
        assays.dataset_id,
        count(*) filter (where assays.sample_id is null) as n_unmatched,
        string_agg(assays.name, ', ' order by assays.position) filter (
            where assays.sample_id is null
        ) as unmatched,
        count(*) filter (where assays.match = 'ambiguous') as n_ambiguous,
        string_agg(assays.name, ', ' order by assays.position) filter (
            where assays.match = 'ambiguous'
        ) as ambiguous
    from assays
    group by assays.dataset_id
),

offered as materialized (
    select
        of_assays.dataset_id,
        samples.sample_id,
        samples.sample_name,
        {{ folded_sample_name('samples.sample_name') }} as folded_name
    from of_assays
    inner join dataset_scopes
        on of_assays.dataset_id = dataset_scopes.dataset_id
    inner join samples
        on dataset_scopes.scope = samples.scope
),

used as (
    select
        assays.dataset_id,
        assays.sample_id,
        min(assays.position) as position
    from assays
    where assays.sample_id is not null
    group by assays.dataset_id, assays.sample_id
),

of_samples as (
    select
        offered.dataset_id,
        count(*) as n_samples,
        count(*) filter (where assays.position is null) as n_unused,
        string_agg(offered.sample_name, ', ' order by offered.sample_name) filter (
            where assays.position is null
        ) as unused
    from offered
    left join used as assays
        on
            offered.dataset_id = assays.dataset_id
            and offered.sample_id = assays.sample_id
    group by offered.dataset_id
),

alike as (
    select
        offered.dataset_id,
        offered.folded_name,
        count(*) as n_samples,
        string_agg(offered.sample_name, ' = ' order by offered.sample_name) as names
    from offered
    group by offered.dataset_id, offered.folded_name
    having count(*) > 1
),

collisions as (
    select
        alike.dataset_id,
        sum(alike.n_samples) as n_colliding,
        string_agg(alike.names, '; ' order by alike.names) as colliding
    from alike
    group by alike.dataset_id
)

select
    of_assays.dataset_id,
    checked.check_name,
    cast(checked.value as double precision) as value,
    left(checked.detail, 500) as detail
from of_assays
left join of_samples
    on of_assays.dataset_id = of_samples.dataset_id
left join collisions
    on of_assays.dataset_id = collisions.dataset_id
cross join lateral (
    values
    ('assays_without_sample', of_assays.n_unmatched, of_assays.unmatched),
    ('ambiguous_assay_names', of_assays.n_ambiguous, of_assays.ambiguous),
    ('samples_without_assay', coalesce(of_samples.n_unused, 0), of_samples.unused),
    ('sample_name_collisions', coalesce(collisions.n_colliding, 0), collisions.colliding)
) as checked (check_name, value, detail)
