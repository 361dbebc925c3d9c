{#-
    Hooks of `feature_names` and `features`: what nothing uses any more leaves. Looked for only when
    this run replaced, renamed or removed a dataset; a new dataset frees no name.
-#}

{#- Post-hook of `feature_names`: names that no row of a fact was resolved by. -#}
{% macro forget_unused_names() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as known
        where
            exists (
                select 1 from {{ ref('int_datasets_changed') }} as changed
                where changed.change <> 'new'
            )
            {%- for fact in ['dataset_features', 'differential_results'] %}
            and not exists (
                select 1 from {{ ref(fact) }} as fact
                where
                    fact.feature_id = known.feature_id
                    and fact.feature_name_id = known.feature_name_id
            )
            {%- endfor %}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}


{#- Post-hook of `features`: features that no name means, alone or as member of a group. -#}
{% macro forget_unused_features() -%}
    {%- if is_incremental() -%}
        delete from {{ this }} as known
        where
            exists (
                select 1 from {{ ref('int_datasets_changed') }} as changed
                where changed.change <> 'new'
            )
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
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
