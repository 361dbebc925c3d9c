{{ stage_files('features') }}
