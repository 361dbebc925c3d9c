-- What pages say over files and sheets. Nothing, unless Notion is first; what files measure (the
-- omics type) and accessions in registries stay theirs in any case.
select
    facts.entity_type,
    facts.entity_id,
    facts.fields - 'omics_type' - 'external_ids' as fields
from {{ ref('int_notion_facts') }} as facts
where
    not facts.is_notion_only
    and {{ notion_is_first() }}
