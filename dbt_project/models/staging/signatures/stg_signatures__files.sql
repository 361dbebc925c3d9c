{{ stage_files('signatures') }}
