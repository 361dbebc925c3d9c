{{ stage_assays('metabolomics') }}
