{{ stage_rejected_rows('lipidomics') }}
