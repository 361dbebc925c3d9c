-- Numbers that checks need inside, one row of them.

select
    -- Robust z beyond which an assay is an outlier
    cast(3.5 as double precision) as assay_robust_z,
    -- Fewer assays allow no verdict on outliers
    cast(5 as double precision) as assay_outlier_min_assays,
    -- An assay with few values is an outlier only below this share under the median count
    cast(0.1 as double precision) as assay_outlier_min_shortfall,
    -- Fewer values allow no verdict on the scale
    cast(50 as double precision) as scale_min_values,
    -- Skewness of the feature means above which values look linear
    cast(2 as double precision) as scale_skew,
    -- Decades between the 0.1 % and 99.9 % quantile above which values look linear
    cast(2 as double precision) as scale_decades,
    -- Logarithms do not reach this value; a larger 99 % quantile means linear
    cast(100 as double precision) as scale_log_limit,
    -- Fewer fold changes allow no verdict on their signs
    cast(20 as double precision) as fold_change_min_rows,
    -- Relative difference between two p-values that rounding explains
    cast(0.005 as double precision) as p_value_rounding,
    -- Relative difference between two statistics that rounding explains
    cast(0.001 as double precision) as statistic_rounding
