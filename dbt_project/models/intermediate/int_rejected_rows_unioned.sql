{{ union_omics('rejected_rows') }}
