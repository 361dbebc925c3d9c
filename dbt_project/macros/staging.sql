{#-
    The staging layer is the same for the four omics sources, so each landing table is staged by one
    macro: rename, cast, and the visibility rule. A row counts only if its file and its load id stand
    in `files` as loaded and the load is finished.
-#}

{#- The visibility rule for the rows of a landing table that is called `landed`. -#}
{% macro visible_files(source_name) -%}
inner join {{ source(source_name, 'files') }} as files
    on
        landed.file_id = files.file_id
        and landed._dlt_load_id = files._dlt_load_id
inner join {{ source(source_name, '_dlt_loads') }} as loads
    on files._dlt_load_id = loads.load_id
where
    files.status = 'loaded'
    and loads.status = 0
{%- endmacro %}


{% macro stage_files(omics) %}
{%- set source_name = 'raw_' ~ omics -%}
select
    -- ids
    files.file_id,
    cast(files._dlt_load_id as text) as load_id,
    cast(files.dataset_key as text) as dataset_key,
    cast(files.run_id as text) as run_id,
    -- file
    '{{ omics }}' as source_name,
    cast(files.part as text) as part,
    cast(files.source_path as text) as source_path,
    cast(files.source_root as text) as source_root,
    cast(files.sha256 as text) as sha256,
    files.size_bytes,
    files.modified_at,
    cast(files.format as text) as format,
    cast(files.format_fingerprint as text) as format_fingerprint,
    cast(files.reader_version as text) as reader_version,
    cast(files.software as text) as software,
    -- content
    cast(files.omics_type as text) as omics_type,
    cast(files.shape as text) as data_shape,
    cast(files.feature_type as text) as feature_type,
    cast(files.quantity as text) as quantity,
    cast(files.unit as text) as unit,
    cast(coalesce(files.value_scale, 'unknown') as text) as value_scale,
    cast(files.scale_evidence as jsonb) as scale_evidence,
    cast(files.omics_type_evidence as jsonb) as omics_type_evidence,
    cast(files.role_evidence as jsonb) as role_evidence,
    coalesce(files.zero_is_missing, false) as zero_is_missing,
    -- counts
    files.zero_count,
    files.rows_read,
    files.rows_landed,
    files.rows_rejected,
    files.rows_skipped,
    cast(files.rows_skipped_by_rule as jsonb) as rows_skipped_by_rule,
    files.n_assays,
    files.n_values,
    -- times
    files.loaded_at,
    loads.inserted_at as load_finished_at
from {{ source(source_name, 'files') }} as files
inner join {{ source(source_name, '_dlt_loads') }} as loads
    on files._dlt_load_id = loads.load_id
where
    files.status = 'loaded'
    and loads.status = 0
{% endmacro %}


{% macro stage_assays(omics) %}
select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    cast(landed.position as integer) as position,
    cast(landed.name as text) as name,
    cast(landed.source_column as text) as source_column,
    cast(landed.attributes as jsonb) as attributes
from {{ source('raw_' ~ omics, 'assays') }} as landed
{{ visible_files('raw_' ~ omics) }}
{% endmacro %}


{% macro stage_feature_rows(omics) %}
select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.reported_name as text) as reported_name,
    cast(landed.annotations as jsonb) as annotations,
    {{ to_doubles('landed.quantities') }} as quantities,
    coalesce(landed.is_contaminant, false) as is_contaminant,
    coalesce(landed.is_decoy, false) as is_decoy,
    coalesce(landed.is_internal_standard, false) as is_internal_standard
from {{ source('raw_' ~ omics, 'feature_rows') }} as landed
{{ visible_files('raw_' ~ omics) }}
{% endmacro %}


{% macro stage_contrasts(omics) %}
select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    cast(landed.position as integer) as position,
    cast(landed.name as text) as name,
    cast(landed.numerator as text) as numerator,
    cast(landed.denominator as text) as denominator,
    cast(landed.tool as text) as tool,
    cast(landed.adjust_method as text) as adjust_method,
    cast(landed.statistic_type as text) as statistic_type,
    cast(landed.columns as jsonb) as source_columns
from {{ source('raw_' ~ omics, 'contrasts') }} as landed
{{ visible_files('raw_' ~ omics) }}
{% endmacro %}


{% macro stage_result_rows(omics) %}
select
    -- ids
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    cast(landed.contrast_position as integer) as contrast_position,
    landed.row_number,
    cast(landed.reported_name as text) as reported_name,
    cast(landed.annotations as jsonb) as annotations,
    -- numbers
    {%- for statistic in [
        'log2_fold_change', 'fold_change', 'ln_fold_change', 'std_error', 'statistic',
        'degrees_of_freedom', 'p_value', 'neg_log10_p_value', 'adjusted_p_value', 'mean_abundance',
        'log_odds',
    ] %}
    {{ to_double('landed.' ~ statistic) }} as {{ statistic }},
    {%- endfor %}
    -- flags
    cast(landed.result_flag as text) as result_flag,
    coalesce(landed.is_contaminant, false) as is_contaminant,
    coalesce(landed.is_decoy, false) as is_decoy,
    coalesce(landed.is_internal_standard, false) as is_internal_standard
from {{ source('raw_' ~ omics, 'result_rows') }} as landed
{{ visible_files('raw_' ~ omics) }}
{% endmacro %}


{% macro stage_rejected_rows(omics) %}
select
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.column_name as text) as column_name,
    cast(landed.raw_text as text) as raw_text,
    cast(landed.reason_code as text) as reason_code,
    cast(landed.message as text) as message
from {{ source('raw_' ~ omics, 'rejected_rows') }} as landed
{{ visible_files('raw_' ~ omics) }}
{% endmacro %}


{#- One staged table of several sources, one below the other. -#}
{% macro union_sources(sources, table) -%}
    {%- for source_name in sources -%}
    select * from {{ ref('stg_' ~ source_name ~ '__' ~ table) }}
    {% if not loop.last %}union all
    {% endif -%}
    {%- endfor -%}
{%- endmacro %}


{#- One staged table of the four omics sources. -#}
{% macro union_omics(table) -%}
    {{ union_sources(['lipidomics', 'metabolomics', 'proteomics', 'transcriptomics'], table) }}
{%- endmacro %}


{#- One staged table of the sources that describe what the omics sources measured. -#}
{% macro union_definitions(table) -%}
    {{ union_sources(['programs', 'features', 'signatures'], table) }}
{%- endmacro %}


{#-
    Landed file versions with their state and rank: the newest version of a key that was not removed
    is the current one, across sources and loads.
-#}
{% macro rank_versions(files, states) -%}
with_states as (
    select
        files.*,
        coalesce(states.state = 'source_missing', false) as is_source_missing,
        coalesce(states.state = 'removed' and states.since >= files.loaded_at, false) as is_removed
    from {{ files }} as files
    left join {{ states }} as states
        on files.dataset_key = states.dataset_key
),

ranked as (
    select
        with_states.*,
        row_number() over (
            partition by with_states.dataset_key
            order by
                with_states.is_removed asc,
                with_states.loaded_at desc,
                with_states.load_id desc,
                with_states.file_id desc
        ) as version_rank,
        min(with_states.loaded_at) over (
            partition by with_states.dataset_key
        ) as first_loaded_at
    from with_states
)
{%- endmacro %}
