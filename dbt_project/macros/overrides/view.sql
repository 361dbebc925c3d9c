{#-
    Views are created once and then left alone while their SQL stays the same. dbt would create, swap
    and drop every view on every run: most of the time of a refresh that brings one file, and a moment
    in which dependent views do not exist. The hash of the SQL is kept as comment on the view. A view
    that is gone has no comment and is created; so is every view in a full refresh.
-#}
{% materialization view, adapter='postgres' %}
    {%- set fingerprint = 'made by dbt from ' ~ local_md5(sql) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set kept = none -%}
    {%- if existing is not none and existing.is_view and not should_full_refresh() -%}
        {%- set kept = run_query(
            "select obj_description(to_regclass('" ~ this.include(database=false) ~ "'), 'pg_class')"
        ).rows[0][0] -%}
    {%- endif -%}
    {%- if kept == fingerprint -%}
        {%- call noop_statement('main', 'UNCHANGED VIEW') -%}{%- endcall -%}
        {{ return({'relations': [this]}) }}
    {%- endif -%}
    {%- set result = dbt.materialization_view_default() -%}
    {%- call statement('fingerprint') -%}
        comment on view {{ this }} is '{{ fingerprint }}'
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{ return(result) }}
{% endmaterialization %}
