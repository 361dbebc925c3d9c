select * from {{ ref('study_groups') }}
