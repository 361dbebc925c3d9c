with records as not materialized (
    select * from {{ ref('int_sheet_records') }}
),

resolved as (
    select *
    from {{ ref('int_sheet_files_resolved') }}
    where kind = 'dataset'
),

dataset_rows as (
    select *
    from {{ ref('int_sheet_dataset_rows') }}
    where is_duplicate
),

sample_rows as (
    select *
    from {{ ref('int_sheet_sample_rows') }}
    where is_duplicate
),

entity_names as (
    select * from {{ ref('int_sheet_names') }}
),

signature_names as (
    select * from {{ ref('int_signature_names') }}
),

-- Programs, experiments and signatures that a row refers to
referred_to as (
    select
        records.record_id,
        kinds.kind,
        kinds.kind as column_name,
        referred.name,
        'sheet' as described_by,
        'code' as told_apart_by,
        entity_names.n_entities
    from records
    cross join lateral (values ('program'), ('experiment')) as kinds (kind)
    cross join
        lateral unnest({{ text_array('records.fields -> kinds.kind') }}) as referred (name)
    left join entity_names
        on
            kinds.kind = entity_names.kind
            and {{ folded_words('referred.name') }} = entity_names.name
    where records.kind <> kinds.kind
    union all
    select
        records.record_id,
        'signature' as kind,
        'signatures' as column_name,
        referred.name,
        'loaded file' as described_by,
        'short id' as told_apart_by,
        signature_names.n_signatures as n_entities
    from records
    cross join
        lateral unnest({{ text_array("records.fields -> 'signatures'") }}) as referred (name)
    left join signature_names
        on {{ folded_words('referred.name') }} = signature_names.name
),

file_outcomes as (
    select
        resolved.record_id,
        resolved.named_file,
        max(resolved.named_part) as named_part,
        bool_or(resolved.outcome = 'found') as is_found,
        bool_or(resolved.outcome = 'other_part') as is_other_part,
        bool_or(resolved.outcome = 'ambiguous_file') as is_ambiguous,
        string_agg(distinct resolved.source_path, ', ') as paths,
        string_agg(distinct resolved.part, ', ') as parts
    from resolved
    group by resolved.record_id, resolved.named_file
),

problems as (
    select
        referred_to.record_id,
        referred_to.column_name,
        referred_to.name as raw_text,
        case when referred_to.n_entities is null then 'unknown_' else 'ambiguous_' end
        || referred_to.kind as reason_code,
        case
            when referred_to.n_entities is null
                then concat(
                    'no ', referred_to.described_by, ' describes the ', referred_to.kind, ' ''',
                    referred_to.name,
                    case
                        when referred_to.kind = 'signature'
                            then '''; load one that does or correct the name. '
                        else '''; add a row for it or correct the name. '
                    end,
                    'The row is used without it'
                )
            else concat(
                referred_to.n_entities, ' ', referred_to.kind, 's are called ''',
                referred_to.name, '''; refer to it by its ', referred_to.told_apart_by,
                '. The row is used without it'
            )
        end as message
    from referred_to
    where referred_to.n_entities is null or referred_to.n_entities > 1
    union all
    select
        file_outcomes.record_id,
        'files' as column_name,
        file_outcomes.named_file as raw_text,
        case
            when file_outcomes.is_ambiguous then 'ambiguous_file'
            when file_outcomes.is_other_part then 'no_such_part'
            else 'no_such_file'
        end as reason_code,
        case
            when file_outcomes.is_ambiguous
                then
                    'several files are meant: ' || left(file_outcomes.paths, 400)
                    || '; write more of the path'
            when file_outcomes.is_other_part
                then concat(
                    'the file has no part ''', file_outcomes.named_part, ''', only: ',
                    left(file_outcomes.parts, 400)
                )
            else
                'no loaded file has this path; it is looked for beside the sheet, below the folder '
                || 'that was loaded, and as the end of a path. Correct the path or load the file'
        end as message
    from file_outcomes
    where not file_outcomes.is_found
    union all
    select
        dataset_rows.record_id,
        'files' as column_name,
        dataset_rows.named_file as raw_text,
        'two_rows_for_one_file' as reason_code,
        'the file is described already by ' || dataset_rows.described_by
        || '; keep one of the rows, or name its part' as message
    from dataset_rows
    union all
    select
        sample_rows.record_id,
        'name' as column_name,
        sample_rows.sample_name as raw_text,
        'duplicate_sample' as reason_code,
        'another row describes a sample of this name in the same experiment; keep one of them'
            as message
    from sample_rows
)

select distinct
    'programs' as source_name,
    records.source_file_id,
    records.row_number,
    problems.column_name,
    problems.raw_text,
    problems.reason_code,
    problems.message
from problems
inner join records
    on problems.record_id = records.record_id
