{{ config(
    materialized='table',
    indexes=[{'columns': ['page_id'], 'unique': true}],
    post_hook='analyze {{ this }}',
) }}

with pages as (
    select
        all_versions.*,
        row_number() over (
            partition by all_versions.page_id
            order by all_versions.read_at desc, all_versions.load_id desc
        ) as version_rank
    from {{ ref('stg_notion__pages') }} as all_versions
),

data_sources as (
    select
        readings.*,
        row_number() over (
            partition by readings.data_source_id
            order by readings.read_at desc, readings.load_id desc
        ) as reading_rank
    from {{ ref('stg_notion__data_sources') }} as readings
),

targets as (
    select * from {{ ref('stg_sync__notion_targets') }}
),

tables_known as (
    select * from {{ ref('notion_tables') }}
)

select
    pages.page_id,
    {{ page_key('pages.page_id') }} as page_key,
    pages.data_source_id,
    data_sources.title as database_title,
    coalesce(targets.entity_type, tables_known.entity_type) as entity_type,
    nullif(pages.title, '') as title,
    pages.url,
    pages.created_at,
    pages.edited_at,
    pages.in_trash,
    pages.is_gone,
    not pages.in_trash and not pages.is_gone as is_live,
    pages.properties,
    pages.markdown,
    pages.is_truncated,
    pages.read_at,
    pages.properties #>> '{PG ID,value}' as written_id
from pages
left join data_sources
    on
        pages.data_source_id = data_sources.data_source_id
        and data_sources.reading_rank = 1
left join targets
    on pages.data_source_id = targets.data_source_id
left join tables_known
    on {{ folded_words('data_sources.title') }} = tables_known.title
where pages.version_rank = 1
