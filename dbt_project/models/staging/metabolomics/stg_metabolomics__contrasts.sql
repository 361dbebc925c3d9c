{{ stage_contrasts('metabolomics') }}
