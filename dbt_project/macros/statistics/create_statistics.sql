{#-
    Functions that Postgres 15 lacks, in the schema `stats`: statistics, and the cutting of texts. They are created when a run
    begins, and only when they differ from what is there: the hash of their SQL is kept as comment on
    the schema, so a run pays for one look-up.
-#}
{% macro create_statistics() -%}
    {%- if execute and flags.WHICH in ('run', 'build', 'test') -%}
        {%- set functions = statistics_functions() -%}
        {%- set fingerprint = 'made by dbt from ' ~ local_md5(functions) -%}
        {%- set kept = run_query(
            "select obj_description(to_regnamespace('stats'), 'pg_namespace')"
        ).rows[0][0] -%}
        {%- if kept != fingerprint -%}
            select pg_advisory_xact_lock(hashtext('omics statistics functions'));
            create schema if not exists stats;
            {{ functions }}
            comment on schema stats is '{{ fingerprint }}'
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- All of them, in the order in which they need each other. -#}
{% macro statistics_functions() -%}
    {{ statistics_gamma() }}
    {{ statistics_student() }}
    {{ statistics_normal() }}
    {{ statistics_counts() }}
    {{ text_pieces_function() }}
{%- endmacro %}
