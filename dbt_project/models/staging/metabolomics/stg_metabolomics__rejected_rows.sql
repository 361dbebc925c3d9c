{{ stage_rejected_rows('metabolomics') }}
