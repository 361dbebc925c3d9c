{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['document_id'],
    on_schema_change='fail',
    replaces='{{ documents_of_this_run() }}',
    indexes=[
        {'columns': ['entity_type', 'entity_id', 'chunk'], 'unique': true},
        {'columns': ['entity_id']},
    ],
    meta={'reference': true},
) }}

-- Each chunk speaks of one thing, and its name is its id: an edit of one leaves the others alone.
-- Facts are read for the datasets of this run only, through the index on dataset_id.

with to_build as materialized (
    {{ datasets_to_document() }}
),

features as not materialized (
    select * from {{ ref('features') }}
),

contrasts as not materialized (
    select * from {{ ref('contrasts') }}
),

differential_results as (
    select * from {{ ref('differential_results') }}
),

derived_results as (
    select * from {{ ref('derived_results') }}
),

dataset_features as (
    select * from {{ ref('dataset_features') }}
),

dataset_quality as (
    select * from {{ ref('dataset_quality') }}
),

signature_scores as (
    select * from {{ ref('signature_scores') }}
),

signatures as not materialized (
    select * from {{ ref('signatures') }}
),

signature_components as not materialized (
    select * from {{ ref('signature_components') }}
),

datasets as (
    select * from {{ ref('datasets') }}
),

programs as not materialized (
    select * from {{ ref('programs') }}
),

experiments as not materialized (
    select * from {{ ref('experiments') }}
),

program_datasets as not materialized (
    select * from {{ ref('program_datasets') }}
),

experiment_datasets as not materialized (
    select * from {{ ref('experiment_datasets') }}
),

program_experiments as not materialized (
    select * from {{ ref('program_experiments') }}
),

pages as (
    select * from {{ ref('int_notion_pages') }}
),

-- What datasets belong to, and what is the same in all of their chunks ---------------------------

dataset_programs as (
    select
        program_datasets.dataset_id,
        array_agg(cast(programs.program_id as text) order by programs.program_id) as program_ids,
        array_agg(programs.name order by programs.name, programs.program_id) as program_names
    from to_build
    inner join program_datasets
        on to_build.dataset_id = program_datasets.dataset_id
    inner join programs
        on program_datasets.program_id = programs.program_id
    group by program_datasets.dataset_id
),

dataset_experiments as (
    select
        experiment_datasets.dataset_id,
        array_agg(
            cast(experiments.experiment_id as text) order by experiments.experiment_id
        ) as experiment_ids,
        array_agg(
            experiments.name order by experiments.name, experiments.experiment_id
        ) as experiment_names
    from to_build
    inner join experiment_datasets
        on to_build.dataset_id = experiment_datasets.dataset_id
    inner join experiments
        on experiment_datasets.experiment_id = experiments.experiment_id
    group by experiment_datasets.dataset_id
),

matches as (
    select
        signature_scores.dataset_id,
        signature_scores.signature_id,
        signature_scores.contrast_id,
        signature_scores.score,
        signature_scores.q_within_dataset,
        signature_scores.n_matched,
        row_number() over (
            partition by signature_scores.dataset_id, signature_scores.signature_id
            order by abs(signature_scores.score) desc, signature_scores.contrast_id
        ) as rank_of_pair
    from to_build
    inner join signature_scores
        on to_build.dataset_id = signature_scores.dataset_id
    where {{ is_match('signature_scores') }}
),

ranked_matches as (
    select
        matches.dataset_id,
        matches.signature_id,
        matches.score,
        matches.q_within_dataset,
        matches.n_matched,
        matches.contrast_id,
        signatures.name,
        signatures.feature_types,
        row_number() over (
            partition by matches.dataset_id
            order by abs(matches.score) desc, signatures.name, matches.signature_id asc
        ) as place
    from matches
    inner join signatures
        on matches.signature_id = signatures.signature_id
    where matches.rank_of_pair = 1
),

matched_signatures as (
    select
        ranked_matches.dataset_id,
        array_agg(
            cast(ranked_matches.signature_id as text) order by ranked_matches.place
        ) as signature_ids,
        max(abs(ranked_matches.score)) as signature_match_score,
        array_agg(ranked_matches.name order by ranked_matches.place) filter (
            where 'lipid' = any(ranked_matches.feature_types)
        ) as lipid_signatures,
        string_agg(
            ranked_matches.name || ' (score ' || {{ readable('ranked_matches.score') }}
            || case when ranked_matches.score < 0 then ', against its direction' else '' end
            || ', q ' || {{ readable('ranked_matches.q_within_dataset') }}
            || ', ' || cast(ranked_matches.n_matched as text) || ' components found, contrast '
            || contrasts.name || ')',
            '; ' order by ranked_matches.place
        ) as sentence
    from ranked_matches
    inner join contrasts
        on
            ranked_matches.dataset_id = contrasts.dataset_id
            and ranked_matches.contrast_id = contrasts.contrast_id
    where ranked_matches.place <= 20
    group by ranked_matches.dataset_id
),

described as materialized (
    select
        to_build.*,
        dataset_programs.program_names,
        dataset_experiments.experiment_names,
        matched_signatures.sentence as matched_sentence,
        jsonb_build_object(
            'source_type', 'dataset',
            'dataset_id', to_build.dataset_id,
            'dataset_name', to_build.name,
            'omics_type', to_build.omics_type,
            'organism', to_build.organism,
            'sample_type', to_build.sample_type,
            'disease', to_build.disease,
            'quality_status', to_build.quality_status,
            'program_ids', coalesce(dataset_programs.program_ids, '{}'),
            'experiment_ids', coalesce(dataset_experiments.experiment_ids, '{}'),
            'signature_ids', coalesce(matched_signatures.signature_ids, '{}'),
            'signature_match_score', matched_signatures.signature_match_score,
            'lipid_signatures', coalesce(matched_signatures.lipid_signatures, '{}')
        ) as shared_metadata
    from to_build
    left join dataset_programs
        on to_build.dataset_id = dataset_programs.dataset_id
    left join dataset_experiments
        on to_build.dataset_id = dataset_experiments.dataset_id
    left join matched_signatures
        on to_build.dataset_id = matched_signatures.dataset_id
),

-- Features -------------------------------------------------------------------------------------

-- The strongest effects in each direction. Where p-values are adjusted, those below 0.05 go first:
-- a large fold change alone is often noise.
reported_effects as (
    select
        contrasts.dataset_id,
        contrasts.contrast_id,
        strongest.feature_id,
        strongest.reported_name,
        strongest.log2_fold_change,
        strongest.adjusted_p_value,
        strongest.p_value,
        strongest.place
    from to_build
    inner join contrasts
        on to_build.dataset_id = contrasts.dataset_id
    cross join
        lateral (
            select
                differential_results.feature_id,
                differential_results.reported_name,
                differential_results.log2_fold_change,
                differential_results.adjusted_p_value,
                differential_results.p_value,
                row_number() over (
                    partition by sign(differential_results.log2_fold_change)
                    order by
                        coalesce(
                            differential_results.adjusted_p_value, differential_results.p_value, 1
                        )
                        < 0.05 desc,
                        abs(differential_results.log2_fold_change) desc,
                        differential_results.reported_name asc
                ) as place
            from differential_results
            where
                differential_results.dataset_id = contrasts.dataset_id
                and differential_results.contrast_id = contrasts.contrast_id
                and differential_results.log2_fold_change <> 0
                and not differential_results.is_contaminant
                and not differential_results.is_decoy
        ) as strongest
    where
        not contrasts.is_derived
        and contrasts.position <= 20
        and strongest.place <= 15
),

derived_effects as (
    select
        contrasts.dataset_id,
        contrasts.contrast_id,
        strongest.feature_id,
        strongest.reported_name,
        strongest.log2_fold_change,
        strongest.adjusted_p_value,
        strongest.p_value,
        strongest.place
    from to_build
    inner join contrasts
        on to_build.dataset_id = contrasts.dataset_id
    cross join
        lateral (
            select
                derived_results.feature_id,
                derived_results.reported_name,
                derived_results.log2_fold_change,
                derived_results.adjusted_p_value,
                derived_results.p_value,
                row_number() over (
                    partition by sign(derived_results.log2_fold_change)
                    order by
                        coalesce(derived_results.adjusted_p_value, derived_results.p_value, 1)
                        < 0.05 desc,
                        abs(derived_results.log2_fold_change) desc,
                        derived_results.reported_name asc
                ) as place
            from derived_results
            where
                derived_results.dataset_id = contrasts.dataset_id
                and derived_results.contrast_id = contrasts.contrast_id
                and derived_results.log2_fold_change <> 0
                and not derived_results.is_contaminant
                and not derived_results.is_decoy
        ) as strongest
    where
        contrasts.is_derived
        and contrasts.position <= 20
        and strongest.place <= 15
),

effects as (
    select * from reported_effects
    union all
    select * from derived_effects
),

named_effects as (
    select
        effects.dataset_id,
        effects.contrast_id,
        effects.log2_fold_change > 0 as is_up,
        effects.place,
        left(coalesce(features.name, effects.reported_name), 80) as name,
        left(coalesce(features.name, effects.reported_name), 80) || ' ('
        || concat_ws(
            ', ',
            'log2 fold change ' || {{ readable('effects.log2_fold_change') }},
            coalesce(
                'adjusted p ' || {{ readable('effects.adjusted_p_value') }},
                'p ' || {{ readable('effects.p_value') }}
            )
        ) || ')' as phrase
    from effects
    left join features
        on effects.feature_id = features.feature_id
),

effect_texts as (
    select
        named_effects.dataset_id,
        named_effects.contrast_id,
        string_agg(named_effects.phrase, '; ' order by named_effects.place) filter (
            where named_effects.is_up
        ) as up,
        string_agg(named_effects.phrase, '; ' order by named_effects.place) filter (
            where not named_effects.is_up
        ) as down,
        array_agg(named_effects.name order by named_effects.is_up desc, named_effects.place asc)
            as names
    from named_effects
    group by named_effects.dataset_id, named_effects.contrast_id
),

abundant as (
    select
        to_build.dataset_id,
        string_agg(
            left(coalesce(features.name, largest.reported_name), 80),
            ', ' order by largest.mean desc
        ) as names_listed,
        array_agg(
            left(coalesce(features.name, largest.reported_name), 80) order by largest.mean desc
        ) as names
    from to_build
    cross join
        lateral (
            select
                dataset_features.feature_id,
                dataset_features.reported_name,
                dataset_features.mean
            from dataset_features
            where
                dataset_features.dataset_id = to_build.dataset_id
                and dataset_features.mean is not null
                and not dataset_features.is_contaminant
                and not dataset_features.is_decoy
                and not dataset_features.is_internal_standard
            order by dataset_features.mean desc, dataset_features.row_number asc
            limit 20
        ) as largest
    left join features
        on largest.feature_id = features.feature_id
    where to_build.data_shape = 'matrix'
    group by to_build.dataset_id
),

quality_texts as (
    select
        dataset_quality.dataset_id,
        string_agg(
            dataset_quality.status || ': ' || dataset_quality.message,
            '. ' order by dataset_quality.status, dataset_quality.check_name
        ) as findings
    from to_build
    inner join dataset_quality
        on to_build.dataset_id = dataset_quality.dataset_id
    where dataset_quality.status in ('warn', 'fail')
    group by dataset_quality.dataset_id
),

-- Chunks of datasets ---------------------------------------------------------------------------

dataset_chunks as (
    select
        described.dataset_id,
        'overview' as chunk,
        described.name as title,
        concat_ws(
            ' ',
            described.name || ' is a ' || coalesce(described.omics_type || ' ', '') || 'dataset: '
            || case
                when described.is_notion_only
                    then 'described in Notion, without a file that was loaded'
                when described.data_shape = 'matrix'
                    then
                        cast(described.n_features as text) || ' features in '
                        || cast(described.n_assays as text) || ' assays'
                else
                    'results of ' || cast(described.n_contrasts as text) || ' comparisons over '
                    || cast(described.n_features as text) || ' features'
            end
            || '.',
            'It measures ' || described.quantity || coalesce(' in ' || described.unit, '') || '.',
            {{ listed('Organism', 'described.organism') }},
            {{ listed('Samples', 'described.sample_type') }},
            {{ listed('Disease', 'described.disease') }},
            {{ listed('Programs', 'described.program_names') }},
            {{ listed('Experiments', 'described.experiment_names') }},
            'Comparisons: ' || compared.listed || '.',
            {{ short_enough('described.description') }}
        ) as text,
        '{}' as features
    from described
    left join lateral (
        select
            string_agg(
                contrasts.name || coalesce(
                    ' (' || contrasts.numerator || ' against ' || contrasts.denominator || ')', ''
                ),
                ', ' order by contrasts.position
            ) as listed
        from contrasts
        where contrasts.dataset_id = described.dataset_id and contrasts.position <= 20
    ) as compared on true
    union all
    select
        described.dataset_id,
        'features.' || cast(contrasts.position as text) as chunk,
        described.name || ': strongest changes, ' || contrasts.name as title,
        concat_ws(
            ' ',
            'Strongest changes of ' || described.omics_type || ' in ' || contrasts.name
            || coalesce(
                ', ' || contrasts.numerator || ' against ' || contrasts.denominator, ''
            )
            || case when contrasts.is_derived then ' (worked out from the abundances)' else '' end
            || '.',
            'Up: ' || effect_texts.up || '.',
            'Down: ' || effect_texts.down || '.'
        ) as text,
        effect_texts.names as features
    from described
    inner join contrasts
        on described.dataset_id = contrasts.dataset_id
    inner join effect_texts
        on
            contrasts.dataset_id = effect_texts.dataset_id
            and contrasts.contrast_id = effect_texts.contrast_id
    union all
    select
        described.dataset_id,
        'abundant' as chunk,
        described.name || ': most abundant features' as title,
        'Most abundant features of ' || described.name || ': ' || abundant.names_listed || '.'
            as text,
        abundant.names as features
    from described
    inner join abundant
        on described.dataset_id = abundant.dataset_id
    union all
    select
        described.dataset_id,
        'signatures' as chunk,
        described.name || ': matched signatures' as title,
        'Signatures that ' || described.name || ' matches: ' || described.matched_sentence || '.'
            as text,
        '{}' as features
    from described
    where described.matched_sentence is not null
    union all
    select
        described.dataset_id,
        'quality' as chunk,
        described.name || ': quality' as title,
        'Quality of ' || described.name || ' is ' || described.quality_status || '. '
        || quality_texts.findings || '.' as text,
        '{}' as features
    from described
    inner join quality_texts
        on described.dataset_id = quality_texts.dataset_id
    union all
    select
        described.dataset_id,
        sections.section || '.' || pieces.piece as chunk,
        described.name || ': ' || sections.section as title,
        pieces.body as text,
        '{}' as features
    from described
    cross join
        lateral (
            values
            ('description', {{ too_long('described.description') }}),
            ('summary', described.summary),
            ('methods', described.methods),
            ('results', described.results),
            ('conclusions', described.conclusions)
        ) as sections (section, content)
    cross join
        lateral stats.text_pieces(sections.content, {{ chunk_characters() }}) as pieces
    where btrim(sections.content) <> ''
),

-- Programs, experiments, signatures: few and small, written anew each time ----------------------

program_counts as (
    select
        program_datasets.program_id,
        count(*) as n_datasets
    from program_datasets
    group by program_datasets.program_id
),

experiment_programs as (
    select
        program_experiments.experiment_id,
        array_agg(cast(programs.program_id as text) order by programs.program_id) as program_ids,
        array_agg(programs.name order by programs.name, programs.program_id) as program_names
    from program_experiments
    inner join programs
        on program_experiments.program_id = programs.program_id
    group by program_experiments.experiment_id
),

experiment_counts as (
    select
        experiment_datasets.experiment_id,
        count(*) as n_datasets
    from experiment_datasets
    group by experiment_datasets.experiment_id
),

listed_components as (
    select
        signature_components.signature_id,
        signature_components.position,
        signature_components.direction,
        signature_components.feature_type,
        left(coalesce(features.name, signature_components.reported_name), 80) as name,
        features.lipid_class
    from signature_components
    left join features
        on signature_components.feature_id = features.feature_id
    where signature_components.position <= 100
),

component_texts as (
    select
        listed_components.signature_id,
        string_agg(
            listed_components.name || case
                when listed_components.direction > 0 then ' (up)'
                when listed_components.direction < 0 then ' (down)'
                else ''
            end,
            ', ' order by listed_components.position
        ) as components,
        array_agg(listed_components.name order by listed_components.position) as names,
        array_agg(listed_components.name order by listed_components.position) filter (
            where listed_components.feature_type = 'lipid'
        ) as lipids,
        array_agg(distinct listed_components.lipid_class order by listed_components.lipid_class)
        filter (where listed_components.lipid_class is not null) as lipid_classes
    from listed_components
    group by listed_components.signature_id
),

other_chunks as (
    select
        'program' as entity_type,
        programs.program_id as entity_id,
        programs.name as title,
        concat_ws(
            ' ',
            programs.name || ' is a program with '
            || cast(coalesce(program_counts.n_datasets, 0) as text) || ' datasets.',
            {{ listed('Disease', 'programs.disease') }},
            {{ short_enough('programs.description') }}
        ) as text,
        {{ too_long('programs.description') }} as description,
        jsonb_build_object(
            'source_type', 'program',
            'disease', programs.disease,
            'program_ids', array[cast(programs.program_id as text)]
        ) as metadata
    from programs
    left join program_counts
        on programs.program_id = program_counts.program_id
    union all
    select
        'experiment' as entity_type,
        experiments.experiment_id as entity_id,
        experiments.name as title,
        concat_ws(
            ' ',
            experiments.name || ' is an experiment' || coalesce(' (' || experiments.type || ')', '')
            || ' with ' || cast(coalesce(experiment_counts.n_datasets, 0) as text) || ' datasets.',
            'Design: ' || experiments.design_type || '.',
            {{ listed('Programs', 'experiment_programs.program_names') }},
            {{ listed('Disease', 'experiments.disease') }},
            {{ listed('Matrix', 'experiments.matrix') }},
            {{ listed('Model systems', 'experiments.model_systems') }},
            {{ listed('Targets', 'experiments.targets') }},
            {{ listed('Modality', 'experiments.modality') }},
            'Stage: ' || experiments.stage || '.',
            {{ listed('Biomarker role', 'experiments.biomarker_role') }},
            {{ listed('Treatment arms', 'experiments.treatment_arms') }},
            {{ short_enough('experiments.description') }}
        ) as text,
        {{ too_long('experiments.description') }} as description,
        jsonb_build_object(
            'source_type', 'experiment',
            'disease', experiments.disease,
            'organism', experiments.organism,
            'sample_type', experiments.matrix,
            'program_ids', coalesce(experiment_programs.program_ids, '{}'),
            'experiment_ids', array[cast(experiments.experiment_id as text)]
        ) as metadata
    from experiments
    left join experiment_programs
        on experiments.experiment_id = experiment_programs.experiment_id
    left join experiment_counts
        on experiments.experiment_id = experiment_counts.experiment_id
    union all
    select
        'signature' as entity_type,
        signatures.signature_id as entity_id,
        signatures.name as title,
        concat_ws(
            ' ',
            signatures.name || case
                when signatures.is_notion_only
                    then ' is a signature described in Notion, without a file that was loaded'
                else
                    ' is a signature of ' || cast(signatures.n_components as text) || ' components'
            end || coalesce(
                ' (' || nullif(array_to_string(signatures.feature_types, ', '), '') || ')', ''
            )
            || '.',
            {{ listed('Disease', 'signatures.disease_context') }},
            {{ listed('Biomarker role', 'signatures.biomarker_role') }},
            {{ listed('Phenotype', 'signatures.phenotype_axes') }},
            {{ short_enough('signatures.description') }},
            'Components: ' || component_texts.components || '.'
        ) as text,
        {{ too_long('signatures.description') }} as description,
        jsonb_build_object(
            'source_type', 'signature',
            'disease', signatures.disease_context,
            'signature_ids', array[cast(signatures.signature_id as text)],
            'features', coalesce(component_texts.names, '{}'),
            'lipids', coalesce(component_texts.lipids, '{}'),
            'lipid_classes', coalesce(component_texts.lipid_classes, '{}')
        ) as metadata
    from signatures
    left join component_texts
        on signatures.signature_id = component_texts.signature_id
),

-- Thousands of them, and their names are found without: only where they are asked for.
feature_signatures as (
    select
        signature_components.feature_id,
        string_agg(
            signatures.name || case
                when signature_components.direction > 0 then ' (up)'
                when signature_components.direction < 0 then ' (down)'
                else ''
            end,
            ', ' order by signatures.name, signature_components.position
        ) as listed
    from signature_components
    inner join signatures
        on signature_components.signature_id = signatures.signature_id
    where {{ with_feature_documents() }}
    group by signature_components.feature_id
),

feature_chunks as (
    select
        features.feature_id,
        features.name,
        concat_ws(
            ' ',
            features.name || ' is a ' || features.feature_type
            || coalesce(' of class ' || features.lipid_class, '') || '.',
            'Known as ' || features.canonical_id || '.',
            'Formula: ' || features.formula || '.',
            {{ listed('Synonyms', 'features.synonyms[1:30]') }},
            'In signatures: ' || left(feature_signatures.listed, 1500) || '.'
        ) as text,
        jsonb_build_object(
            'source_type', 'feature',
            'features', array[features.name],
            'lipids', case when features.feature_type = 'lipid' then array[features.name] end,
            'lipid_classes', case
                when features.lipid_class is not null
                    then array[features.lipid_class]
            end
        ) as metadata
    from features
    left join feature_signatures
        on features.feature_id = feature_signatures.feature_id
    where {{ with_feature_documents() }}
),

narratives as (
    select
        pages.entity_type,
        pages.entity_id,
        'narrative.' || pieces.piece as chunk,
        pieces.body as text
    from pages
    cross join
        lateral stats.text_pieces(pages.narrative, {{ chunk_characters() }}) as pieces
),

entity_names as (
    select
        'dataset' as entity_type,
        datasets.dataset_id as entity_id,
        datasets.name
    from datasets
    union all
    select
        other_chunks.entity_type,
        other_chunks.entity_id,
        other_chunks.title as name
    from other_chunks
),

all_chunks as (
    select
        'dataset' as entity_type,
        dataset_chunks.dataset_id as entity_id,
        dataset_chunks.chunk,
        dataset_chunks.title,
        dataset_chunks.text,
        described.shared_metadata
        || jsonb_build_object('features', dataset_chunks.features) as metadata
    from dataset_chunks
    inner join described
        on dataset_chunks.dataset_id = described.dataset_id
    union all
    select
        other_chunks.entity_type,
        other_chunks.entity_id,
        'overview' as chunk,
        other_chunks.title,
        other_chunks.text,
        other_chunks.metadata
    from other_chunks
    union all
    select
        other_chunks.entity_type,
        other_chunks.entity_id,
        'description.' || pieces.piece as chunk,
        other_chunks.title || ': description' as title,
        pieces.body as text,
        other_chunks.metadata
    from other_chunks
    cross join
        lateral stats.text_pieces(other_chunks.description, {{ chunk_characters() }}) as pieces
    union all
    select
        'feature' as entity_type,
        feature_chunks.feature_id as entity_id,
        'overview' as chunk,
        feature_chunks.name as title,
        feature_chunks.text,
        feature_chunks.metadata
    from feature_chunks
    union all
    select
        narratives.entity_type,
        narratives.entity_id,
        narratives.chunk,
        entity_names.name || ': notes' as title,
        narratives.text,
        jsonb_build_object('source_type', 'narrative') as metadata
    from narratives
    inner join entity_names
        on
            narratives.entity_type = entity_names.entity_type
            and narratives.entity_id = entity_names.entity_id
)

select
    {{ surrogate_id([
        "'document'", 'all_chunks.entity_type', 'cast(all_chunks.entity_id as text)',
        'all_chunks.chunk',
    ]) }} as document_id,
    all_chunks.entity_type,
    all_chunks.entity_id,
    all_chunks.chunk,
    all_chunks.title,
    -- Long lists of diseases or groups are cut in the end: no model reads more.
    left(all_chunks.text, {{ chunk_characters() }} * 2) as text,
    jsonb_strip_nulls(all_chunks.metadata) as metadata,
    md5(concat_ws(
        chr(31), all_chunks.title, all_chunks.text,
        cast(jsonb_strip_nulls(all_chunks.metadata) as text)
    )) as content_hash
from all_chunks
