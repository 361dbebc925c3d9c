{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[
        {'columns': ['dataset_id', 'contrast_id', 'row_number'], 'unique': true},
    ],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

contrasts as (
    select *
    from {{ ref('contrasts') }}
    where is_derived
),

assays as (
    select * from {{ ref('assays') }}
),

dataset_features as (
    select * from {{ ref('dataset_features') }}
),

files as (
    select * from {{ ref('int_files_unioned') }}
),

compared as (
    select
        contrasts.dataset_id,
        contrasts.contrast_id,
        to_build.value_scale,
        coalesce(lower(files.quantity) like '%count%', false) as is_count,
        array_agg(assays.position) filter (
            where assays.study_variable = contrasts.numerator
        ) as above,
        array_agg(assays.position) filter (
            where assays.study_variable = contrasts.denominator
        ) as below
    from to_build
    inner join contrasts
        on to_build.dataset_id = contrasts.dataset_id
    inner join assays
        on to_build.dataset_id = assays.dataset_id
    inner join files
        on
            to_build.file_id = files.file_id
            and to_build.load_id = files.load_id
            and to_build.source_name = files.source_name
    group by
        contrasts.dataset_id, contrasts.contrast_id, to_build.value_scale, files.quantity
),

-- Everything on the log2 scale. One is added to counts, whose zeros are values; elsewhere there is
-- no logarithm of a zero.
measured as (
    select
        compared.dataset_id,
        compared.contrast_id,
        dataset_features.row_number,
        dataset_features.feature_id,
        dataset_features.reported_name,
        dataset_features.is_contaminant,
        dataset_features.is_decoy,
        dataset_features.is_internal_standard,
        dataset_features.mean as mean_abundance,
        element.position = any(compared.above) as is_above,
        case
            when not ({{ is_finite('element.abundance') }}) then null
            when compared.value_scale = 'log2' then element.abundance
            when compared.value_scale = 'log10'
                then
                    element.abundance * ln(cast(10 as double precision))
                    / ln(cast(2 as double precision))
            when compared.value_scale = 'ln'
                then element.abundance / ln(cast(2 as double precision))
            when compared.is_count and element.abundance >= 0
                then ln(element.abundance + 1) / ln(cast(2 as double precision))
            when element.abundance > 0
                then ln(element.abundance) / ln(cast(2 as double precision))
        end as log2_abundance
    from compared
    inner join dataset_features
        on compared.dataset_id = dataset_features.dataset_id
    cross join
        lateral unnest(dataset_features.abundances)
        with ordinality as element (abundance, position)
    where element.position = any(compared.above || compared.below)
),

summarised as (
    select
        measured.dataset_id,
        measured.contrast_id,
        measured.row_number,
        measured.feature_id,
        measured.reported_name,
        measured.is_contaminant,
        measured.is_decoy,
        measured.is_internal_standard,
        measured.mean_abundance,
        count(measured.log2_abundance) filter (where measured.is_above) as n_above,
        count(measured.log2_abundance) filter (where not measured.is_above) as n_below,
        avg(measured.log2_abundance) filter (where measured.is_above)
        - avg(measured.log2_abundance) filter (where not measured.is_above) as difference,
        var_samp(measured.log2_abundance) filter (where measured.is_above) as variance_above,
        var_samp(measured.log2_abundance) filter (where not measured.is_above) as variance_below
    from measured
    group by
        measured.dataset_id,
        measured.contrast_id,
        measured.row_number,
        measured.feature_id,
        measured.reported_name,
        measured.is_contaminant,
        measured.is_decoy,
        measured.is_internal_standard,
        measured.mean_abundance
),

-- Welch's t with the degrees of freedom of Satterthwaite. Without spread there is no test.
errors as (
    select
        summarised.*,
        summarised.variance_above / nullif(summarised.n_above, 0) as error_above,
        summarised.variance_below / nullif(summarised.n_below, 0) as error_below
    from summarised
),

tested as (
    select
        errors.*,
        sqrt(nullif(errors.error_above + errors.error_below, 0)) as std_error,
        power(nullif(errors.error_above + errors.error_below, 0), 2) / nullif(
            power(errors.error_above, 2) / nullif(errors.n_above - 1, 0)
            + power(errors.error_below, 2) / nullif(errors.n_below - 1, 0),
            0
        ) as degrees_of_freedom
    from errors
),

with_p as materialized (
    select
        tested.*,
        tested.difference / tested.std_error as statistic,
        stats.student_p(tested.difference / tested.std_error, tested.degrees_of_freedom)
            as p_value
    from tested
),

ordered as (
    select
        with_p.*,
        {{ benjamini_hochberg_rank('with_p.p_value', ['with_p.contrast_id']) }}
    from with_p
)

select
    ordered.dataset_id,
    ordered.contrast_id,
    ordered.row_number,
    ordered.feature_id,
    ordered.reported_name,
    ordered.difference as log2_fold_change,
    ordered.std_error,
    ordered.statistic,
    ordered.degrees_of_freedom,
    ordered.p_value,
    {{ benjamini_hochberg('ordered.p_value', ['ordered.contrast_id'], 'ordered') }}
        as adjusted_p_value,
    ordered.mean_abundance,
    cast(ordered.n_above as integer) as n_numerator,
    cast(ordered.n_below as integer) as n_denominator,
    ordered.is_contaminant,
    ordered.is_decoy,
    ordered.is_internal_standard
from ordered
