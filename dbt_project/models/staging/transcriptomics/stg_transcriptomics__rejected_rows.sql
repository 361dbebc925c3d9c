{{ stage_rejected_rows('transcriptomics') }}
