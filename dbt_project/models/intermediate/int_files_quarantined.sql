with quarantine as (
    select * from {{ ref('stg_ops__quarantine') }}
)

select
    quarantine.quarantine_id,
    quarantine.run_id,
    quarantine.source_path,
    quarantine.source_root,
    quarantine.sha256,
    quarantine.size_bytes,
    quarantine.modified_at,
    quarantine.omics_type,
    quarantine.reader_version,
    quarantine.rows_read,
    concat_ws(
        '; ',
        quarantine.reason_code,
        'at ' || quarantine.place,
        'seen: ' || quarantine.seen,
        'expected: ' || quarantine.expected
    ) as reason
from quarantine
