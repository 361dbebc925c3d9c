{#-
    What `documents` needs beside its SQL: which datasets have to be written anew, how long texts are
    cut, and how a feature with its numbers reads.
-#}

{#- Characters of one chunk of long text: about 1,000 tokens, half of what the smallest model takes. -#}
{% macro chunk_characters() -%}
    4000
{%- endmacro %}


{#- A description that fits into an overview; longer ones are a section of their own. -#}
{% macro short_enough(text) -%}
    case when length({{ text }}) <= 1500 then {{ text }} end
{%- endmacro %}


{% macro too_long(text) -%}
    case when length({{ text }}) > 1500 then {{ text }} end
{%- endmacro %}


{#- True where features get documents, by OMICS_FEATURE_DOCUMENTS. -#}
{% macro with_feature_documents() -%}
    {{ 'true' if env_var('OMICS_FEATURE_DOCUMENTS', 'false') | lower | trim in ('true', '1', 'yes', 'on', 't', 'y') else 'false' }}
{%- endmacro %}


{#-
    The datasets whose documents this run writes: the changed ones, and those that match or matched a
    signature that changed. All of them when the table is new.
-#}
{% macro datasets_to_document() -%}
    select datasets.*
    from {{ ref('datasets') }} as datasets
    {% if is_incremental() -%}
    where
        datasets.dataset_id in (
            select changed.dataset_id from {{ ref('int_datasets_changed') }} as changed
        )
        or datasets.dataset_id in ({{ datasets_of_changed_signatures() }})
        or datasets.is_notion_only
    {%- else -%}
    -- depends_on: {{ ref('int_datasets_changed') }}
    -- depends_on: {{ ref('int_signatures_changed') }}
    {%- endif %}
{%- endmacro %}


{%- macro datasets_of_changed_signatures() -%}
            select scores.dataset_id
            from {{ ref('signature_scores') }} as scores
            inner join {{ ref('int_signatures_changed') }} as changed
                on scores.signature_id = changed.signature_id
            where {{ is_match('scores') }}
            union
            select written.entity_id
            from {{ this }} as written
            inner join {{ ref('int_signatures_changed') }} as changed
                on written.metadata -> 'signature_ids' ? cast(changed.signature_id as text)
            where written.entity_type = 'dataset'
{%- endmacro %}


{#- Which scores are worth telling: those of one method, of a contrast, beyond chance. -#}
{% macro is_match(scores) -%}
    {{ scores }}.method = 'ulm'
    and {{ scores }}.contrast_id is not null
    and {{ scores }}.n_matched >= 3
    and {{ scores }}.q_within_dataset <= 0.05
{%- endmacro %}


{#- Condition on `known`: documents that this run writes anew, or whose entity is gone. -#}
{% macro documents_of_this_run() -%}
    known.entity_type <> 'dataset'
    or known.chunk like 'narrative%'
    or known.entity_id in (
        select changed.dataset_id from {{ ref('int_datasets_changed') }} as changed
    )
    or known.entity_id in ({{ datasets_of_changed_signatures() }})
    or known.entity_id not in (
        select kept.dataset_id from {{ ref('datasets') }} as kept
        where not kept.is_notion_only
    )
{%- endmacro %}


{#- A number for people: four digits that count, small ones as powers of ten. -#}
{% macro readable(number) -%}
    case
        when {{ number }} = 0 then '0'
        when abs({{ number }}) < 0.001 or abs({{ number }}) >= 1e6
            then regexp_replace(btrim(to_char({{ number }}, '9.9EEEE')), '\.0e', 'e')
        else cast(trim_scale(round(cast({{ number }} as numeric), 3)) as text)
    end
{%- endmacro %}


{#- One sentence: a heading and a list, or nothing where the list is empty. -#}
{% macro listed(heading, list) -%}
    '{{ heading }}: ' || nullif(array_to_string({{ list }}, ', '), '') || '.'
{%- endmacro %}
