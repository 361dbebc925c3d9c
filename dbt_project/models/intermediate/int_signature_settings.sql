with settings as (
    select * from {{ ref('signature_settings') }}
)

select
    settings.min_matched,
    settings.min_coverage,
    settings.correlation,
    settings.significant_adjusted_p,
    settings.significant_log2_fold_change,
    settings.min_group_size
from settings
