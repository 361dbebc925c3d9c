{#- Formulas of signature scores; docs/signatures.md derives them and names their sources. -#}

{#- The deviation of a running sum that is further from zero; the positive one where they are equal. -#}
{% macro larger_deviation(highest, lowest) -%}
    case when {{ highest }} >= -{{ lowest }} then {{ highest }} else {{ lowest }} end
{%- endmacro %}


{#-
    Correlation over all features of a contrast between its values and the weights, which are 0 for
    features outside of the signature. The values are centred already, which keeps the digits.
-#}
{% macro correlation_of_sums(pair) -%}
    {{ pair }}.sum_wy / nullif(sqrt(
        greatest({{ pair }}.sum_ww - {{ pair }}.sum_w * {{ pair }}.sum_w / {{ pair }}.n_features, 0)
        * {{ pair }}.variance * ({{ pair }}.n_features - 1)
    ), 0)
{%- endmacro %}


{#-
    Variance of a singscore when the ranks of the hits are drawn at random, without replacement, out of
    the ranks of the list; the two halves never share a rank. Where every feature of the list is a hit,
    nothing is drawn and nothing varies.
-#}
{% macro singscore_variance(pair) -%}
    {{ pair }}.rank_variance * (
        case
            when {{ pair }}.n_up in (0, {{ pair }}.n_features) then 0
            else 1 / (
                cast({{ pair }}.n_up as double precision) * {{ pair }}.n_features
                * ({{ pair }}.n_features - {{ pair }}.n_up)
            )
        end
        + case
            when {{ pair }}.n_down in (0, {{ pair }}.n_features) then 0
            else 1 / (
                cast({{ pair }}.n_down as double precision) * {{ pair }}.n_features
                * ({{ pair }}.n_features - {{ pair }}.n_down)
            )
        end
        + case
            when {{ pair }}.n_up in (0, {{ pair }}.n_features) then 0
            when {{ pair }}.n_down in (0, {{ pair }}.n_features) then 0
            else 2 / (
                cast({{ pair }}.n_features as double precision)
                * ({{ pair }}.n_features - {{ pair }}.n_up)
                * ({{ pair }}.n_features - {{ pair }}.n_down)
            )
        end
    )
{%- endmacro %}


{#-
    p of the overlap with what changed, each direction by itself: up with up and down with down, or up
    with down and down with up where most of it is opposed. The smallest of them, times the number
    of tests that were looked at (Bonferroni).
-#}
{% macro directional_overlap_p(pair) -%}
    least(1, least(
        {%- for half, with_up, with_down in [
            ('n_up', 'up_up', 'up_down'), ('n_down', 'down_down', 'down_up')
        ] %}
        {%- set same, opposed = (
            ('n_changed_up', 'n_changed_down') if half == 'n_up'
            else ('n_changed_down', 'n_changed_up')
        ) %}
        case
            when {{ pair }}.{{ half }} > 0
                then least(
                    stats.hypergeometric_upper(
                        {{ pair }}.{{ with_up }}, {{ pair }}.n_features,
                        {{ pair }}.{{ same }}, {{ pair }}.{{ half }}
                    ),
                    stats.hypergeometric_upper(
                        {{ pair }}.{{ with_down }}, {{ pair }}.n_features,
                        {{ pair }}.{{ opposed }}, {{ pair }}.{{ half }}
                    )
                )
        end{{ ',' if not loop.last }}
        {%- endfor %}
    ) * (2 * (cast({{ pair }}.n_up > 0 as integer) + cast({{ pair }}.n_down > 0 as integer))))
{%- endmacro %}
