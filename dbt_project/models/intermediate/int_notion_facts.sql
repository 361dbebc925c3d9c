{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with pages as not materialized (
    select * from {{ ref('int_notion_pages_current') }}
),

links as (
    select *
    from {{ ref('int_notion_links') }}
    where entity_id is not null
),

known_fields as (
    select * from {{ ref('notion_fields') }}
),

noted as (
    select
        links.entity_type,
        links.entity_id,
        known_fields.field,
        known_fields.kind,
        prop.value -> 'value' as value
    from links
    inner join pages
        on links.page_id = pages.page_id
    cross join lateral jsonb_each(pages.properties) as prop (name, value)
    inner join known_fields
        on
            links.entity_type = known_fields.entity_type
            and {{ folded_words('prop.name') }} = known_fields.property
),

-- Of whatever type the property is: a list may be a text with semicolons, a text a list of names.
typed as (
    select
        noted.entity_type,
        noted.entity_id,
        noted.field,
        case
            when noted.kind = 'list' and jsonb_typeof(noted.value) = 'array' then noted.value
            when noted.kind = 'list' then to_jsonb({{ split_list("noted.value #>> '{}'") }})
            when noted.kind = 'address' and noted.value #>> '{}' ~ '10\.\d{4,9}/\S+$'
                then jsonb_build_object(
                    'doi', substring(noted.value #>> '{}' from '10\.\d{4,9}/\S+$')
                )
            when noted.kind = 'address' then jsonb_build_object('url', noted.value #>> '{}')
            when jsonb_typeof(noted.value) = 'array'
                then to_jsonb(array_to_string({{ text_array('noted.value') }}, '; '))
            else to_jsonb(noted.value #>> '{}')
        end as value
    from noted
    where noted.value not in ('null', '""', '[]')
),

gathered as (
    select
        typed.entity_type,
        typed.entity_id,
        jsonb_object_agg(typed.field, typed.value) as fields
    from typed
    group by typed.entity_type, typed.entity_id
)

select
    links.entity_type,
    links.entity_id,
    links.page_id,
    links.outcome = 'notion_only' as is_notion_only,
    pages.title as name,
    pages.created_at,
    pages.edited_at,
    jsonb_build_object('name', pages.title) || coalesce(gathered.fields, '{}') as fields,
    pages.markdown as narrative
from links
inner join pages
    on links.page_id = pages.page_id
left join gathered
    on
        links.entity_type = gathered.entity_type
        and links.entity_id = gathered.entity_id
