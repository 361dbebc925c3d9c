{{ union_omics('feature_rows') }}
