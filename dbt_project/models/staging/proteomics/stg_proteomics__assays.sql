{{ stage_assays('proteomics') }}
