{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['source_file_version_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['source_file_version_id'], 'unique': true}],
) }}

with dataset_versions as (
    select * from {{ ref('int_dataset_versions') }}
),

files as (
    select * from {{ ref('int_files_unioned') }}
),

definition_versions as (
    select * from {{ ref('int_definition_versions') }}
),

definition_files as (
    select * from {{ ref('int_definition_files_unioned') }}
),

quarantined as (
    select * from {{ ref('int_files_quarantined') }}
),

landed as (
    select
        {{ surrogate_id([
            "'source_file'", 'dataset_versions.file_id', 'dataset_versions.load_id'
        ]) }} as source_file_version_id,
        dataset_versions.dataset_id,
        files.file_id as source_file_id,
        cast(null as text) as quarantine_id,
        files.source_path as path,
        files.source_root,
        files.part,
        files.sha256,
        files.size_bytes,
        files.modified_at,
        files.source_name,
        coalesce(files.omics_type, files.source_name) as omics_type,
        files.omics_type_evidence,
        files.format,
        files.format_fingerprint as fingerprint,
        files.reader_version,
        case
            when dataset_versions.is_removed then 'removed'
            when not dataset_versions.is_current then 'superseded'
            when dataset_versions.is_source_missing then 'source_missing'
            else 'loaded'
        end as status,
        cast(null as text) as reason,
        files.rows_read,
        files.rows_landed,
        files.rows_rejected,
        files.rows_skipped_by_rule as rows_skipped,
        files.load_id,
        files.run_id,
        files.loaded_at
    from dataset_versions
    inner join files
        on
            dataset_versions.file_id = files.file_id
            and dataset_versions.load_id = files.load_id
            and dataset_versions.source_name = files.source_name
),

definitions as (
    select
        {{ surrogate_id([
            "'source_file'", 'definition_versions.file_id', 'definition_versions.load_id'
        ]) }} as source_file_version_id,
        cast(null as uuid) as dataset_id,
        files.file_id as source_file_id,
        cast(null as text) as quarantine_id,
        files.source_path as path,
        files.source_root,
        files.part,
        files.sha256,
        files.size_bytes,
        files.modified_at,
        files.source_name,
        cast(null as text) as omics_type,
        files.omics_type_evidence,
        files.format,
        files.format_fingerprint as fingerprint,
        files.reader_version,
        case
            when definition_versions.is_removed then 'removed'
            when not definition_versions.is_current then 'superseded'
            when definition_versions.is_source_missing then 'source_missing'
            else 'loaded'
        end as status,
        cast(null as text) as reason,
        files.rows_read,
        files.rows_landed,
        files.rows_rejected,
        files.rows_skipped_by_rule as rows_skipped,
        files.load_id,
        files.run_id,
        files.loaded_at
    from definition_versions
    inner join definition_files as files
        on
            definition_versions.file_id = files.file_id
            and definition_versions.load_id = files.load_id
            and definition_versions.source_name = files.source_name
),

not_understood as (
    select
        {{ surrogate_id(["'quarantine'", 'quarantined.quarantine_id']) }} as source_file_version_id,
        cast(null as uuid) as dataset_id,
        cast(null as bigint) as source_file_id,
        quarantined.quarantine_id,
        quarantined.source_path as path,
        quarantined.source_root,
        cast(null as text) as part,
        quarantined.sha256,
        quarantined.size_bytes,
        quarantined.modified_at,
        quarantined.omics_type as source_name,
        quarantined.omics_type,
        cast(null as jsonb) as omics_type_evidence,
        cast(null as text) as format,
        cast(null as text) as fingerprint,
        quarantined.reader_version,
        'quarantined' as status,
        quarantined.reason,
        quarantined.rows_read,
        cast(0 as bigint) as rows_landed,
        cast(null as bigint) as rows_rejected,
        cast(null as jsonb) as rows_skipped,
        cast(null as text) as load_id,
        quarantined.run_id,
        cast(null as timestamptz) as loaded_at
    from quarantined
)

select * from landed
union all
select * from definitions
union all
select * from not_understood
