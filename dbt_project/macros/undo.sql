{#-
    A build that fails leaves the marts as they were. Rows are saved before they are touched, tables
    before they are made anew; warehouse/builds.sql does it and says how. `omics` opens and closes
    its builds itself, because a retry belongs to the same build; plain dbt does so here.
-#}

{#- on-run-start of plain dbt. Refuses to work beside `omics`, whose build it would undo or be undone by. -#}
{% macro begin_build() -%}
    {%- if execute and flags.WHICH in ('run', 'build') and not is_run_by_omics() -%}
        {%- if run_query("select to_regclass('ops.unfinished')::text").rows[0][0] is none -%}
            {{ exceptions.raise_compiler_error(
                "the schema ops is missing or older than this project: run `omics status` once, then dbt again"
            ) }}
        {%- endif -%}
        {%- set holder = run_query("select ops.build_lock_holder()").rows[0][0] -%}
        {%- if holder is not none -%}
            {{ exceptions.raise_compiler_error(
                "a build of omics is running (server process " ~ holder ~ "): wait for it to end, then try again"
            ) }}
        {%- endif -%}
        select ops.begin_build(null, 'dbt', {{ 'false' if is_partial() else 'true' }})
    {%- endif -%}
{%- endmacro %}


{#- on-run-end of plain dbt. -#}
{% macro end_build(results) -%}
    {%- if execute and flags.WHICH in ('run', 'build') and not is_run_by_omics() -%}
        {%- set failed = [] -%}
        {%- for result in results if result.status in ('error', 'fail', 'runtime error') -%}
            {%- do failed.append("'" ~ result.node.name ~ "'") -%}
        {%- endfor -%}
        {%- if failed -%}
            {%- do exceptions.warn("the marts were put back as they were before this build") -%}
            select ops.undo_build(array[{{ failed | join(', ') }}])
        {%- else -%}
            select ops.keep_build()
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#- Asked only while running: dbt would take a change of it for a change of the project. -#}
{% macro is_run_by_omics() -%}
    {{ return(env_var('OMICS_BUILD', '') != '') }}
{%- endmacro %}


{% macro is_partial() -%}
    {{ return((invocation_args_dict.get('select') or invocation_args_dict.get('exclude')
        or invocation_args_dict.get('selector')) is not none
        and (invocation_args_dict.get('select') or invocation_args_dict.get('exclude')
        or invocation_args_dict.get('selector')) | length > 0) }}
{%- endmacro %}


{#- Saves the rows of a mart whose keys a query gives; nothing for tables that are not marts. -#}
{% macro remember_rows(relation, keys, query) -%}
    {%- if relation.schema == 'marts' -%}
    select ops.remember(
        '{{ relation.identifier }}',
        array['{{ keys | join("', '") }}'],
        $undo${{ query }}$undo$
    )
    {%- else -%}
    select 1
    {%- endif -%}
{%- endmacro %}


{#- Deletes the rows that fulfil a condition on `known`, saved first. `keys` tell a row of `this`. -#}
{% macro forget_rows(key, condition) -%}
    {%- if this.schema == 'marts' -%}
    {%- set left = '"' ~ this.identifier ~ '__left"' -%}
    drop table if exists pg_temp.{{ left }};
    create temporary table {{ left }} on commit drop as
    select distinct known.{{ key }}, known.ctid as place from {{ this }} as known where {{ condition }};
    {{ remember_rows(this, [key], 'select ' ~ key ~ ' from pg_temp.' ~ left) }};
    delete from {{ this }} as known
    where known.ctid = any(array(select place from pg_temp.{{ left }}))
    {%- else -%}
    delete from {{ this }} as known where {{ condition }}
    {%- endif -%}
{%- endmacro %}


{#- A mart that is made anew: its former table is kept until the build has passed. -#}
{% macro postgres__drop_relation(relation) -%}
    {%- if relation.schema == 'marts' and relation.is_table
        and relation.identifier.endswith('__dbt_backup') -%}
        {% call statement('drop_relation', auto_begin=False) -%}
            select ops.set_aside(
                '{{ relation.identifier }}', '{{ relation.identifier[:-('__dbt_backup' | length)] }}'
            )
        {%- endcall %}
    {%- else -%}
        {{ default__drop_relation(relation) }}
    {%- endif -%}
{%- endmacro %}
