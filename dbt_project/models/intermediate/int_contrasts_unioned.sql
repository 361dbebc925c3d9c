{{ union_omics('contrasts') }}
