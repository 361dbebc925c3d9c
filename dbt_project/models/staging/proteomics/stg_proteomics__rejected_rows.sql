{{ stage_rejected_rows('proteomics') }}
