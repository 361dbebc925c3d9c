{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[{'columns': ['dataset_id', 'rejected_row_id'], 'unique': true}],
    meta={'distribute_by': 'dataset_id'},
) }}

with to_build as (
    {{ datasets_to_build() }}
),

rejected_rows as (
    select * from {{ ref('int_rejected_rows_unioned') }}
),

-- Two equal rejects of one place are one reject.
distinct_rejects as (
    select distinct
        to_build.dataset_id,
        to_build.source_name,
        to_build.file_id as source_file_id,
        rejected_rows.row_number,
        rejected_rows.column_name,
        rejected_rows.raw_text,
        rejected_rows.reason_code,
        rejected_rows.message
    from to_build
    inner join rejected_rows
        on
            to_build.file_id = rejected_rows.file_id
            and to_build.load_id = rejected_rows.load_id
    where {{ of_changed_files('rejected_rows.file_id') }}
)

select
    distinct_rejects.dataset_id,
    cast(
        md5(cast((
            distinct_rejects.dataset_id,
            distinct_rejects.row_number,
            distinct_rejects.column_name,
            distinct_rejects.raw_text,
            distinct_rejects.reason_code,
            distinct_rejects.message
        ) as text)) as uuid
    ) as rejected_row_id,
    distinct_rejects.source_name,
    distinct_rejects.source_file_id,
    distinct_rejects.row_number,
    distinct_rejects.column_name,
    distinct_rejects.raw_text,
    distinct_rejects.reason_code,
    distinct_rejects.message
from distinct_rejects
