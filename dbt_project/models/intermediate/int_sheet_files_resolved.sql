{{ config(materialized='table') }}

with named as (
    select
        records.record_id,
        records.kind,
        records.fields ->> 'part' as part,
        named_file.name,
        named_file.name ~ '[*?]' as is_glob,
        {{ normal_path("records.sheet_folder || '/' || named_file.name") }} as beside_sheet,
        {{ normal_path("records.sheet_root || '/' || named_file.name") }} as below_root,
        regexp_replace(regexp_replace(named_file.name, '^(\.{1,2}/)+', ''), '^.*/', '')
            as base_name,
        '/' || regexp_replace(named_file.name, '^(\.{0,2}/)+', '') as tail
    from {{ ref('int_sheet_records') }} as records
    cross join lateral jsonb_array_elements_text(
        case
            when jsonb_typeof(records.fields -> 'files') = 'array' then records.fields -> 'files'
            else '[]'
        end
    ) as named_file (name)
),

datasets as not materialized (
    select
        versions.dataset_id,
        versions.part,
        versions.source_path,
        regexp_replace(versions.source_path, '^.*/', '') as base_name
    from {{ ref('int_dataset_versions') }} as versions
    where versions.is_current
),

-- A path is one that is given in full, or beside the sheet, or below the folder that was loaded.
exact_matches as (
    select
        named.record_id,
        named.name,
        datasets.dataset_id,
        datasets.part,
        datasets.source_path,
        1 as closeness
    from named
    cross join
        lateral unnest(array[named.name, named.beside_sheet, named.below_root])
            as candidate (path)
    inner join datasets
        on candidate.path = datasets.source_path
    where not named.is_glob
    union
    select
        named.record_id,
        named.name,
        datasets.dataset_id,
        datasets.part,
        datasets.source_path,
        2 as closeness
    from named
    inner join datasets
        on
            datasets.source_path ~ ({{ glob_pattern('named.beside_sheet') }})
            or datasets.source_path ~ ({{ glob_pattern('named.below_root') }})
            or datasets.source_path ~ ({{ glob_pattern('named.name') }})
    where named.is_glob
),

-- Else the end of a path, where it names one file only.
tail_matches as (
    select
        named.record_id,
        named.name,
        datasets.dataset_id,
        datasets.part,
        datasets.source_path,
        1 as closeness
    from named
    inner join datasets
        on
            named.base_name = datasets.base_name
            and right(datasets.source_path, length(named.tail)) = named.tail
    where
        not named.is_glob
        and not exists (
            select 1 from exact_matches
            where
                exact_matches.record_id = named.record_id
                and exact_matches.name = named.name
        )
),

matches as (
    select * from exact_matches
    union all
    select * from tail_matches
),

counted as (
    select
        matches.*,
        count(*) over (partition by matches.record_id, matches.name) as n_datasets,
        min(matches.source_path) over (partition by matches.record_id, matches.name)
        <> max(matches.source_path) over (partition by matches.record_id, matches.name)
            as has_several_files
    from matches
)

select
    named.record_id,
    named.kind,
    named.name as named_file,
    named.part as named_part,
    counted.dataset_id,
    counted.part,
    counted.source_path,
    coalesce(counted.n_datasets, 0) as n_datasets,
    coalesce(counted.has_several_files, false) as has_several_files,
    case
        when counted.dataset_id is null then 'no_such_file'
        when counted.has_several_files and not named.is_glob then 'ambiguous_file'
        when named.part is null then 'found'
        when
            lower(named.part) in (
                lower(counted.part), lower(regexp_replace(counted.part, '^[a-z_]+=', ''))
            )
            then 'found'
        else 'other_part'
    end as outcome,
    case when named.part is not null then 0 else counted.closeness end as closeness
from named
left join counted
    on
        named.record_id = counted.record_id
        and named.name = counted.name
