with study_groups as (
    select * from {{ ref('study_groups') }}
)

select
    study_groups.word,
    study_groups.role
from study_groups
