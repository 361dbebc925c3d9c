{{ stage_files('transcriptomics') }}
