{{ stage_contrasts('transcriptomics') }}
