{{ stage_result_rows('proteomics') }}
