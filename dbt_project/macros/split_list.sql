{#- Text that lists several things, separated by semicolons or bars, as an array without blanks. -#}
{% macro split_list(text) -%}
    coalesce(array_remove(
        regexp_split_to_array(btrim({{ text }}), '\s*[;|]\s*'), ''
    ), '{}')
{%- endmacro %}
