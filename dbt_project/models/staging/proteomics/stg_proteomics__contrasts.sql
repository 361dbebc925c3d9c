{{ stage_contrasts('proteomics') }}
