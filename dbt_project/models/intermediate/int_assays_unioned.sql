{{ union_omics('assays') }}
