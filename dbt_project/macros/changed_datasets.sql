{#-
    What an incremental model has to do with. `datasets` is built last, only after every other mart of
    a dataset it is made from succeeded, so it is the record of what is done: the table
    int_datasets_changed compares the current versions with it once per run, and every incremental model
    follows that table. Models that are made from `datasets` come after the record, and a build of some
    models leaves others out. So what the record says anew is noted in ops.unfinished, and built again
    until a complete build has passed.
-#}

{#- The rows of `datasets` as the last good run left them, or none when it has never been built. -#}
{% macro built_datasets() -%}
    {%- set relation = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set relation = adapter.get_relation(target.database, 'marts', 'datasets') -%}
    {%- endif -%}
    select
        {% if relation is none -%}
        cast(null as uuid) as dataset_id,
        cast(null as bigint) as source_file_id,
        cast(null as text) as load_id,
        cast(null as text) as build_key
    where false
        {%- else -%}
        datasets.dataset_id,
        datasets.source_file_id,
        datasets.load_id,
        datasets.build_key
    from {{ relation }} as datasets
    -- Those of Notion alone have no version that could be compared.
    where datasets.source_file_id is not null
        {%- endif %}
{%- endmacro %}


{#- Pre-hook: the rows of changed and removed datasets leave, also when no new row replaces them. -#}
{% macro forget_changed_datasets() -%}
    {%- set changed -%}
        select changed.dataset_id from {{ ref('int_datasets_changed') }} as changed
    {%- endset -%}
    {%- if is_incremental() -%}
        {{ remember_rows(this, ['dataset_id'], changed) }};
        delete from {{ this }}
        where dataset_id in ({{ changed }})
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}


{#-
    The datasets that this run has to build: the changed ones, or all when the table is new. The scale
    that a sheet declares goes before the one that was read off the values.
-#}
{% macro datasets_to_build() -%}
    select
        versions.dataset_id,
        versions.dataset_key,
        versions.file_id,
        versions.load_id,
        versions.source_name,
        versions.data_shape,
        versions.feature_type,
        coalesce(descriptions.value_scale, versions.value_scale) as value_scale,
        versions.zero_is_missing,
        versions.first_loaded_at,
        versions.loaded_at,
        versions.is_source_missing
    from {{ ref('int_dataset_versions') }} as versions
    left join {{ ref('int_dataset_descriptions') }} as descriptions
        on versions.dataset_id = descriptions.dataset_id
    {% if is_incremental() -%}
    inner join {{ ref('int_datasets_changed') }} as changed
        on versions.dataset_id = changed.dataset_id
    {% else -%}
    -- depends_on: {{ ref('int_datasets_changed') }}
    {% endif -%}
    where versions.is_current
{%- endmacro %}


{#-
    Condition that lets Postgres reach the rows of a few files through the index on file_id. A join
    condition cannot pass into the union of the four sources; an array can. Left out when everything
    is built, where reading straight through is faster.
-#}
{% macro of_changed_files(file_id, to_build='to_build') -%}
    {%- if is_incremental() -%}
        {{ file_id }} = any(array(select wanted.file_id from {{ to_build }} as wanted))
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{#-
    Post-hook of the large facts. The models that read them next are planned by statistics, which a
    table of this run does not have yet; a few new datasets do not change them.
-#}
{% macro analyze_when_much_changed() -%}
    do $$
    begin
        if (select count(*) from {{ ref('int_datasets_changed') }}) * 10
            > (select count(*) from {{ ref('int_dataset_versions') }})
        then
            analyze {{ this }};
        end if;
    end
    $$
{%- endmacro %}


{#-
    Condition for data tests on facts: in `dbt build` only the datasets that this run changed, so that
    a refresh does not grow with the warehouse; in `dbt test` and in a full refresh all of them.
-#}
{% macro tested_datasets(keyword='where') -%}
    -- depends_on: {{ ref('int_datasets_changed') }}
    {% if execute and flags.WHICH == 'build' and not flags.FULL_REFRESH -%}
    {{ keyword }} dataset_id in (
        select changed.dataset_id from {{ ref('int_datasets_changed') }} as changed
    )
    {%- endif -%}
{%- endmacro %}


{#- Condition on `known`: samples of sheets, and those that came with a dataset that changed. -#}
{% macro samples_of_this_run() -%}
    known.dataset_id is null
    or known.dataset_id in (
        select changed.dataset_id from {{ ref('int_datasets_changed') }} as changed
    )
{%- endmacro %}


{#- Condition on `known`: rejects of files that hold no dataset, and those of changed datasets. -#}
{% macro rejects_of_this_run() -%}
    {{ samples_of_this_run() }}
{%- endmacro %}


{#-
    Pre-hook of `datasets` and `signatures`: what they are about to say is built. `changed` is what the
    run follows, `wanted` has the keys that the record will hold.
-#}
{% macro remember_unfinished(kind, changed, wanted) -%}
    {%- set id = kind ~ '_id' -%}
    {%- set noted -%}
        select changed.{{ id }}
        from {{ changed }} as changed
        {%- if is_incremental() %}
        left join {{ wanted }} as wanted
            on changed.{{ id }} = wanted.{{ id }}
        left join {{ this }} as known
            on changed.{{ id }} = known.{{ id }}
        where
            changed.change = 'renamed'
            or wanted.build_key is distinct from known.build_key
        {%- endif %}
    {%- endset -%}
    select ops.remember_unfinished('{{ kind }}', $noted${{ noted }}$noted$)
{%- endmacro %}
