select
    -- ids
    quarantine.quarantine_id,
    cast(quarantine.run_id as text) as run_id,
    -- file
    quarantine.source_path,
    quarantine.source_root,
    quarantine.sha256,
    quarantine.size_bytes,
    quarantine.modified_at,
    quarantine.omics_type,
    quarantine.reader_version,
    quarantine.nearest_format,
    -- reason
    quarantine.reason_code,
    quarantine.place,
    quarantine.seen,
    quarantine.expected,
    quarantine.rows_read,
    quarantine.last_seen_at
from {{ source('ops', 'quarantine') }} as quarantine
where quarantine.resolved_at is null
