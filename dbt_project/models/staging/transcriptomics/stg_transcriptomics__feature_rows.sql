{{ stage_feature_rows('transcriptomics') }}
