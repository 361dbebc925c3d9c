{{ stage_rejected_rows('signatures') }}
