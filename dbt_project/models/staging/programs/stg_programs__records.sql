select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.kind as text) as kind,
    cast(landed.fields as jsonb) as fields,
    coalesce(cast(landed.attributes as jsonb), '{}') as attributes
from {{ source('raw_programs', 'records') }} as landed
{{ visible_files('raw_programs') }}
