{{ config(materialized='table') }}

with dataset_rows as (
    select *
    from {{ ref('int_sheet_dataset_rows') }}
    where not is_duplicate
),

resolved as (
    select *
    from {{ ref('int_sheet_files_resolved') }}
    where outcome = 'found'
),

sample_rows as (
    select * from {{ ref('int_sheet_sample_rows') }}
),

entities as (
    select * from {{ ref('int_sheet_entities') }}
),

entity_names as not materialized (
    select *
    from {{ ref('int_sheet_names') }}
    where n_entities = 1
),

relations as (
    select *
    from {{ ref('int_notion_relations') }}
    where
        from_type = 'dataset'
        and to_type in ('program', 'experiment')
),

named as (
    select
        dataset_rows.dataset_id,
        entity_names.kind,
        entity_names.entity_id
    from dataset_rows
    cross join lateral (values ('program'), ('experiment')) as kinds (kind)
    cross join
        lateral
        unnest({{ text_array('dataset_rows.fields -> kinds.kind') }}) as linked (name)
    inner join entity_names
        on
            kinds.kind = entity_names.kind
            and {{ folded_words('linked.name') }} = entity_names.name
),

-- Samples that name the file they were measured in bring their experiment.
measured as (
    select
        resolved.dataset_id,
        'experiment' as kind,
        sample_rows.experiment_id as entity_id
    from resolved
    inner join sample_rows
        on resolved.record_id = sample_rows.record_id
    where sample_rows.experiment_id is not null
),

-- Notion tells of what it alone knows; where it is first, of the others too, instead of sheets.
related as (
    select
        relations.from_id as dataset_id,
        relations.to_type as kind,
        relations.to_id as entity_id
    from relations
    where relations.has_notion_only or {{ notion_is_first() }}
),

by_files as (
    select * from named
    union
    select * from measured
),

direct as (
    select * from related
    union
    select by_files.*
    from by_files
    where
        not {{ notion_is_first() }}
        or not exists (
            select 1
            from relations
            where
                relations.from_id = by_files.dataset_id
                and relations.to_type = by_files.kind
        )
),

-- An experiment brings its programs.
indirect as (
    select
        direct.dataset_id,
        entity_names.kind,
        entity_names.entity_id
    from direct
    inner join entities
        on direct.entity_id = entities.entity_id
    cross join
        lateral
        unnest({{ text_array("entities.fields -> 'program'") }}) as linked (name)
    inner join entity_names
        on {{ folded_words('linked.name') }} = entity_names.name
    where
        direct.kind = 'experiment'
        and entity_names.kind = 'program'
),

linked as (
    select
        direct.*,
        true as is_direct
    from direct
    union all
    select
        indirect.*,
        false as is_direct
    from indirect
)

select
    linked.dataset_id,
    linked.kind,
    linked.entity_id,
    bool_or(linked.is_direct) as is_direct
from linked
group by linked.dataset_id, linked.kind, linked.entity_id
