with sets as (
    select * from {{ ref('int_signature_sets') }}
)

select
    called.name,
    cast(min(cast(sets.signature_id as text)) as uuid) as signature_id,
    count(distinct sets.signature_id) as n_signatures
from sets
cross join
    lateral (
        values
        ({{ folded_words('sets.name') }}),
        ({{ folded_words("sets.fields ->> 'short_id'") }})
    ) as called (name)
where called.name <> ''
group by called.name
