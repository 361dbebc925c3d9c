-- The ledger of sync knows its own pages at once; what was read of Notion knows those of people. Of
-- two copies of a text the one that was edited last counts.
with ledger as (
    select * from {{ ref('stg_sync__notion_pages') }}
),

facts as (
    select * from {{ ref('int_notion_facts') }}
)

select
    coalesce(ledger.entity_type, facts.entity_type) as entity_type,
    coalesce(ledger.entity_id, facts.entity_id) as entity_id,
    coalesce(ledger.page_id, facts.page_id) as page_id,
    case
        when facts.entity_id is null then ledger.narrative
        when ledger.narrative_edited_at > facts.edited_at then ledger.narrative
        else facts.narrative
    end as narrative
from ledger
full outer join facts
    on
        ledger.entity_type = facts.entity_type
        and ledger.entity_id = facts.entity_id
