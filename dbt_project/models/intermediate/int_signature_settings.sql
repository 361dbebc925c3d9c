select * from {{ ref('signature_settings') }}
