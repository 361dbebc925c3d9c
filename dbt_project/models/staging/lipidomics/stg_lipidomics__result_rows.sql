{{ stage_result_rows('lipidomics') }}
