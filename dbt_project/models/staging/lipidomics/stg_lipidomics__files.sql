{{ stage_files('lipidomics') }}
