{#-
    The releases and rules that the marts were last built with: `reference_releases` is built after
    everything else, so it is the record of it.
-#}
{% macro applied_identity() -%}
    {%- set relation = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set relation = adapter.get_relation(target.database, 'marts', 'reference_releases') -%}
    {%- endif -%}
    {% if relation is none -%}
    select cast(null as text) as fingerprint where false
    {%- else -%}
    select distinct releases.fingerprint
    from {{ relation }} as releases
    {%- endif %}
{%- endmacro %}


{#- A mart as the last run left it, or no row when it has never been built or is built anew. -#}
{% macro left_by_the_last_run(mart, columns) -%}
    {%- set relation = none -%}
    {%- if execute and not flags.FULL_REFRESH -%}
        {%- set relation = adapter.get_relation(target.database, 'marts', mart) -%}
    {%- endif -%}
    select
        {%- for name, data_type in columns.items() %}
        {% if relation is none -%}
        cast(null as {{ data_type }}) as {{ name }}
        {%- else -%}
        {{ mart }}.{{ name }}
        {%- endif -%}
        {{ ',' if not loop.last }}
        {%- endfor %}
    {%- if relation is none %}
    where false
    {%- else %}
    from {{ relation }} as {{ mart }}
    {%- endif %}
{%- endmacro %}


{#-
    True when names have to be resolved anew: other releases, lipid rules or rules than those that
    the marts were built with. Reads the CTEs `identity_state` and `applied`. Evaluated once, before
    anything is scanned.
-#}
{% macro identity_has_changed() -%}
    (
        select not exists (
            select 1
            from applied
            inner join identity_state
                on applied.fingerprint = identity_state.fingerprint
        )
    )
{%- endmacro %}


{#-
    What the rows of a dataset were taken for, as one number: other features, or a name that is mapped
    now and was not, give another.
-#}
{% macro identity_key(answers, rows) -%}
    cast(sum(
        uuid_hash_extended(
            {{ answers }}.feature_id,
            2 * {{ rows }}.row_number + cast({{ answers }}.is_mapped as integer)
        )
        + cast(
            coalesce(hash_array_extended({{ answers }}.member_feature_ids, 0), 0) as numeric
        )
    ) as text)
{%- endmacro %}
