select * from {{ ref('stg_ops__quarantine') }}
