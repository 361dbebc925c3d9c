select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.feature_type as text) as feature_type,
    cast(landed.canonical_id as text) as canonical_id,
    cast(landed.name as text) as name,
    cast(landed.kind as text) as kind
from {{ source('raw_features', 'names') }} as landed
{{ visible_files('raw_features') }}
