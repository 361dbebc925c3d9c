{#-
    What Notion says of entities, and whose word counts. USE_POSTGRES_AS_SOT is the switch: true, or
    not set, and fields come from files and sheets; false, and those of a live page win.
-#}

{#- True where Notion wins. Read when SQL is made, so that plain dbt obeys the setting too. -#}
{% macro notion_is_first() -%}
    {{ 'true' if env_var('USE_POSTGRES_AS_SOT', 'true') | lower | trim in ('false', '0', 'no', 'off', 'f', 'n') else 'false' }}
{%- endmacro %}


{#- A page id without dashes, from an id or an address; null where there is none in it. -#}
{% macro page_key(text) -%}
    (regexp_match(
        split_part(lower(replace({{ text }}, '-', '')), '?', 1), '.*([0-9a-f]{32})'
    ))[1]
{%- endmacro %}


{#- Id of an entity that exists in Notion only: its page is its natural key. -#}
{% macro notion_entity_id(page_id) -%}
    {{ surrogate_id(["'notion'", page_key(page_id)]) }}
{%- endmacro %}


{#-
    Fields of an entity with those of its page on top. What Notion shows as it was written, but for the
    commas that its options may not hold, is no edit: the field keeps its commas.
-#}
{% macro with_notion_fields(fields, noted) -%}
    {{ fields }} || coalesce(
        (
            select
                jsonb_object_agg(
                    said.key,
                    case
                        when
                            replace(cast({{ fields }} -> said.key as text), ',', ';')
                            = replace(cast(said.value as text), ',', ';')
                            then {{ fields }} -> said.key
                        else said.value
                    end
                )
            from jsonb_each({{ noted }}) as said (key, value)
        ),
        cast('{}' as jsonb)
    )
{%- endmacro %}
