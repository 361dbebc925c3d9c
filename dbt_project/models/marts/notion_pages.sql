{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['page_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[
        {'columns': ['page_id'], 'unique': true},
        {'columns': ['entity_id']},
    ],
    meta={'reference': true},
) }}

with pages as (
    select * from {{ ref('int_notion_pages_current') }}
),

links as (
    select * from {{ ref('int_notion_links') }}
)

select
    pages.page_id,
    pages.database_title,
    pages.entity_type,
    pages.title,
    pages.url,
    links.entity_id,
    links.outcome,
    links.entity_id is not null as is_linked,
    pages.in_trash,
    pages.properties,
    pages.markdown,
    coalesce(pages.is_truncated, false) as is_truncated,
    pages.created_at,
    pages.edited_at,
    pages.read_at
from pages
inner join links
    on pages.page_id = links.page_id
