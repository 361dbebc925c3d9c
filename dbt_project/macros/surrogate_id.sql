{#- The only rule for ids: md5 of the parts, as uuid. A null part gives a null id. -#}
{% macro surrogate_id(parts) -%}
    cast(md5({{ parts | join(" || chr(31) || ") }}) as uuid)
{%- endmacro %}
