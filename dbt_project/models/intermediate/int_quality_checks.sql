-- The limits of every check of dataset_quality. Thresholds stand here and, where a check needs a
-- number inside, in int_quality_settings, and nowhere else. A value above warn_above warns, above
-- fail_above fails; a check without limits only informs.

with checks (check_name, warn_above, fail_above, description) as (
    values
    (
        'duplicate_features', 0.05, null,
        'Share of the named rows of a matrix whose feature stands in another row too'
    ),
    (
        'duplicate_assay_names', null, 0,
        'Assays named like another once case, punctuation and a leading X are folded'
    ),
    (
        'negative_on_linear_scale', null, 0,
        'Values below zero in a matrix whose scale is linear'
    ),
    ('missing_overall', null, null, 'Share of the cells of a matrix without a value'),
    ('missing_in_worst_assay', 0.5, null, 'Largest share of missing values of an assay'),
    ('empty_features', null, null, 'Share of the rows of a matrix without any value'),
    (
        'constant_features', null, null,
        'Share of the rows of a matrix whose values are all equal'
    ),
    (
        'zeros_may_be_missing', null, null,
        'Share of zeros in a matrix that has zeros but no missing value'
    ),
    ('scale_disagrees', null, 0, '1 when the values contradict the declared scale'),
    (
        'outlier_assays', 0, null,
        'Assays that are far from the others in count or median of values'
    ),
    ('contaminant_rows', null, null, 'Share of the rows marked as contaminant or decoy'),
    (
        'contaminant_abundance', 0.1, null,
        'Share of the summed abundance of a linear matrix that contaminants and decoys hold'
    ),
    (
        'excel_mangled_names', 0, 0.005,
        'Share of gene, transcript or protein names that a spreadsheet turned into a date or number'
    ),
    ('rejected_rows', 0, 0.05, 'Share of the rows of the file that could not be read'),
    ('p_value_out_of_range', null, 0, 'p-values outside of 0 to 1'),
    ('adjusted_p_value_out_of_range', null, 0, 'Adjusted p-values outside of 0 to 1'),
    (
        'adjusted_p_value_below_p_value', null, 0,
        'Rows with an adjusted p-value below the p-value, where the method never lowers it'
    ),
    (
        'sign_disagrees', null, 0.01,
        'Share of the rows where statistic and fold change have different signs'
    ),
    (
        'statistic_is_not_ratio', null, null,
        'Share of the rows where statistic is not fold change over error (shrunken ones)'
    ),
    ('largest_fold_change', 20, null, 'Largest absolute log2 fold change'),
    (
        'typical_fold_change', 3, null,
        'Median absolute log2 fold change (linear ratios taken for logarithms)'
    ),
    (
        'all_fold_changes_positive', null, 0,
        '1 when no log2 fold change is negative (ratios taken for logarithms)'
    ),
    ('p_values_zero', 0.01, null, 'Share of the p-values that are exactly 0'),
    (
        'assays_without_sample', null, 0,
        'Assays that no sample of the sample table fits, where there is one'
    ),
    ('ambiguous_assay_names', null, 0, 'Assays whose name fits several samples'),
    (
        'samples_without_assay', 0, null,
        'Samples of the sample table that no assay of the dataset measured'
    ),
    (
        'sample_name_collisions', null, 0,
        'Samples named like another once case, punctuation and a leading X are folded'
    ),
    ('p_values_one', null, null, 'Share of the p-values that are exactly 1')
)

select
    checks.check_name,
    cast(checks.warn_above as double precision) as warn_above,
    cast(checks.fail_above as double precision) as fail_above,
    checks.description
from checks
