{{ union_definitions('files') }}
