{{ stage_rejected_rows('features') }}
