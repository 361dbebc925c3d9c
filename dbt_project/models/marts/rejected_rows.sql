{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['rejected_row_id'],
    on_schema_change='append_new_columns',
    replaces='{{ rejects_of_this_run() }}',
    indexes=[
        {'columns': ['rejected_row_id'], 'unique': true},
        {'columns': ['dataset_id']},
        {'columns': ['source_file_id']},
    ],
) }}

-- depends_on: {{ ref('int_datasets_changed') }}
-- A table, although it only puts two others together: a build that fails leaves it as it was.
with of_datasets as (
    select rejected_rows.*
    from {{ ref('int_dataset_rejected_rows') }} as rejected_rows
    {% if is_incremental() %}
        inner join {{ ref('int_datasets_changed') }} as changed
            on rejected_rows.dataset_id = changed.dataset_id
    {% endif %}
),

of_definitions as (
    select * from {{ ref('int_definition_rejected_rows') }}
    union all
    select * from {{ ref('int_sheet_problems') }}
)

select
    of_datasets.dataset_id,
    of_datasets.rejected_row_id,
    of_datasets.source_name,
    of_datasets.source_file_id,
    of_datasets.row_number,
    of_datasets.column_name,
    of_datasets.raw_text,
    of_datasets.reason_code,
    of_datasets.message
from of_datasets
union all
select
    cast(null as uuid) as dataset_id,
    cast(md5(cast(of_definitions as text)) as uuid) as rejected_row_id,
    of_definitions.source_name,
    of_definitions.source_file_id,
    of_definitions.row_number,
    of_definitions.column_name,
    of_definitions.raw_text,
    of_definitions.reason_code,
    of_definitions.message
from of_definitions
