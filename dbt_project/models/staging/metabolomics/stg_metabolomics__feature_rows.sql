{{ stage_feature_rows('metabolomics') }}
