{{ stage_result_rows('transcriptomics') }}
