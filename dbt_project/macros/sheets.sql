{#- Names of programs, experiments and factors as they are compared: case and blanks do not count. -#}
{% macro folded_words(text) -%}
    nullif(lower(regexp_replace(btrim({{ text }}), '\s+', ' ', 'g')), '')
{%- endmacro %}


{#- Endings of data files, which vendors and people leave out or add. -#}
{% macro data_file_ending() -%}
\.(raw|mzml|mzxml|mgf|wiff2?|d|dia|lcd|cel|idat|bam|sam|cram|fastq|fq|sf|csv|tsv|txt)(\.(gz|zip|bz2))?$
{%- endmacro %}


{#-
    Names of samples and assays as they are compared. Folder and ending of a data file leave; case
    goes; blanks and punctuation become one dot, as R's make.names has it; the X that R puts before
    a digit or a sign leaves. Names that differ only in these collide, and folding never decides
    between them.
-#}
{% macro folded_sample_name(name) -%}
    nullif(
        regexp_replace(
            btrim(
                regexp_replace(
                    case
                        when lower(btrim({{ name }})) ~ '{{ data_file_ending() }}'
                            then regexp_replace(
                                regexp_replace(lower(btrim({{ name }})), '^.*[/\\]', ''),
                                '{{ data_file_ending() }}', ''
                            )
                        else lower({{ name }})
                    end,
                    '[^[:alnum:]]+', '.', 'g'
                ),
                '.'
            ),
            '^x(\.|(?=[0-9]))', ''
        ),
        ''
    )
{%- endmacro %}


{#- A path without `.` and `..` inside; up to four of the latter. -#}
{% macro normal_path(path) -%}
    {%- set inner = namespace(sql="regexp_replace(" ~ path ~ ", '/(\./)+', '/', 'g')") -%}
    {%- for _ in range(4) -%}
        {%- set inner.sql = "regexp_replace(" ~ inner.sql ~ ", '/(?!\.\./)[^/]+/\.\.(?=/)', '')" -%}
    {%- endfor -%}
    {{ inner.sql }}
{%- endmacro %}


{#- A glob as a regular expression: * and ? stay inside a folder, ** does not. -#}
{% macro glob_pattern(glob) -%}
    '^' || replace(replace(replace(replace(replace(replace(
        regexp_replace({{ glob }}, '([].+^$(){}|[\\])', '\\\1', 'g'),
        '**/', chr(1)), '**', chr(2)), '*', '[^/]*'), '?', '[^/]'),
        chr(1), '(.*/)?'), chr(2), '.*') || '$'
{%- endmacro %}


{#- A JSON array of texts as an array; empty where there is none. -#}
{% macro text_array(json) -%}
    case
        when jsonb_typeof({{ json }}) = 'array'
            then array(select jsonb_array_elements_text({{ json }}))
        when {{ json }} is null then cast('{}' as text [])
        else array[{{ json }} #>> '{}']
    end
{%- endmacro %}


{#-
    The group of a sample: the one that its row states, else its factors, else treatment, dose and
    time. Replicates are factors in some studies and tell no groups apart.
-#}
{% macro study_variable(fields) -%}
    coalesce(
        {{ fields }} ->> 'study_variable',
        (
            select string_agg(factor.value, ' | ' order by factor.key)
            from jsonb_each_text({{ fields }} -> 'factors') as factor (key, value)
            where factor.key !~* 'replicate' and factor.value <> ''
        ),
        nullif(concat_ws(
            ' ',
            {{ fields }} ->> 'intervention',
            {{ fields }} ->> 'dose',
            {{ fields }} ->> 'timepoint'
        ), '')
    )
{%- endmacro %}


{#- A label of a result file as the seed of labels has it: what stands in brackets, folded. -#}
{% macro folded_label(label) -%}
    btrim(lower(regexp_replace(
        regexp_replace({{ label }}, '^.*\[(.*)\]$', '\1'), '[\s._-]+', ' ', 'g'
    )))
{%- endmacro %}
