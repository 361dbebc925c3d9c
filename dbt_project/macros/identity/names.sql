{#-
    How names are compared. Three spellings of a name stand in int_feature_lookup, each a method of
    its own: as written, without punctuation, and without case as well.
-#}

{#- Version of the rules that names are resolved by: raise it with every change of an answer. -#}
{% macro identity_rules_version() -%}
    'identity-2'
{%- endmacro %}


{#- Genes, transcripts and proteins are looked up by themselves; metabolites and lipids together. -#}
{% macro molecule_of(feature_type) -%}
    case
        when {{ feature_type }} in ('metabolite', 'lipid') then 'small_molecule'
        else {{ feature_type }}
    end
{%- endmacro %}


{#-
    A name without punctuation. Between two digits of a small molecule punctuation tells molecules
    apart (1,2- and 12-), and so does a plus (NAD+).
-#}
{% macro without_punctuation(name, molecule) -%}
    case
        when {{ molecule }} = 'small_molecule'
            then regexp_replace(
                regexp_replace({{ name }}, '(\d)[^[:alnum:]+]+(?=\d)', '\1_', 'g'),
                '[^[:alnum:]+_]+', '', 'g'
            )
        else regexp_replace({{ name }}, '[^[:alnum:]]+', '', 'g')
    end
{%- endmacro %}


{#-
    A name without punctuation, without case, and with Greek letters written out for small molecules
    and as their Latin initials for genes, as symbols have them (TNFα is TNFA).
-#}
{% macro folded(name, molecule) -%}
    lower({{ without_punctuation(
        "case "
        ~ "when " ~ name ~ " !~ '[Α-Ωα-ωµ]' then " ~ name ~ " "
        ~ "when " ~ molecule ~ " = 'small_molecule' then replace(replace(replace(replace(replace("
        ~ "replace(replace(" ~ name ~ ", 'α', 'alpha'), 'β', 'beta'), 'γ', 'gamma'), "
        ~ "'δ', 'delta'), 'ε', 'epsilon'), 'ω', 'omega'), 'Δ', 'delta') "
        ~ "else translate(" ~ name ~ ", 'αβγδεζκλµμΑΒΓΔΕΚ', 'ABGDEZKLMMABGDEK') end",
        molecule
    ) }})
{%- endmacro %}


{#- Pattern of the prefixes that mark contaminants and decoys, of one flag or of all. -#}
{% macro flag_pattern(flags, flag=none) -%}
    (
        select '(?:' || string_agg({{ flags }}.pattern, '|' order by {{ flags }}.pattern) || ')'
        from {{ flags }}
        {%- if flag %}
        where {{ flags }}.flag = '{{ flag }}'
        {%- endif %}
    )
{%- endmacro %}


{#-
    The context of a row: that of its dataset, the identifier that decides, and whether the file marks
    the row. Most rows have nothing of their own.
-#}
{% macro row_context(contexts, rows) -%}
    case
        when
            {{ contexts }}.identifier_column is null
            and not {{ rows }}.is_contaminant
            and not {{ rows }}.is_decoy
            then {{ contexts }}.context
        else concat_ws(
            '|',
            nullif({{ contexts }}.context, ''),
            nullif(btrim({{ rows }}.annotations ->> {{ contexts }}.identifier_column), ''),
            case
                when {{ rows }}.is_contaminant then 'contaminant'
                when {{ rows }}.is_decoy then 'decoy'
            end
        )
    end
{%- endmacro %}


{#- Id of a ledger row. -#}
{% macro feature_name_id(feature_type, reported_name, context) -%}
    {{ surrogate_id(["'feature_name'", feature_type, reported_name, context]) }}
{%- endmacro %}


{#- Id of a feature that has a canonical identifier. -#}
{% macro feature_id_of(canonical_id) -%}
    {{ surrogate_id(["'feature'", canonical_id]) }}
{%- endmacro %}


{#- Id of a feature that is only known by a name: its type, its species where that matters, its name. -#}
{% macro feature_id_of_name(feature_type, taxon, name) -%}
    {{ surrogate_id([
        "'feature'", feature_type, "coalesce(" ~ taxon ~ ", '')", name
    ]) }}
{%- endmacro %}
