{{ config(materialized='table') }}

with resolved as (
    select *
    from {{ ref('int_sheet_files_resolved') }}
    where
        kind = 'dataset'
        and outcome = 'found'
),

records as (
    select * from {{ ref('int_sheet_records') }}
),

-- A row may name a file twice, by name and by glob.
named as (
    select
        resolved.record_id,
        resolved.dataset_id,
        min(resolved.closeness) as closeness,
        max(resolved.named_file) as named_file,
        bool_or(resolved.has_several_files) as has_several_files,
        max(resolved.n_datasets) as n_datasets,
        max(resolved.part) as part
    from resolved
    group by resolved.record_id, resolved.dataset_id
)

select
    named.record_id,
    named.dataset_id,
    records.sheet_folder,
    records.sheet_root,
    records.source_file_id,
    records.row_number,
    named.named_file,
    records.fields,
    records.attributes,
    -- One name for several datasets: that of the file stays, or gets its part.
    case
        when named.has_several_files then null
        when named.n_datasets > 1 and named.closeness > 0
            then concat(
                records.fields ->> 'name',
                ' (' || nullif(regexp_replace(named.part, '^[a-z_]+=', ''), '') || ')'
            )
        else records.fields ->> 'name'
    end as dataset_name,
    named.closeness,
    row_number() over (
        partition by named.dataset_id, named.closeness
        order by records.sheet_path, records.sheet_key, records.row_number
    ) > 1 as is_duplicate,
    first_value(records.sheet_path || ' line ' || cast(records.row_number as text)) over (
        partition by named.dataset_id, named.closeness
        order by records.sheet_path, records.sheet_key, records.row_number
    ) as described_by
from named
inner join records
    on named.record_id = records.record_id
