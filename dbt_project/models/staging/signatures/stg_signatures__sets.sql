select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.position as integer) as position,
    cast(landed.name as text) as name,
    cast(landed.fields as jsonb) as fields
from {{ source('raw_signatures', 'sets') }} as landed
{{ visible_files('raw_signatures') }}
