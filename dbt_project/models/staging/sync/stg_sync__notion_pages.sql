select
    notion_pages.entity_type,
    cast(notion_pages.entity_id as uuid) as entity_id,
    notion_pages.page_id,
    notion_pages.state,
    notion_pages.narrative_edited_at,
    nullif(btrim(notion_pages.narrative), '') as narrative
from {{ source('sync', 'notion_pages') }} as notion_pages
-- An id in the ledger comes from the marts; whatever else stands on a page is no entity.
where notion_pages.entity_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
