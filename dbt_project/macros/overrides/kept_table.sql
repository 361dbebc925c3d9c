{#-
    A table that is built again only when what it is made from has changed: its SQL, or the answer of
    the query `kept_while`. For tables that are read by every run and change with a release. What it
    was made from stands in the comment of the table.
-#}
{% materialization kept_table, adapter='postgres' %}
    {%- set answer = run_query(render(config.require('kept_while'))) -%}
    {%- set made_from = 'made by dbt from ' ~ local_md5(sql ~ (answer.rows | map('join', '|') | join(';'))) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set kept = none -%}
    {%- if existing is not none and existing.is_table and not should_full_refresh() -%}
        {%- set kept = run_query(
            "select obj_description(to_regclass('" ~ this.include(database=false) ~ "'), 'pg_class')"
        ).rows[0][0] -%}
    {%- endif -%}
    {%- if kept == made_from -%}
        {%- call noop_statement('main', 'UNCHANGED TABLE') -%}{%- endcall -%}
        {{ return({'relations': [this]}) }}
    {%- endif -%}
    {%- set result = dbt.materialization_table_default() -%}
    {%- call statement('made_from') -%}
        comment on table {{ this }} is '{{ made_from }}'
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return(result) }}
{% endmaterialization %}


{#-
    Pre-hook of tables that read whole references. Postgres expects one row of every join here, and would
    compare each of 100,000 rows with all of a release: minutes instead of seconds.
-#}
{% macro read_in_bulk() -%}
    set local enable_nestloop = off;
    set local enable_mergejoin = off;
    set local work_mem = '128MB'
{%- endmacro %}


{#-
    Pre-hook of a model that reads as many rows as a table has: in bulk where these are many, through
    indexes where they are few. Postgres cannot tell by itself what a CTE holds.
-#}
{% macro read_many_in_bulk(relation, many=2000) -%}
    select
        set_config('enable_nestloop', case when counted.is_many then 'off' else 'on' end, true),
        set_config('enable_mergejoin', case when counted.is_many then 'off' else 'on' end, true),
        -- Grouping by hash where it can: sorting a million names takes twice as long.
        set_config('enable_sort', case when counted.is_many then 'off' else 'on' end, true),
        set_config('work_mem', '128MB', true)
    from (
        select count(*) >= {{ many }} as is_many
        from (select 1 from {{ relation }} limit {{ many }}) as some_rows
    ) as counted
{%- endmacro %}
