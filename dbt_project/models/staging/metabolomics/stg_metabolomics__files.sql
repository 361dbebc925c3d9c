{{ stage_files('metabolomics') }}
