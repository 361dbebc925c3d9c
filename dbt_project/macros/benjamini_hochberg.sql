{#-
    q-values of Benjamini and Hochberg in two steps, because a window cannot look into a window: the
    rank and the size of the family first, the running minimum from the largest p after. A null p has
    no part in its family.
-#}
{% macro benjamini_hochberg_rank(p_value, family) -%}
    rank() over (
        partition by {{ family | join(', ') }}, {{ p_value }} is null order by {{ p_value }}
    ) + count(*) over (
        partition by {{ family | join(', ') }}, {{ p_value }}
    ) - 1 as family_rank,
    count({{ p_value }}) over (partition by {{ family | join(', ') }}) as family_size
{%- endmacro %}


{% macro benjamini_hochberg(p_value, family, ranked) -%}
    least(1, min({{ p_value }} * {{ ranked }}.family_size / {{ ranked }}.family_rank) over (
        partition by {{ family | join(', ') }}
        order by {{ p_value }} desc nulls last
        rows unbounded preceding
    )) + 0 * {{ p_value }}
{%- endmacro %}
