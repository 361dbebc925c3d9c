{#-
    The end of an incremental mart whose rows carry a page of Notion: the rows that this run built, and
    the others as they are where only their page or its text is another one. A new page does not make a
    dataset's facts anew.

    built: CTE of the rows of this run. key: column with the id. changed: model of the ids that leave or
    are built. given: CTE with the key and `notion_page_id`, as a sheet names it, or none. only: CTE of
    the rows that Notion alone tells of, with the same columns.
-#}
{% macro with_new_pages(built, entity_type, key, changed, only, given=none) -%}
    {%- if not execute or not is_incremental() -%}
select * from {{ built }}
union all
select * from {{ only }}
-- depends_on: {{ ref(changed) }}
    {%- else -%}
    {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='name') | list -%}
    {%- set page = 'coalesce(pages.page_id, given.notion_page_id)' if given else 'pages.page_id' -%}
select
    {% for column in columns -%}
    {{ built }}.{{ column }}{{ ',' if not loop.last }}
    {% endfor -%}
from {{ built }}
union all
select
    {% for column in columns -%}
    {{ only }}.{{ column }}{{ ',' if not loop.last }}
    {% endfor -%}
from {{ only }}
left join {{ this }} as before
    on {{ only }}.{{ key }} = before.{{ key }}
-- What is as it was is not written again.
where
    before.{{ key }} is null
    or row(
        {% for column in columns -%}
        {{ only }}.{{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    ) is distinct from row(
        {% for column in columns -%}
        before.{{ column }}{{ ',' if not loop.last }}
        {% endfor -%}
    )
union all
select
    {% for column in columns -%}
    {% if column == 'notion_page_id' -%}
    {{ page }} as notion_page_id
    {%- elif column == 'narrative' -%}
    pages.narrative
    {%- else -%}
    known.{{ column }}
    {%- endif %}{{ ',' if not loop.last }}
    {% endfor -%}
from {{ this }} as known
left join pages
    on
        known.{{ key }} = pages.entity_id
        and pages.entity_type = '{{ entity_type }}'
{% if given -%}
left join {{ given }} as given
    on known.{{ key }} = given.{{ key }}
{% endif -%}
where
    (
        known.notion_page_id is distinct from {{ page }}
        or known.narrative is distinct from pages.narrative
    )
    and not known.is_notion_only
    and known.{{ key }} not in (
        select changed.{{ key }} from {{ ref(changed) }} as changed
    )
    {%- endif -%}
{%- endmacro %}


{#- Pre-hook: rows that Notion alone told of, and tells of no more, leave. -#}
{% macro forget_notion_only(entity_type, key) -%}
    {%- if is_incremental() -%}
        {%- set condition -%}
            known.is_notion_only
            and not exists (
                select 1 from {{ ref('int_notion_facts') }} as facts
                where
                    facts.entity_type = '{{ entity_type }}'
                    and facts.is_notion_only
                    and facts.entity_id = known.{{ key }}
            )
        {%- endset -%}
        {{ forget_rows(key, condition) }}
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
