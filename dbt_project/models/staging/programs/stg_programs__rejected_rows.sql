{{ stage_rejected_rows('programs') }}
