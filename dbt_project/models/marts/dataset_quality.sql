{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[{'columns': ['dataset_id', 'check_name'], 'unique': true}],
    meta={'distribute_by': 'dataset_id'},
) }}

-- Every check is one number, null where it does not apply.
-- Limits stand in the seed quality_thresholds and nowhere else.

with to_build as (
    {{ datasets_to_build() }}
),

files as (
    select * from {{ ref('int_files_unioned') }}
),

contexts as (
    select * from {{ ref('int_dataset_contexts') }}
),

checks as (
    select * from {{ ref('int_quality_checks') }}
),

settings as not materialized (
    select * from {{ ref('int_quality_settings') }}
),

dataset_features as not materialized (
    select * from {{ ref('dataset_features') }}
),

assays as not materialized (
    select * from {{ ref('assays') }}
),

group_words as (
    select * from {{ ref('int_study_groups') }}
),

contrasts as (
    select * from {{ ref('contrasts') }}
),

differential_results as not materialized (
    select * from {{ ref('differential_results') }}
),

-- Matrices -------------------------------------------------------------------------------------

feature_facts as (
    select
        dataset_features.dataset_id,
        count(*) as n_rows,
        count(dataset_features.feature_id) as n_named,
        count(distinct dataset_features.feature_id) as n_features,
        count(distinct dataset_features.feature_name_id) filter (
            where not dataset_features.is_contaminant and not dataset_features.is_decoy
        ) as n_names,
        count(distinct dataset_features.feature_name_id) filter (
            where
            dataset_features.is_mapped
            and not dataset_features.is_contaminant
            and not dataset_features.is_decoy
        ) as n_mapped,
        count(*) filter (where dataset_features.n_observed = 0) as n_empty,
        count(*) filter (
            where dataset_features.n_observed > 1 and dataset_features.sd = 0
        ) as n_constant,
        count(*) filter (
            where dataset_features.is_contaminant or dataset_features.is_decoy
        ) as n_contaminants,
        sum(dataset_features.mean * dataset_features.n_observed) as abundance,
        sum(dataset_features.mean * dataset_features.n_observed) filter (
            where dataset_features.is_contaminant or dataset_features.is_decoy
        ) as contaminant_abundance,
        sum(dataset_features.n_observed) as n_values,
        sum(cardinality(dataset_features.abundances)) as n_cells,
        avg(dataset_features.mean) as centre,
        stddev_pop(dataset_features.mean) as spread
    from to_build
    inner join dataset_features
        on to_build.dataset_id = dataset_features.dataset_id
    group by dataset_features.dataset_id
),

skews as materialized (
    select
        dataset_features.dataset_id,
        avg(
            power((dataset_features.mean - feature_facts.centre) / feature_facts.spread, 3)
        ) as skew
    from to_build
    inner join dataset_features
        on to_build.dataset_id = dataset_features.dataset_id
    inner join feature_facts
        on to_build.dataset_id = feature_facts.dataset_id
    where feature_facts.spread > 0
    group by dataset_features.dataset_id
),

-- Quantiles of a typical assay: the median over the assays.
assay_facts as (
    select
        assays.dataset_id,
        count(*) as n_assays,
        count(distinct regexp_replace(
            regexp_replace(lower(btrim(assays.name)), '[^[:alnum:]]+', '.', 'g'), '^x\.?', ''
        )) as n_names,
        max(assays.missing_fraction) as worst_missing_fraction,
        sum(assays.n_zeros) as n_zeros,
        sum(assays.n_negatives) as n_negatives,
        count(*) filter (where assays.is_outlier) as n_outliers,
        string_agg(assays.name, ', ' order by assays.position) filter (
            where assays.is_outlier
        ) as outliers,
        percentile_cont(0.5) within group (order by assays.abundance_quantiles[2]) as q001,
        percentile_cont(0.5) within group (order by assays.abundance_quantiles[6]) as q990,
        percentile_cont(0.5) within group (order by assays.abundance_quantiles[7]) as q999
    from to_build
    inner join assays
        on to_build.dataset_id = assays.dataset_id
    group by assays.dataset_id
),

-- The assays of each group, where there are two groups of two at least; pools and blanks are none.
assays_of_groups as (
    select
        assays.dataset_id,
        assays.study_variable,
        assays.position,
        count(*) over (partition by assays.dataset_id, assays.study_variable) as n_assays
    from to_build
    inner join assays
        on to_build.dataset_id = assays.dataset_id
    left join group_words
        on
            lower(btrim(assays.study_variable)) = group_words.word
            and group_words.role = 'ignored'
    where assays.study_variable is not null and group_words.word is null
),

with_groups as materialized (
    select assays_of_groups.dataset_id
    from assays_of_groups
    where assays_of_groups.n_assays > 1
    group by assays_of_groups.dataset_id
    having count(distinct assays_of_groups.study_variable) > 1
),

missing_by_group as materialized (
    select
        dataset_features.dataset_id,
        dataset_features.row_number,
        assays_of_groups.study_variable,
        count(*) as n_cells,
        count(*) - count(*) filter (where {{ is_finite('element.abundance') }}) as n_missing
    from with_groups
    inner join dataset_features
        on with_groups.dataset_id = dataset_features.dataset_id
    cross join
        lateral unnest(dataset_features.abundances)
        with ordinality as element (abundance, position)
    inner join assays_of_groups
        on
            dataset_features.dataset_id = assays_of_groups.dataset_id
            and element.position = assays_of_groups.position
    where assays_of_groups.n_assays > 1
    group by
        dataset_features.dataset_id, dataset_features.row_number, assays_of_groups.study_variable
),

least_missing as (
    select
        missing_by_group.dataset_id,
        missing_by_group.row_number,
        min({{ share('missing_by_group.n_missing', 'missing_by_group.n_cells') }}) as fraction
    from missing_by_group
    group by missing_by_group.dataset_id, missing_by_group.row_number
),

-- The rule of 80 % (Bijlsma 2006): a row counts as measured when one group at least holds it.
missing_in_groups as (
    select
        least_missing.dataset_id,
        {{ share(
            'count(*) filter (where least_missing.fraction > settings.group_missing_limit)',
            'count(*)'
        ) }} as missing_in_every_group
    from least_missing
    cross join settings
    group by least_missing.dataset_id
),

missing_of_groups as (
    select
        missing_by_group.dataset_id,
        missing_by_group.study_variable,
        {{ share('sum(missing_by_group.n_missing)', 'sum(missing_by_group.n_cells)') }} as fraction
    from missing_by_group
    group by missing_by_group.dataset_id, missing_by_group.study_variable
),

worst_groups as (
    select distinct on (missing_of_groups.dataset_id) missing_of_groups.*
    from missing_of_groups
    order by
        missing_of_groups.dataset_id asc,
        missing_of_groups.fraction desc,
        missing_of_groups.study_variable asc
),

-- Three signs of a linear scale; negative values are a sign of logarithms. One sign alone is no
-- verdict, except values that no logarithm reaches.
scale_signs as (
    select
        feature_facts.dataset_id,
        feature_facts.n_values >= settings.scale_min_values as is_decidable,
        assay_facts.q990 > settings.scale_log_limit as is_beyond_logarithms,
        cast(coalesce(skews.skew > settings.scale_skew, false) as integer)
        + cast(coalesce(assay_facts.q990 > settings.scale_log_limit, false) as integer)
        + cast(
            case
                when assay_facts.q001 > 0
                    then
                        log(assay_facts.q999) - log(assay_facts.q001) > settings.scale_decades
                else false
            end as integer
        ) as n_linear_signs,
        assay_facts.n_negatives > 0.01 * feature_facts.n_values as has_negatives
    from feature_facts
    inner join assay_facts
        on feature_facts.dataset_id = assay_facts.dataset_id
    left join skews
        on feature_facts.dataset_id = skews.dataset_id
    cross join settings
),

scale_verdicts as materialized (
    select
        scale_signs.dataset_id,
        case
            when not scale_signs.is_decidable then 'undecided'
            when scale_signs.is_beyond_logarithms then 'linear'
            when scale_signs.has_negatives then 'logarithmic'
            when scale_signs.n_linear_signs >= 2 then 'linear'
            when scale_signs.n_linear_signs = 0 then 'logarithmic'
            else 'undecided'
        end as verdict
    from scale_signs
),

-- Result tables --------------------------------------------------------------------------------

result_rows as (
    select
        differential_results.*,
        lower(contrasts.adjust_method) as adjust_method,
        coalesce(lower(contrasts.statistic_type), '') in ('f', 'lr', 'lrt', 'chi2', 'chisq')
            as is_unsigned
    from to_build
    inner join differential_results
        on to_build.dataset_id = differential_results.dataset_id
    inner join contrasts
        on
            differential_results.dataset_id = contrasts.dataset_id
            and differential_results.contrast_id = contrasts.contrast_id
),

result_facts as materialized (
    select
        result_rows.dataset_id,
        count(distinct result_rows.row_number) as n_rows,
        count(distinct result_rows.row_number) filter (
            where result_rows.is_contaminant or result_rows.is_decoy
        ) as n_contaminants,
        count(distinct result_rows.feature_name_id) filter (
            where not result_rows.is_contaminant and not result_rows.is_decoy
        ) as n_names,
        count(distinct result_rows.feature_name_id) filter (
            where
            result_rows.is_mapped
            and not result_rows.is_contaminant
            and not result_rows.is_decoy
        ) as n_mapped,
        count(result_rows.p_value) as n_p_values,
        count(*) filter (
            where result_rows.p_value not between 0 and 1
        ) as n_p_values_out_of_range,
        count(*) filter (where result_rows.p_value = 0) as n_p_values_zero,
        count(*) filter (where result_rows.p_value = 1) as n_p_values_one,
        count(result_rows.adjusted_p_value) as n_adjusted,
        count(*) filter (
            where result_rows.adjusted_p_value not between 0 and 1
        ) as n_adjusted_out_of_range,
        count(*) filter (
            where
            result_rows.adjust_method ~ '(bh|benjamini|fdr|bonferroni|holm|hochberg)'
            and result_rows.adjusted_p_value is not null
            and result_rows.p_value is not null
        ) as n_comparable_adjusted,
        count(*) filter (
            where
            result_rows.adjust_method ~ '(bh|benjamini|fdr|bonferroni|holm|hochberg)'
            and result_rows.adjusted_p_value
            < result_rows.p_value * (1 - settings.p_value_rounding)
        ) as n_adjusted_below,
        count(result_rows.log2_fold_change) as n_fold_changes,
        min(result_rows.log2_fold_change) as least_fold_change,
        max(abs(result_rows.log2_fold_change)) as largest_fold_change,
        percentile_cont(0.5) within group (
            order by abs(result_rows.log2_fold_change)
        ) as typical_fold_change,
        count(*) filter (
            where
            not result_rows.is_unsigned
            and result_rows.statistic <> 0
            and result_rows.log2_fold_change <> 0
        ) as n_signed,
        count(*) filter (
            where
            not result_rows.is_unsigned
            and result_rows.statistic <> 0
            and result_rows.log2_fold_change <> 0
            and sign(result_rows.statistic) <> sign(result_rows.log2_fold_change)
        ) as n_sign_disagrees,
        count(*) filter (
            where
            not result_rows.is_unsigned
            and result_rows.std_error > 0
            and result_rows.statistic <> 0
            and result_rows.log2_fold_change is not null
        ) as n_ratios,
        count(*) filter (
            where
            not result_rows.is_unsigned
            and result_rows.std_error > 0
            and abs(
                result_rows.statistic - result_rows.log2_fold_change / result_rows.std_error
            ) > settings.statistic_rounding * abs(result_rows.statistic)
        ) as n_not_ratio
    from result_rows
    cross join settings
    group by result_rows.dataset_id
),

-- Names of both shapes -------------------------------------------------------------------------

reported_names as (
    select
        to_build.dataset_id,
        btrim(dataset_features.reported_name) as name
    from to_build
    inner join dataset_features
        on to_build.dataset_id = dataset_features.dataset_id
    where to_build.feature_type in ('gene', 'transcript', 'protein')
    union all
    select
        to_build.dataset_id,
        btrim(differential_results.reported_name) as name
    from to_build
    inner join differential_results
        on to_build.dataset_id = differential_results.dataset_id
    where to_build.feature_type in ('gene', 'transcript', 'protein')
),

-- A whole number is a spreadsheet date only among names: a column of numbers holds identifiers.
name_facts as materialized (
    select
        reported_names.dataset_id,
        count(*) as n_names,
        count(*) filter (where reported_names.name ~ '^[0-9]+$') as n_integers,
        count(*) filter (where reported_names.name ~ '^(3[6-9]|4[0-9])[0-9]{3}$') as n_serials,
        count(*) filter (
            where reported_names.name ~* concat(
                '^([0-9]{1,2}-(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)',
                '|(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)-[0-9]{1,4}',
                '|[0-9]{1,2}/[0-9]{1,2}(/[0-9]{2,4})?',
                '|[0-9]{4}-[0-9]{2}-[0-9]{2}( 00:00:00)?',
                '|[0-9](\.[0-9]+)?e\+[0-9]{2})$'
            )
        ) as n_dates
    from reported_names
    group by reported_names.dataset_id
),

-- One row per dataset, then one row per check --------------------------------------------------

measured as (
    select
        to_build.dataset_id,
        to_build.file_id as source_file_id,
        measured_checks.check_name,
        cast(measured_checks.value as double precision) as value,
        measured_checks.detail
    from to_build
    inner join files
        on
            to_build.file_id = files.file_id
            and to_build.load_id = files.load_id
            and to_build.source_name = files.source_name
    inner join contexts
        on to_build.dataset_id = contexts.dataset_id
    cross join settings
    left join feature_facts
        on to_build.dataset_id = feature_facts.dataset_id
    left join assay_facts
        on to_build.dataset_id = assay_facts.dataset_id
    left join missing_in_groups
        on to_build.dataset_id = missing_in_groups.dataset_id
    left join worst_groups
        on to_build.dataset_id = worst_groups.dataset_id
    left join scale_verdicts
        on to_build.dataset_id = scale_verdicts.dataset_id
    left join result_facts
        on to_build.dataset_id = result_facts.dataset_id
    left join name_facts
        on to_build.dataset_id = name_facts.dataset_id
    cross join
        lateral (
            values (
            {{ share(
                'coalesce(feature_facts.n_mapped, result_facts.n_mapped)',
                'coalesce(feature_facts.n_names, result_facts.n_names)'
            ) }}
            )
        ) as mapping (rate)
    cross join lateral (
        values
        (
            'duplicate_features',
            {{ share(
                'feature_facts.n_named - feature_facts.n_features', 'feature_facts.n_named'
            ) }},
            null
        ),
        ('duplicate_assay_names', assay_facts.n_assays - assay_facts.n_names, null),
        (
            'negative_on_linear_scale',
            case when to_build.value_scale = 'linear' then assay_facts.n_negatives end,
            null
        ),
        (
            'missing_overall',
            1 - {{ share('feature_facts.n_values', 'feature_facts.n_cells') }},
            null
        ),
        ('missing_in_worst_assay', assay_facts.worst_missing_fraction, null),
        ('missing_in_worst_group', worst_groups.fraction, worst_groups.study_variable),
        ('missing_in_every_group', missing_in_groups.missing_in_every_group, null),
        ('empty_features', {{ share('feature_facts.n_empty', 'feature_facts.n_rows') }}, null),
        (
            'constant_features',
            {{ share('feature_facts.n_constant', 'feature_facts.n_rows') }},
            null
        ),
        (
            'zeros_may_be_missing',
            case
                when to_build.value_scale <> 'linear' or to_build.zero_is_missing then null
                when feature_facts.n_values < feature_facts.n_cells then 0
                else {{ share('assay_facts.n_zeros', 'feature_facts.n_values') }}
            end,
            null
        ),
        (
            'scale_disagrees',
            case
                when to_build.value_scale = 'unknown' or feature_facts.n_rows is null then null
                when scale_verdicts.verdict = 'linear' and to_build.value_scale <> 'linear' then 1
                when scale_verdicts.verdict = 'logarithmic' and to_build.value_scale = 'linear'
                    then 1
                else 0
            end,
            'declared ' || to_build.value_scale || ', values look ' || scale_verdicts.verdict
        ),
        ('outlier_assays', assay_facts.n_outliers, assay_facts.outliers),
        ('mapped_names', mapping.rate, contexts.taxon),
        {%- for check, condition in {
            'identifiers': "contexts.feature_type in ('gene', 'transcript') "
                ~ "and contexts.name_type not in ('name', 'probe')",
            'symbols': "contexts.feature_type in ('gene', 'transcript') "
                ~ "and contexts.name_type = 'name'",
            'proteins': "contexts.feature_type = 'protein'",
            'metabolites': "contexts.feature_type = 'metabolite' and not contexts.is_lipid",
            'lipids': "contexts.is_lipid",
        }.items() %}
            (
                'mapping_rate_{{ check }}',
                case when contexts.has_reference and {{ condition }} then mapping.rate end,
                contexts.taxon
            ),
        {%- endfor %}
        (
            'contaminant_rows',
            coalesce(
                {{ share('feature_facts.n_contaminants', 'feature_facts.n_rows') }},
                {{ share('result_facts.n_contaminants', 'result_facts.n_rows') }}
            ),
            null
        ),
        (
            'contaminant_abundance',
            case
                when to_build.value_scale = 'linear' and feature_facts.abundance > 0
                    then coalesce(feature_facts.contaminant_abundance, 0) / feature_facts.abundance
            end,
            null
        ),
        (
            'excel_mangled_names',
            {{ share(
                'name_facts.n_dates + case when 2 * name_facts.n_integers < name_facts.n_names '
                ~ 'then name_facts.n_serials else 0 end',
                'name_facts.n_names',
            ) }},
            null
        ),
        ('rejected_rows', {{ share('files.rows_rejected', 'files.rows_read') }}, null),
        (
            'p_value_out_of_range',
            case when result_facts.n_p_values > 0 then result_facts.n_p_values_out_of_range end,
            null
        ),
        (
            'adjusted_p_value_out_of_range',
            case when result_facts.n_adjusted > 0 then result_facts.n_adjusted_out_of_range end,
            null
        ),
        (
            'adjusted_p_value_below_p_value',
            case when result_facts.n_comparable_adjusted > 0 then result_facts.n_adjusted_below end,
            null
        ),
        (
            'sign_disagrees',
            {{ share('result_facts.n_sign_disagrees', 'result_facts.n_signed') }},
            null
        ),
        (
            'statistic_is_not_ratio',
            {{ share('result_facts.n_not_ratio', 'result_facts.n_ratios') }},
            null
        ),
        ('largest_fold_change', result_facts.largest_fold_change, null),
        ('typical_fold_change', result_facts.typical_fold_change, null),
        (
            'all_fold_changes_positive',
            case
                when result_facts.n_fold_changes >= settings.fold_change_min_rows
                    then cast(
                        result_facts.least_fold_change >= 0
                        and result_facts.largest_fold_change > 0 as integer
                    )
            end,
            null
        ),
        (
            'p_values_zero',
            {{ share('result_facts.n_p_values_zero', 'result_facts.n_p_values') }},
            null
        ),
        (
            'p_values_one',
            {{ share('result_facts.n_p_values_one', 'result_facts.n_p_values') }},
            null
        )
    ) as measured_checks (check_name, value, detail)
),

-- How assays and samples fit, where a sheet describes the samples
sample_facts as (
    select * from {{ ref('int_quality_samples') }}
),

all_measured as (
    select * from measured
    union all
    select
        to_build.dataset_id,
        to_build.file_id as source_file_id,
        sample_facts.check_name,
        sample_facts.value,
        sample_facts.detail
    from to_build
    inner join sample_facts
        on to_build.dataset_id = sample_facts.dataset_id
),

judged as (
    select
        measured.dataset_id,
        measured.source_file_id,
        measured.check_name,
        measured.value,
        measured.detail,
        checks.description,
        coalesce(
            case when measured.value > checks.fail_above then checks.fail_above end,
            case when measured.value < checks.fail_below then checks.fail_below end,
            checks.warn_above,
            checks.warn_below,
            checks.fail_above,
            checks.fail_below
        ) as threshold,
        case
            when measured.value is null then 'not_applicable'
            when measured.value > checks.fail_above then 'fail'
            when measured.value < checks.fail_below then 'fail'
            when measured.value > checks.warn_above then 'warn'
            when measured.value < checks.warn_below then 'warn'
            when
                coalesce(
                    checks.warn_above, checks.fail_above, checks.warn_below, checks.fail_below
                ) is null
                then 'info'
            else 'pass'
        end as status
    from all_measured as measured
    inner join checks
        on measured.check_name = checks.check_name
)

select
    judged.dataset_id,
    judged.check_name,
    judged.source_file_id,
    judged.status,
    judged.value,
    judged.threshold,
    case
        when judged.status = 'not_applicable' then judged.description || ': does not apply'
        else concat_ws(
            '; ',
            judged.description || ': ' || cast(round(cast(judged.value as numeric), 6) as text),
            case
                when judged.status in ('warn', 'fail')
                    then 'the limit is ' || cast(judged.threshold as text)
            end,
            nullif(judged.detail, '')
        )
    end as message
from judged
