{{ stage_contrasts('lipidomics') }}
