select
    landed.file_id as version_id,
    cast(landed._dlt_load_id as text) as load_id,
    cast(landed.page_id as text) as page_id,
    cast(landed.data_source_id as text) as data_source_id,
    btrim(cast(landed.title as text)) as title,
    cast(landed.url as text) as url,
    landed.created_at,
    landed.edited_at,
    landed.in_trash,
    landed.is_gone,
    cast(landed.properties as jsonb) as properties,
    nullif(btrim(cast(landed.markdown as text)), '') as markdown,
    landed.is_truncated,
    landed.read_at
from {{ source('raw_notion', 'pages') }} as landed
inner join {{ source('raw_notion', '_dlt_loads') }} as loads
    on landed._dlt_load_id = loads.load_id
where loads.status = 0
