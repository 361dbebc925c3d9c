{#-
    The name that people see: the file name without folder, packing and extension, and the part of
    the file in brackets where a file holds several datasets.
-#}
{% macro dataset_name(source_path, part) -%}
    concat_ws(
        ' ',
        coalesce(
            nullif(regexp_replace(
                regexp_replace(
                    regexp_replace({{ source_path }}, '^.*[/\\]', ''),
                    '\.(gz|bz2|xz|zip)$', '', 'i'
                ),
                '\.(csv|tsv|tab|txt|xlsx?|xlsm|ods|mwtab|mztab|json|parquet|h5ad|soft|gct|dat|out)$', '', 'i'
            ), ''),
            {{ source_path }}
        ),
        '(' || nullif(regexp_replace({{ part }}, '^[a-z_]+=', ''), '') || ')'
    )
{%- endmacro %}
