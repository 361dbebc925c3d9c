{{ stage_files('proteomics') }}
