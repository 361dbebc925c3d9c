select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.set_name as text) as set_name,
    cast(landed.position as integer) as position,
    cast(landed.reported_name as text) as reported_name,
    cast(landed.feature_type as text) as feature_type,
    cast(landed.feature_type_evidence as text) as feature_type_evidence,
    cast(landed.direction as smallint) as direction,
    {{ to_double('landed.weight') }} as weight
from {{ source('raw_signatures', 'components') }} as landed
{{ visible_files('raw_signatures') }}
