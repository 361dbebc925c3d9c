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
        {'columns': ['dataset_id', 'contrast_id', 'row_number'], 'unique': true},
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

result_rows as (
    select * from {{ ref('int_result_rows_unioned') }}
),

feature_names as (
    select * from {{ ref('int_feature_names_resolved') }}
),

contrasts as (
    select * from {{ ref('contrasts') }}
),

-- One fold change on the log2 scale, from whichever the file gives. Its error follows its scale.
converted as (
    select
        to_build.dataset_id,
        contrasts.contrast_id,
        result_rows.row_number,
        feature_names.feature_name_id,
        feature_names.feature_id,
        feature_names.member_feature_ids,
        coalesce(feature_names.is_mapped, false) as is_mapped,
        to_build.file_id as source_file_id,
        result_rows.reported_name,
        case
            when result_rows.log2_fold_change is not null then result_rows.log2_fold_change
            when result_rows.ln_fold_change is not null
                then result_rows.ln_fold_change / ln(cast(2 as double precision))
            when result_rows.fold_change > 0
                then ln(result_rows.fold_change) / ln(cast(2 as double precision))
            when result_rows.fold_change = 0 then cast('-Infinity' as double precision)
        end as log2_fold_change,
        coalesce(
            result_rows.log2_fold_change is null
            and result_rows.ln_fold_change is null
            and result_rows.fold_change < 0,
            false
        ) as has_negative_ratio,
        case
            when result_rows.log2_fold_change is null and result_rows.ln_fold_change is not null
                then result_rows.std_error / ln(cast(2 as double precision))
            else result_rows.std_error
        end as std_error,
        result_rows.statistic,
        contrasts.statistic_type,
        result_rows.degrees_of_freedom,
        coalesce(
            result_rows.p_value,
            case
                when result_rows.neg_log10_p_value > 323 then 0
                when result_rows.neg_log10_p_value > -300
                    then power(cast(10 as double precision), -result_rows.neg_log10_p_value)
            end
        ) as p_value,
        result_rows.adjusted_p_value,
        result_rows.mean_abundance,
        result_rows.log_odds,
        nullif(btrim(result_rows.result_flag), '') as reported_flag,
        result_rows.is_contaminant,
        result_rows.is_decoy,
        result_rows.is_internal_standard,
        result_rows.annotations
    from to_build
    inner join result_rows
        on
            to_build.file_id = result_rows.file_id
            and to_build.load_id = result_rows.load_id
    inner join contrasts
        on
            to_build.dataset_id = contrasts.dataset_id
            and result_rows.contrast_position = contrasts.position
    inner join contexts
        on to_build.dataset_id = contexts.dataset_id
    left join feature_names
        on
            result_rows.reported_name = feature_names.reported_name
            and contexts.feature_type = feature_names.feature_type
            and {{ row_context('contexts', 'result_rows') }} = feature_names.context
    where {{ of_changed_files('result_rows.file_id') }}
)

select
    converted.dataset_id,
    converted.contrast_id,
    converted.row_number,
    converted.feature_id,
    converted.member_feature_ids,
    converted.feature_name_id,
    converted.source_file_id,
    converted.reported_name,
    {{ finite('converted.log2_fold_change') }} as log2_fold_change,
    {{ finite('converted.std_error') }} as std_error,
    {{ finite('converted.statistic') }} as statistic,
    converted.statistic_type,
    {{ finite('converted.degrees_of_freedom') }} as degrees_of_freedom,
    {{ finite('converted.p_value') }} as p_value,
    {{ finite('converted.adjusted_p_value') }} as adjusted_p_value,
    {{ finite('converted.mean_abundance') }} as mean_abundance,
    {{ finite('converted.log_odds') }} as log_odds,
    nullif(
        concat_ws(
            '; ',
            converted.reported_flag,
            case
                when
                    converted.log2_fold_change in (
                        cast('Infinity' as double precision), cast('-Infinity' as double precision)
                    )
                    then 'infinite_fold_change'
            end,
            case when converted.has_negative_ratio then 'negative_ratio' end
        ), ''
    ) as result_flag,
    converted.is_contaminant,
    converted.is_decoy,
    converted.is_internal_standard,
    converted.is_mapped,
    converted.annotations
from converted
