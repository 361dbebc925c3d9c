{#-
    Text to numbers without ever failing. Postgres refuses numbers outside of the range of the type,
    but `1e-400` is a p-value that some tools write: what is too small becomes 0, what is too large
    becomes infinite. Only text with an exponent of three digits pays for the replacement.
-#}

{% macro to_double(column) -%}
    cast({{ within_double_range(column, '$') }} as double precision)
{%- endmacro %}


{% macro to_doubles(column) -%}
    cast({{ within_double_range(column, '(?=[,}])') }} as double precision [])
{%- endmacro %}


{% macro within_double_range(column, end_of_number) -%}
    {%- set too_small = 'e-0*(309|3[1-9][0-9]|[4-9][0-9]{2}|[1-9][0-9]{3,})' -%}
    {%- set too_large = 'e[+]?0*([3-9][0-9]{2}|[1-9][0-9]{3,})' -%}
    case
        when {{ column }} !~* 'e[+-]?[0-9]{3}' then {{ column }}
        else regexp_replace(
            regexp_replace({{ column }}, '[0-9.]+{{ too_small }}{{ end_of_number }}', '0', 'gi'),
            '[0-9.]+{{ too_large }}{{ end_of_number }}', 'Infinity', 'gi'
        )
    end
{%- endmacro %}
