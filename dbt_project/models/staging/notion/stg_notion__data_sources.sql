select
    landed.file_id as reading_id,
    cast(landed._dlt_load_id as text) as load_id,
    cast(landed.data_source_id as text) as data_source_id,
    cast(landed.database_id as text) as database_id,
    cast(landed.title as text) as title,
    landed.edited_until,
    landed.read_at
from {{ source('raw_notion', 'data_sources') }} as landed
inner join {{ source('raw_notion', '_dlt_loads') }} as loads
    on landed._dlt_load_id = loads.load_id
where loads.status = 0
