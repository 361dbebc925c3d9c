{{ config(
    materialized='table',
    indexes=[{'columns': ['page_id'], 'unique': true}],
    post_hook='analyze {{ this }}',
) }}

-- A page finds its entity by the id that sync wrote on it, else by the ledger of sync, else by the
-- page that a sheet names, else by its exact title within the type. Each step takes only what the
-- ones before left; a page belongs to one entity, and an entity has one page.

with pages as not materialized (
    select * from {{ ref('int_notion_pages_current') }}
),

ledger as (
    select * from {{ ref('stg_sync__notion_pages') }}
),

sheet_entities as (
    select * from {{ ref('int_sheet_entities') }}
),

versions as (
    select *
    from {{ ref('int_dataset_versions') }}
    where is_current
),

dataset_rows as (
    select
        described.dataset_id,
        described.dataset_name,
        described.fields,
        row_number() over (
            partition by described.dataset_id
            order by described.closeness
        ) as nearness
    from {{ ref('int_sheet_dataset_rows') }} as described
    where not described.is_duplicate
),

signature_sets as (
    select * from {{ ref('int_signature_sets_landed') }}
),

entities as (
    select
        sheet_entities.kind as entity_type,
        sheet_entities.entity_id,
        sheet_entities.name,
        {{ page_key("sheet_entities.fields ->> 'notion_page_id'") }} as page_key
    from sheet_entities
    union all
    select
        'dataset' as entity_type,
        versions.dataset_id as entity_id,
        coalesce(
            dataset_rows.dataset_name, {{ dataset_name('versions.source_path', 'versions.part') }}
        ) as name,
        {{ page_key("dataset_rows.fields ->> 'notion_page_id'") }} as page_key
    from versions
    left join dataset_rows
        on
            versions.dataset_id = dataset_rows.dataset_id
            and dataset_rows.nearness = 1
    union all
    select
        'signature' as entity_type,
        signature_sets.signature_id as entity_id,
        signature_sets.name,
        {{ page_key("signature_sets.fields ->> 'notion_page_id'") }} as page_key
    from signature_sets
),

live as (
    select *
    from pages
    where
        is_live
        and entity_type in ('program', 'experiment', 'dataset', 'signature')
),

candidates as (
    select
        live.page_id,
        live.created_at,
        entities.entity_type,
        entities.entity_id,
        'pg_id' as method,
        1 as step
    from live
    inner join entities
        on
            live.entity_type = entities.entity_type
            and live.written_id = cast(entities.entity_id as text)
    union all
    select
        live.page_id,
        live.created_at,
        entities.entity_type,
        entities.entity_id,
        'ledger' as method,
        2 as step
    from live
    inner join ledger
        on
            live.entity_type = ledger.entity_type
            and live.page_key = {{ page_key('ledger.page_id') }}
    inner join entities
        on
            ledger.entity_type = entities.entity_type
            and ledger.entity_id = entities.entity_id
    union all
    select
        live.page_id,
        live.created_at,
        entities.entity_type,
        entities.entity_id,
        'sheet' as method,
        3 as step
    from live
    inner join entities
        on
            live.entity_type = entities.entity_type
            and live.page_key = entities.page_key
),

-- By key: the first step wins, then the oldest page.
by_key as (
    select
        candidates.*,
        row_number() over (
            partition by candidates.entity_type, candidates.entity_id
            order by candidates.step, candidates.created_at, candidates.page_id
        ) as place_of_page,
        row_number() over (
            partition by candidates.page_id
            order by candidates.step, candidates.entity_id
        ) as place_of_entity
    from candidates
),

keyed as (
    select *
    from by_key
    where
        place_of_page = 1
        and place_of_entity = 1
),

untaken_pages as (
    select
        live.*,
        count(*) over (partition by live.entity_type, live.title) as n_of_title
    from live
    left join keyed
        on live.page_id = keyed.page_id
    where keyed.page_id is null
),

named_entities as (
    select
        entities.*,
        keyed.page_id is not null as has_page,
        count(*) over (partition by entities.entity_type, entities.name) as n_of_name
    from entities
    left join keyed
        on
            entities.entity_type = keyed.entity_type
            and entities.entity_id = keyed.entity_id
),

titled as (
    select
        untaken_pages.page_id,
        named_entities.entity_type,
        named_entities.entity_id,
        named_entities.has_page,
        untaken_pages.n_of_title = 1 and named_entities.n_of_name = 1 as is_alone
    from untaken_pages
    inner join named_entities
        on
            untaken_pages.entity_type = named_entities.entity_type
            and untaken_pages.title = named_entities.name
    -- A page with the id of something else is that thing's.
    where coalesce(untaken_pages.written_id, '') in (
        '', cast({{ notion_entity_id('untaken_pages.page_id') }} as text)
    )
),

by_title as (
    select
        titled.page_id,
        min(titled.entity_type) as entity_type,
        cast(min(cast(titled.entity_id as text)) as uuid) as entity_id,
        bool_and(titled.is_alone and not titled.has_page) as is_alone,
        bool_or(titled.has_page) as is_double
    from titled
    group by titled.page_id
),

doubles as (
    select distinct by_key.page_id
    from by_key
    left join keyed
        on by_key.page_id = keyed.page_id
    where keyed.page_id is null
)

select
    pages.page_id,
    pages.entity_type,
    case
        when keyed.page_id is not null then keyed.entity_id
        when by_title.is_alone then by_title.entity_id
        when
            live.page_id is not null
            and by_title.page_id is null
            and doubles.page_id is null
            and pages.title is not null
            and coalesce(pages.written_id, '') in (
                '', cast({{ notion_entity_id('pages.page_id') }} as text)
            )
            then {{ notion_entity_id('pages.page_id') }}
    end as entity_id,
    case
        when keyed.page_id is not null then keyed.method
        when by_title.is_alone then 'title'
        when pages.is_gone then 'gone'
        when pages.in_trash then 'in_trash'
        when pages.entity_type is null then 'unknown_database'
        when live.page_id is null then 'no_entity'
        when doubles.page_id is not null or by_title.is_double then 'duplicate'
        when by_title.page_id is not null then 'ambiguous_title'
        when pages.title is null then 'untitled'
        when
            coalesce(pages.written_id, '') not in (
                '', cast({{ notion_entity_id('pages.page_id') }} as text)
            )
            then 'entity_gone'
        else 'notion_only'
    end as outcome
from pages
left join live
    on pages.page_id = live.page_id
left join keyed
    on pages.page_id = keyed.page_id
left join by_title
    on pages.page_id = by_title.page_id
left join doubles
    on pages.page_id = doubles.page_id
