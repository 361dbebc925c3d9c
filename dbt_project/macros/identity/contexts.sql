{#- Pre-hook of int_dataset_contexts: datasets that are gone leave. -#}
{% macro forget_stale_contexts() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as known
        where not exists (
            select 1
            from {{ ref('int_dataset_versions') }} as versions
            where versions.dataset_id = known.dataset_id and versions.is_current
        )
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}


{#-
    Condition of int_reported_names that reaches the rows of a few files through their index; left out
    when everything is built.
-#}
{% macro of_outdated_files(file_id) -%}
    {%- set built = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set built = adapter.get_relation(target.database, 'marts', 'datasets') -%}
    {%- endif -%}
    {%- if built is none -%}
        true
    {%- else -%}
        {{ file_id }} = any(array(select wanted.file_id from to_build as wanted))
    {%- endif -%}
{%- endmacro %}
