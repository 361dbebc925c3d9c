{{ stage_feature_rows('proteomics') }}
