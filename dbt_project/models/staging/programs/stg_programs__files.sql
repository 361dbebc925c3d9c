{{ stage_files('programs') }}
