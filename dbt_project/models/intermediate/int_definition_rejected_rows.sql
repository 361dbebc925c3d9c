with current_versions as (
    select *
    from {{ ref('int_definition_versions') }}
    where is_current
),

rejected_rows as (
    {{ union_definitions('rejected_rows') }}
)

select distinct
    current_versions.source_name,
    rejected_rows.file_id as source_file_id,
    rejected_rows.row_number,
    rejected_rows.column_name,
    rejected_rows.raw_text,
    rejected_rows.reason_code,
    rejected_rows.message
from current_versions
inner join rejected_rows
    on
        current_versions.file_id = rejected_rows.file_id
        and current_versions.load_id = rejected_rows.load_id
