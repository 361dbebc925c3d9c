select
    reference_pins.reference,
    reference_pins.content,
    reference_pins.taxon,
    reference_pins.sha256,
    reference_pins.version,
    reference_pins.pinned_at
from {{ source('ops', 'reference_pins') }} as reference_pins
