{#-
    Hooks of `feature_names` and `features`: what nothing uses any more leaves. Looked for only when
    this run replaced, renamed or removed a dataset; a new dataset frees no name.
-#}

{#- True when this run took a name out of use: a dataset or a signature changed or left. -#}
{% macro something_left() -%}
    exists (
                select 1 from {{ ref('int_datasets_changed') }} as changed
                where changed.change <> 'new'
                union all
                select 1 from {{ ref('int_signatures_changed') }} as changed
                where changed.change <> 'new'
            )
{%- endmacro %}


{#- Post-hook of `feature_names`: names that no row of a fact and no component of a signature was resolved by. -#}
{% macro forget_unused_names() -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
            {{ something_left() }}
            and not exists (
                select 1 from {{ ref('int_signature_component_names') }} as component
                where
                    component.reported_name = known.reported_name
                    and {{ molecule_of('component.feature_type') }}
                    = {{ molecule_of('known.feature_type') }}
            )
            {%- for fact in ['dataset_features', 'differential_results'] %}
            and not exists (
                select 1 from {{ ref(fact) }} as fact
                where
                    fact.feature_id = known.feature_id
                    and fact.feature_name_id = known.feature_name_id
            )
            {%- endfor %}
        {%- endset -%}
        {{ forget_rows('feature_name_id', condition) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}


{#- Post-hook of `features`: features that no name means, alone or as member of a group. -#}
{% macro forget_unused_features() -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
            {{ something_left() }}
            and not exists (
                select 1 from {{ ref('feature_names') }} as feature_names
                where feature_names.feature_id = known.feature_id
            )
            and known.feature_id not in (
                select member.feature_id
                from {{ ref('feature_names') }} as feature_names
                cross join
                    lateral unnest(feature_names.member_feature_ids) as member (feature_id)
            )
        {%- endset -%}
        {{ forget_rows('feature_id', condition) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
