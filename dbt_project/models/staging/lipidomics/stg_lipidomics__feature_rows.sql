{{ stage_feature_rows('lipidomics') }}
