{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[{'columns': ['dataset_id', 'position'], 'unique': true}],
) }}

with to_build as (
    {{ datasets_to_build() }}
),

landed_assays as (
    select * from {{ ref('int_assays_unioned') }}
),

assay_facts as not materialized (
    select * from {{ ref('int_assay_facts') }}
),

dataset_scopes as (
    select * from {{ ref('int_dataset_sample_scopes') }}
),

sample_rows as not materialized (
    select *
    from {{ ref('int_sheet_sample_rows') }}
    where not is_duplicate
),

samples as (
    select * from {{ ref('int_sheet_samples') }}
),

assays as materialized (
    select
        to_build.dataset_id,
        landed_assays.position,
        btrim(landed_assays.name) as name,
        btrim(landed_assays.source_column) as source_column,
        {{ folded_sample_name('landed_assays.name') }} as folded_name
    from to_build
    inner join landed_assays
        on
            to_build.file_id = landed_assays.file_id
            and to_build.load_id = landed_assays.load_id
    where {{ of_changed_files('landed_assays.file_id') }}
),

scopes as materialized (
    select
        dataset_scopes.dataset_id,
        dataset_scopes.scope
    from to_build
    inner join dataset_scopes
        on to_build.dataset_id = dataset_scopes.dataset_id
),

-- Every name by which a sample of a scope is known, once for each row that gives it
names as materialized (
    select distinct
        sample_rows.scope,
        sample_rows.record_id,
        sample_rows.sample_id,
        btrim(known.name) as name,
        {{ folded_sample_name('known.name') }} as folded_name
    from sample_rows
    cross join
        lateral unnest(
            array[sample_rows.sample_name] || {{ text_array("sample_rows.fields -> 'names'") }}
        ) as known (name)
    where sample_rows.scope in (select scopes.scope from scopes)
),

-- A name as it is written decides before a folded one, and either only where it means one sample.
exact as (
    select
        assays.dataset_id,
        assays.position,
        count(distinct names.sample_id) as n_samples,
        min(cast(names.sample_id as text)) as sample_id,
        case when count(distinct names.record_id) = 1 then min(cast(names.record_id as text)) end
            as record_id
    from assays
    inner join scopes
        on assays.dataset_id = scopes.dataset_id
    inner join names
        on
            scopes.scope = names.scope
            and names.name in (assays.name, assays.source_column)
    group by assays.dataset_id, assays.position
),

folded as (
    select
        assays.dataset_id,
        assays.position,
        count(distinct names.sample_id) as n_samples,
        min(cast(names.sample_id as text)) as sample_id,
        case when count(distinct names.record_id) = 1 then min(cast(names.record_id as text)) end
            as record_id
    from assays
    inner join scopes
        on assays.dataset_id = scopes.dataset_id
    inner join names
        on
            scopes.scope = names.scope
            and assays.folded_name = names.folded_name
    where
        not exists (
            select 1 from exact
            where
                exact.dataset_id = assays.dataset_id
                and exact.sample_id = cast(names.sample_id as text)
                and exact.n_samples = 1
        )
    group by assays.dataset_id, assays.position
),

found as (
    select
        assays.dataset_id,
        assays.position,
        assays.name,
        case
            when exact.n_samples = 1 then exact.sample_id
            when exact.n_samples is null and folded.n_samples = 1 then folded.sample_id
        end as sample_id,
        case
            when exact.n_samples = 1 then exact.record_id
            when exact.n_samples is null and folded.n_samples = 1 then folded.record_id
        end as record_id,
        case
            when exact.n_samples is not null then 'exact'
            when folded.n_samples is not null then 'folded'
        end as match
    from assays
    left join exact
        on
            assays.dataset_id = exact.dataset_id
            and assays.position = exact.position
    left join folded
        on
            assays.dataset_id = folded.dataset_id
            and assays.position = folded.position
),

-- One to one: two assays that claim one row of a sheet both lose it. Runs have a row each, so
-- several runs of one sample are told apart by their rows.
claimed as (
    select
        found.*,
        count(*) over (
            partition by found.dataset_id, coalesce(found.record_id, found.sample_id)
        ) as n_claims
    from found
),

-- Facts of the run alone, or labels of unknown meaning, make no sample.
told_by_file as (
    select *
    from assay_facts
    where
        factors is not null
        or fields - array['batch', 'run_order', 'technical_replicate'] <> '{}'
),

matched as (
    select
        claimed.dataset_id,
        claimed.position,
        claimed.name,
        case
            when claimed.sample_id is null or claimed.n_claims > 1 then null
            else cast(claimed.sample_id as uuid)
        end as sheet_sample_id,
        case when claimed.n_claims = 1 then cast(claimed.record_id as uuid) end as record_id,
        case
            when claimed.match is null then null
            when claimed.sample_id is null or claimed.n_claims > 1 then 'ambiguous'
            else claimed.match
        end as match,
        exists(
            select 1 from scopes
            where scopes.dataset_id = claimed.dataset_id
        ) as has_sample_table
    from claimed
)

select
    matched.dataset_id,
    matched.position,
    matched.name,
    matched.has_sample_table,
    -- Where no sheet speaks of the samples, what the file says of its assays makes them.
    coalesce(
        matched.sheet_sample_id,
        case
            when not matched.has_sample_table and told_by_file.position is not null
                then {{ surrogate_id([
                    "'sample'", "'dataset:' || cast(matched.dataset_id as text)",
                    'cast(matched.position as text)',
                ]) }}
        end
    ) as sample_id,
    matched.record_id,
    case
        when not matched.has_sample_table and told_by_file.position is not null then 'file'
        else matched.match
    end as match,
    coalesce(
        {{ study_variable('samples.fields') }},
        {{ study_variable('sample_rows.fields') }},
        assay_facts.factors,
        {{ study_variable('assay_facts.fields') }}
    ) as study_variable,
    coalesce(
        sample_rows.fields ->> 'batch', samples.fields ->> 'batch', assay_facts.fields ->> 'batch'
    ) as batch,
    coalesce(
        sample_rows.fields ->> 'run_order',
        samples.fields ->> 'run_order',
        assay_facts.fields ->> 'run_order'
    ) as run_order,
    assay_facts.fields as file_fields,
    assay_facts.attributes as file_attributes
from matched
left join samples
    on matched.sheet_sample_id = samples.sample_id
left join sample_rows
    on matched.record_id = sample_rows.record_id
left join assay_facts
    on
        matched.dataset_id = assay_facts.dataset_id
        and matched.position = assay_facts.position
left join told_by_file
    on
        matched.dataset_id = told_by_file.dataset_id
        and matched.position = told_by_file.position
