with pages as (
    select * from {{ ref('stg_sync__notion_pages') }}
)

select
    pages.entity_type,
    pages.entity_id,
    pages.page_id,
    pages.narrative
from pages
