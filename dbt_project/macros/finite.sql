{#- A number, or null where it is infinite or not a number. -#}
{% macro finite(expression) -%}
    case
        when {{ expression }} between -1.7e308 and 1.7e308 then {{ expression }}
    end
{%- endmacro %}
