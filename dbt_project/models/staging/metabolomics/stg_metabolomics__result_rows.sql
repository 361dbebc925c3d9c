{{ stage_result_rows('metabolomics') }}
