{{ stage_assays('lipidomics') }}
