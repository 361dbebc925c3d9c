{{ union_omics('result_rows') }}
