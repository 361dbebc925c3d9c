select
    -- ids
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    -- release
    cast(landed.reference as text) as reference,
    cast(landed.content as text) as content,
    coalesce(cast(landed.taxon as text), '') as taxon,
    cast(landed.version as text) as version,
    cast(landed.released_on as date) as released_on,
    cast(cast(landed.evidence as jsonb) -> 'is_dated_by_content' as boolean) as is_dated_by_content,
    cast(landed.evidence as jsonb) as evidence,
    landed.n_entities
from {{ source('raw_features', 'releases') }} as landed
{{ visible_files('raw_features') }}
