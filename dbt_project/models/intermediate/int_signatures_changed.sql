{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with sets as (
    select * from {{ ref('int_signature_sets') }}
),

built as (
    {{ built_signatures() }}
)

select
    coalesce(sets.signature_id, built.signature_id) as signature_id,
    sets.file_id,
    case
        when built.signature_id is null then 'new'
        when sets.signature_id is null then 'removed'
        else 'replaced'
    end as change
from sets
full outer join built
    on sets.signature_id = built.signature_id
where sets.build_key is distinct from built.build_key
