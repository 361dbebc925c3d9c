{#- The one place that turns zeros into gaps, where a zero means that nothing was found. -#}
{% macro abundances(quantities, zero_is_missing) -%}
    case
        when {{ zero_is_missing }}
            then array_replace({{ quantities }}, cast(0 as double precision), null)
        else {{ quantities }}
    end
{%- endmacro %}


{#- Numbers that sums and medians can take. Infinite values are kept in the facts, and left out here. -#}
{% macro is_finite(abundance) -%}
    {{ abundance }} between -1e150 and 1e150
{%- endmacro %}
