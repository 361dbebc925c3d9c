{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with pages as not materialized (
    select * from {{ ref('int_notion_pages_current') }}
),

links as (
    select *
    from {{ ref('int_notion_links') }}
    where entity_id is not null
),

named as (
    select
        links.entity_type as from_type,
        links.entity_id as from_id,
        links.outcome = 'notion_only' as is_from_notion_only,
        {{ page_key('partner.page_id') }} as partner_key
    from links
    inner join pages
        on links.page_id = pages.page_id
    cross join lateral jsonb_each(pages.properties) as prop (name, value)
    cross join lateral unnest({{ text_array("prop.value -> 'value'") }}) as partner (page_id)
    where prop.value ->> 'type' = 'relation'
)

select distinct
    named.from_type,
    named.from_id,
    links.entity_type as to_type,
    links.entity_id as to_id,
    named.is_from_notion_only or links.outcome = 'notion_only' as has_notion_only
from named
inner join pages
    on named.partner_key = pages.page_key
inner join links
    on pages.page_id = links.page_id
where named.from_id <> links.entity_id
