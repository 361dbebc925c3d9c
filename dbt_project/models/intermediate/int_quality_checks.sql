-- A value above warn_above or below warn_below warns, beyond the limits of fail_ it fails; a check
-- without limits only informs.

with thresholds as (
    select * from {{ ref('quality_thresholds') }}
)

select
    thresholds.name as check_name,
    thresholds.warn_above,
    thresholds.fail_above,
    thresholds.warn_below,
    thresholds.fail_below,
    thresholds.description
from thresholds
where thresholds.kind = 'check'
