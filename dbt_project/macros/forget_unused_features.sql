{#-
    Pre-hook of `features` and `feature_names`: what no row uses any more leaves. Looked for only when
    this run replaced or removed a dataset; a new dataset frees no name.
-#}
{% macro forget_unused_features(columns) -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as known
        where
            exists (
                select 1 from {{ ref('int_datasets_changed') }} as changed
                where changed.change in ('replaced', 'removed')
            )
            {%- for fact in ['dataset_features', 'differential_results'] %}
            and not exists (
                select 1 from {{ ref(fact) }} as fact
                where
                    {%- for column in columns %}
                    fact.{{ column }} = known.{{ column }}{{ ' and' if not loop.last }}
                    {%- endfor %}
            )
            {%- endfor %}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
