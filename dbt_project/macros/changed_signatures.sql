{#-
    Signatures are built like datasets: `signatures` is built last and is the record of what is done,
    int_signatures_changed compares the current files with it, and scoring follows both.
-#}

{#- The rows of `signatures` as the last good run left them, or none. -#}
{% macro built_signatures() -%}
    {%- set relation = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set relation = adapter.get_relation(target.database, 'marts', 'signatures') -%}
    {%- endif -%}
    select
        {% if relation is none -%}
        cast(null as uuid) as signature_id,
        cast(null as text) as build_key
    where false
        {%- else -%}
        signatures.signature_id,
        signatures.build_key
    from {{ relation }} as signatures
    -- Those of Notion alone have no version that could be compared.
    where signatures.source_file_id is not null
        {%- endif %}
{%- endmacro %}


{#- Pre-hook: the rows of changed and removed signatures leave, also when no new row replaces them. -#}
{% macro forget_changed_signatures() -%}
    {%- set changed -%}
        select changed.signature_id from {{ ref('int_signatures_changed') }} as changed
    {%- endset -%}
    {%- set key = config.get('unique_key')[0] -%}
    {%- if is_incremental() -%}
        {{ remember_rows(
            this, [key],
            'select known.' ~ key ~ ' from ' ~ this ~ ' as known where known.signature_id in (' ~ changed ~ ')'
        ) }};
        delete from {{ this }}
        where signature_id in ({{ changed }})
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}


{#- The signatures that this run has to build: the changed ones, or all when the table is new. -#}
{% macro signatures_to_build() -%}
    select sets.*
    from {{ ref('int_signature_sets') }} as sets
    {% if is_incremental() -%}
    inner join {{ ref('int_signatures_changed') }} as changed
        on sets.signature_id = changed.signature_id
    {%- else -%}
    -- depends_on: {{ ref('int_signatures_changed') }}
    {%- endif %}
{%- endmacro %}


{#-
    The datasets whose ranks this run makes: changed ones, and those that were not ranked yet. A dataset
    is ranked once a signature has components of its kind of molecule, so that without signatures nothing
    is done.
-#}
{% macro datasets_to_rank() -%}
    {%- set relation = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set relation = adapter.get_relation(target.database, 'marts', 'scored_observations') -%}
    {%- endif -%}
    select versions.dataset_id
    from {{ ref('int_dataset_versions') }} as versions
    where
        versions.is_current
        and exists (
            select 1
            from {{ ref('signature_components') }} as components
            where
                {{ molecule_of('components.feature_type') }}
                = {{ molecule_of('versions.feature_type') }}
        )
        {% if is_incremental() and relation is not none -%}
        and (
            versions.dataset_id in (
                select changed.dataset_id from {{ ref('int_datasets_changed') }} as changed
            )
            or not exists (
                select 1
                from {{ relation }} as ranked
                where ranked.dataset_id = versions.dataset_id
            )
        )
        {%- else -%}
        -- depends_on: {{ ref('int_datasets_changed') }}
        {%- endif %}
{%- endmacro %}
