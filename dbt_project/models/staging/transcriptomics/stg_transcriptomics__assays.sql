{{ stage_assays('transcriptomics') }}
