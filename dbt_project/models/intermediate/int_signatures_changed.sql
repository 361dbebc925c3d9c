{{ config(materialized='table', post_hook='analyze {{ this }}') }}

with sets as (
    select * from {{ ref('int_signature_sets') }}
),

built as (
    {{ built_signatures() }}
),

unfinished as (
    select entity_id as signature_id
    from {{ ref('stg_ops__unfinished') }}
    where kind = 'signature'
),

compared as (
    select
        coalesce(sets.signature_id, built.signature_id) as signature_id,
        sets.file_id,
        case
            when built.signature_id is null then 'new'
            when sets.signature_id is null then 'removed'
            when sets.build_key = built.build_key then 'unfinished'
            else 'replaced'
        end as change
    from sets
    full outer join built
        on sets.signature_id = built.signature_id
)

-- As for datasets: what says that a signature is built is made before the documents that name it.
select
    coalesce(compared.signature_id, unfinished.signature_id) as signature_id,
    compared.file_id,
    coalesce(compared.change, 'removed') as change
from compared
full outer join unfinished
    on compared.signature_id = unfinished.signature_id
where compared.change <> 'unfinished' or unfinished.signature_id is not null
