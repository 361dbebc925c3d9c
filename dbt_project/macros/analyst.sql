{#-
    The role `analyst` reads marts and nothing else. On a server where we may not create roles the
    run goes on and says so.
-#}

{% macro analyst_is_usable() -%}
    {%- set rights = run_query("
        select
            exists (select 1 from pg_catalog.pg_roles where rolname = 'analyst'),
            (select rolsuper or rolcreaterole from pg_catalog.pg_roles where rolname = current_user)
    ").rows[0] -%}
    {%- if not rights[0] and rights[1] -%}
        {%- do run_query("create role analyst nologin") -%}
    {%- elif not rights[0] -%}
        {%- do exceptions.warn(
            "role analyst does not exist and " ~ target.user ~ " may not create it; nothing was "
            ~ "granted. Have an administrator run: create role analyst nologin"
        ) -%}
    {%- endif -%}
    {{ return(rights[0] or rights[1]) }}
{%- endmacro %}


{#- on-run-start: role, schema, and the rights of everything that will be created in marts. -#}
{% macro prepare_analyst() -%}
    {%- if execute and flags.WHICH in ('run', 'build', 'seed') and analyst_is_usable() -%}
        create schema if not exists marts;
        revoke create on schema public from public;
        revoke temporary on database "{{ target.database }}" from public;
        grant usage on schema marts to analyst;
        revoke create on schema marts from analyst;
        alter default privileges in schema marts grant select on tables to analyst
    {%- endif -%}
{%- endmacro %}


{#- on-run-end: also what was created before the default privileges were set. -#}
{% macro grant_marts_to_analyst() -%}
    {%- if execute and flags.WHICH in ('run', 'build') -%}
        {%- set exists_ = run_query("select 1 from pg_catalog.pg_roles where rolname = 'analyst'") -%}
        {%- if exists_.rows | length > 0 -%}
            grant select on all tables in schema marts to analyst
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
