{#-
    What a reported name means. The one place that decides it: until names are resolved on reference
    tables, a feature is its type and its trimmed reported name.
-#}
{% macro feature_name(reported_name) -%}
    nullif(btrim({{ reported_name }}), '')
{%- endmacro %}


{% macro feature_identity(feature_type, reported_name) -%}
    {{ surrogate_id(["'feature'", feature_type, feature_name(reported_name)]) }}
{%- endmacro %}
