with settings as (
    select *
    from {{ ref('quality_thresholds') }}
    where kind = 'setting'
)

select
    max(settings.value) filter (where settings.name = 'assay_robust_z') as assay_robust_z,
    max(settings.value) filter (where settings.name = 'assay_outlier_min_assays')
        as assay_outlier_min_assays,
    max(settings.value) filter (where settings.name = 'assay_outlier_min_shortfall')
        as assay_outlier_min_shortfall,
    max(settings.value) filter (where settings.name = 'group_missing_limit') as group_missing_limit,
    max(settings.value) filter (where settings.name = 'scale_min_values') as scale_min_values,
    max(settings.value) filter (where settings.name = 'scale_skew') as scale_skew,
    max(settings.value) filter (where settings.name = 'scale_decades') as scale_decades,
    max(settings.value) filter (where settings.name = 'scale_log_limit') as scale_log_limit,
    max(settings.value) filter (where settings.name = 'fold_change_min_rows')
        as fold_change_min_rows,
    max(settings.value) filter (where settings.name = 'p_value_rounding') as p_value_rounding,
    max(settings.value) filter (where settings.name = 'statistic_rounding') as statistic_rounding
from settings
