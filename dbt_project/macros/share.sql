{#- One count over another as a fraction, null when there is nothing to divide by. -#}
{% macro share(part, whole) -%}
    cast(({{ part }}) as double precision) / nullif({{ whole }}, 0)
{%- endmacro %}
