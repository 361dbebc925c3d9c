{#-
    Count, mean, median and standard deviation of the elements of an array that are neither missing
    nor infinite, joined to every row as `statistics`. Numbers whose square leaves the range of the
    type count as infinite.
-#}
{% macro statistics_of(array_column) -%}
cross join lateral (
    select
        count(*) as n_observed,
        avg(element.abundance) as mean,
        percentile_cont(0.5) within group (order by element.abundance) as median,
        stddev_samp(element.abundance) as sd
    from unnest({{ array_column }}) as element (abundance)
    where {{ is_finite('element.abundance') }}
) as statistics
{%- endmacro %}
