{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_name', 'load_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['source_name', 'load_id'], 'unique': true}],
) }}

with files as (
    select * from {{ ref('int_files_unioned') }}
    union all
    select * from {{ ref('int_definition_files_unioned') }}
)

select
    files.source_name,
    files.load_id,
    min(files.run_id) as run_id,
    max(files.load_finished_at) as finished_at,
    count(*) filter (where files.omics_type is not null) as n_datasets,
    count(distinct files.source_path) as n_files,
    cast(sum(files.rows_read) as bigint) as rows_read,
    cast(sum(files.rows_landed) as bigint) as rows_landed,
    cast(sum(files.rows_rejected) as bigint) as rows_rejected,
    cast(sum(files.n_values) as bigint) as n_values
from files
group by files.source_name, files.load_id
