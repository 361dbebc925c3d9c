{{ union_omics('files') }}
