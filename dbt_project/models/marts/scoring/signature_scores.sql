{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook=[
        '{{ forget_changed_datasets() }}',
        '{{ forget_changed_signatures() }}',
        '{{ read_in_bulk() }}',
    ],
    post_hook='{{ analyze_when_much_changed() }}',
    indexes=[
        {
            'columns': ['dataset_id', 'signature_id', 'observation_id', 'method'],
            'unique': true,
        },
        {'columns': ['signature_id']},
    ],
    meta={'distribute_by': 'dataset_id'},
) }}

{%- set is_scored_anew -%}
    {%- if is_incremental() -%}
        (
            wanted_datasets.is_changed
            or components.signature_id in (
                select changed_signatures.signature_id from changed_signatures
            )
        )
    {%- else -%}
        true
    {%- endif -%}
{%- endset %}

-- Which pairs are scored anew: every signature in a changed dataset, and a changed signature in
-- every dataset. The other scores of a dataset whose family of q-values changes are carried over.
--
-- Postgres expects one pair and finds a million, so it joins by hash (the pre-hook): in a loop,
-- 7,307 signatures in 41 datasets took more than 10 minutes instead of 32 s. Large tables are asked
-- for the wanted datasets by an array, which goes through their index.
with settings as (
    select * from {{ ref('int_signature_settings') }}
),

changed_datasets as not materialized (
    select * from {{ ref('int_datasets_changed') }}
),

changed_signatures as not materialized (
    select * from {{ ref('int_signatures_changed') }}
),

observations as not materialized (
    select * from {{ ref('scored_observations') }}
),

components as not materialized (
    select * from {{ ref('signature_features') }}
),

contexts as (
    select * from {{ ref('int_dataset_contexts') }}
),

all_components as (
    select * from {{ ref('signature_components') }}
),

contrast_ranks as not materialized (
    select * from {{ ref('contrast_ranks') }}
),

assay_ranks as not materialized (
    select * from {{ ref('assay_ranks') }}
),

-- How many features could match in one kind of dataset, and how many components there are.
sizes as materialized (
    select
        components.signature_id,
        components.feature_type,
        components.context,
        count(*) as n_possible
    from components
    group by components.signature_id, components.feature_type, components.context
),

totals as materialized (
    select
        all_components.signature_id,
        count(*) as n_components
    from all_components
    group by all_components.signature_id
),

wanted_datasets as materialized (
    select
        contexts.dataset_id,
        contexts.feature_type,
        contexts.context,
        {% if is_incremental() -%}
            contexts.dataset_id in (select changed_datasets.dataset_id from changed_datasets)
                as is_changed
        {%- else -%}
            true as is_changed
        {%- endif %}
    from contexts
    where
        exists (
            select 1 from observations
            where observations.dataset_id = contexts.dataset_id
        )
        {% if is_incremental() -%}
            and (
                contexts.dataset_id in (select changed_datasets.dataset_id from changed_datasets)
                or exists (select 1 from changed_signatures)
            )
        {%- endif %}
),

-- Hits in contrasts, from the top of each list down. Cumulated weights are what the running sum of
-- GSEA needs: its extremes lie at a hit or just before one.
contrast_hits as (
    select
        contrast_ranks.dataset_id,
        contrast_ranks.contrast_id as observation_id,
        components.signature_id,
        components.signed_weight,
        contrast_ranks.value,
        contrast_ranks.is_changed,
        contrast_ranks.rank_min,
        contrast_ranks.place_from_top
    from wanted_datasets
    inner join contrast_ranks
        on wanted_datasets.dataset_id = contrast_ranks.dataset_id
    inner join components
        on
            contrast_ranks.feature_id = components.feature_id
            and wanted_datasets.feature_type = components.feature_type
            and wanted_datasets.context = components.context
    where
        contrast_ranks.dataset_id
        = any(array(select wanted.dataset_id from wanted_datasets as wanted))
        and {{ is_scored_anew }}
),

walked as (
    select
        contrast_hits.*,
        observations.mean,
        sign(contrast_hits.signed_weight) as direction,
        sum(abs(contrast_hits.value)) over down_the_list as summed,
        row_number() over down_the_list as hit,
        count(*) over one_direction as n_hits,
        sum(abs(contrast_hits.value)) over one_direction as sum_of_hits,
        observations.n_features
    from contrast_hits
    inner join observations
        on
            contrast_hits.dataset_id = observations.dataset_id
            and contrast_hits.observation_id = observations.observation_id
    window
        one_direction as (
            partition by
                contrast_hits.dataset_id,
                contrast_hits.observation_id,
                contrast_hits.signature_id,
                sign(contrast_hits.signed_weight)
            order by contrast_hits.place_from_top
            rows between unbounded preceding and unbounded following
        ),
        down_the_list as (
            partition by
                contrast_hits.dataset_id,
                contrast_hits.observation_id,
                contrast_hits.signature_id,
                sign(contrast_hits.signed_weight)
            order by contrast_hits.place_from_top
            rows between unbounded preceding and current row
        )
),

deviated as (
    select
        walked.*,
        walked.summed / nullif(walked.sum_of_hits, 0)
        - cast(walked.place_from_top - walked.hit as double precision)
        / nullif(walked.n_features - walked.n_hits, 0) as at_hit,
        (walked.summed - abs(walked.value)) / nullif(walked.sum_of_hits, 0)
        - cast(walked.place_from_top - walked.hit as double precision)
        / nullif(walked.n_features - walked.n_hits, 0) as before_hit
    from walked
),

contrast_sums as (
    select
        deviated.dataset_id,
        deviated.observation_id,
        deviated.signature_id,
        count(*) as n_matched,
        sum(deviated.signed_weight) as sum_w,
        sum(deviated.signed_weight * deviated.signed_weight) as sum_ww,
        sum(abs(deviated.signed_weight)) as sum_abs_w,
        sum(deviated.signed_weight * (deviated.value - deviated.mean)) as sum_wy,
        sum(
            abs(deviated.signed_weight) * deviated.direction * sign(deviated.value)
        ) filter (where deviated.is_changed) as sum_agreeing,
        count(*) filter (where deviated.direction > 0) as n_up,
        count(*) filter (where deviated.direction < 0) as n_down,
        avg(deviated.rank_min) filter (where deviated.direction > 0) as rank_up,
        avg(deviated.rank_min) filter (where deviated.direction < 0) as rank_down,
        count(*) filter (where deviated.direction = sign(deviated.value)) as n_concordant,
        count(*) filter (where deviated.direction = -sign(deviated.value)) as n_discordant,
        count(*) filter (
            where deviated.is_changed and deviated.direction > 0 and deviated.value > 0
        ) as up_up,
        count(*) filter (
            where deviated.is_changed and deviated.direction > 0 and deviated.value < 0
        ) as up_down,
        count(*) filter (
            where deviated.is_changed and deviated.direction < 0 and deviated.value > 0
        ) as down_up,
        count(*) filter (
            where deviated.is_changed and deviated.direction < 0 and deviated.value < 0
        ) as down_down,
        max(deviated.at_hit) filter (where deviated.direction > 0) as highest_up,
        min(deviated.before_hit) filter (where deviated.direction > 0) as lowest_up,
        max(deviated.at_hit) filter (where deviated.direction < 0) as highest_down,
        min(deviated.before_hit) filter (where deviated.direction < 0) as lowest_down
    from deviated
    group by deviated.dataset_id, deviated.observation_id, deviated.signature_id
),

-- Hits in matrices: the ranks of one feature in all assays at once.
assay_hits as (
    select
        assay_ranks.dataset_id,
        components.signature_id,
        sign(components.signed_weight) as direction,
        assay_ranks.ranks_min
    from wanted_datasets
    inner join assay_ranks
        on wanted_datasets.dataset_id = assay_ranks.dataset_id
    inner join components
        on
            assay_ranks.feature_id = components.feature_id
            and wanted_datasets.feature_type = components.feature_type
            and wanted_datasets.context = components.context
    where
        assay_ranks.dataset_id
        = any(array(select wanted.dataset_id from wanted_datasets as wanted))
        and {{ is_scored_anew }}
),

matrix_matches as (
    select
        assay_hits.dataset_id,
        assay_hits.signature_id,
        count(*) as n_matched
    from assay_hits
    group by assay_hits.dataset_id, assay_hits.signature_id
),

summed_positions as materialized (
    select
        assay_hits.dataset_id,
        assay_hits.signature_id,
        element.position,
        count(*) as n_matched,
        sum(assay_hits.direction) as sum_w,
        count(*) filter (where assay_hits.direction > 0) as n_up,
        count(*) filter (where assay_hits.direction < 0) as n_down,
        avg(element.rank_min) filter (where assay_hits.direction > 0) as rank_up,
        avg(element.rank_min) filter (where assay_hits.direction < 0) as rank_down
    from assay_hits
    cross join
        lateral unnest(assay_hits.ranks_min)
        with ordinality as element (rank_min, position)
    where element.rank_min is not null
    group by assay_hits.dataset_id, assay_hits.signature_id, element.position
),

-- Summed before they are joined: 1 million sums instead of 15 million ranks.
assay_sums as (
    select
        summed_positions.*,
        observations.observation_id
    from summed_positions
    inner join observations
        on
            summed_positions.dataset_id = observations.dataset_id
            and summed_positions.position = observations.position
),

pairs as (
    select
        contrast_sums.dataset_id,
        contrast_sums.observation_id,
        contrast_sums.signature_id,
        contrast_sums.n_matched,
        contrast_sums.sum_w,
        contrast_sums.sum_ww,
        contrast_sums.sum_abs_w,
        contrast_sums.sum_wy,
        coalesce(contrast_sums.sum_agreeing, 0) as sum_agreeing,
        contrast_sums.n_up,
        contrast_sums.n_down,
        cast(contrast_sums.rank_up as double precision) as rank_up,
        cast(contrast_sums.rank_down as double precision) as rank_down,
        contrast_sums.n_concordant,
        contrast_sums.n_discordant,
        contrast_sums.up_up,
        contrast_sums.up_down,
        contrast_sums.down_up,
        contrast_sums.down_down,
        {{ larger_deviation('contrast_sums.highest_up', 'contrast_sums.lowest_up') }} as es_up,
        {{ larger_deviation('contrast_sums.highest_down', 'contrast_sums.lowest_down') }}
            as es_down
    from contrast_sums
    union all
    select
        assay_sums.dataset_id,
        assay_sums.observation_id,
        assay_sums.signature_id,
        assay_sums.n_matched,
        assay_sums.sum_w,
        assay_sums.n_matched as sum_ww,
        null as sum_abs_w,
        null as sum_wy,
        null as sum_agreeing,
        assay_sums.n_up,
        assay_sums.n_down,
        cast(assay_sums.rank_up as double precision) as rank_up,
        cast(assay_sums.rank_down as double precision) as rank_down,
        null as n_concordant,
        null as n_discordant,
        null as up_up,
        null as up_down,
        null as down_up,
        null as down_down,
        null as es_up,
        null as es_down
    from assay_sums
),

judged as (
    select
        pairs.*,
        observations.contrast_id,
        observations.assay_id,
        observations.score_input,
        observations.n_features,
        observations.variance,
        observations.rank_variance,
        observations.n_changed_up,
        observations.n_changed_down,
        totals.n_components,
        pairs.n_matched / cast(greatest(sizes.n_possible, pairs.n_matched) as double precision)
            as coverage,
        1 + settings.correlation
        * (power(pairs.sum_w, 2) / nullif(pairs.sum_ww, 0) - 1) as weighted_inflation,
        1 + settings.correlation
        * (
            power(pairs.n_up - pairs.n_down, 2)
            / cast(nullif(pairs.n_matched, 0) as double precision)
            - 1
        )
            as inflation,
        case
            when pairs.n_matched < settings.min_matched then 'too_few_matched'
            when
                pairs.n_matched
                < settings.min_coverage * greatest(sizes.n_possible, pairs.n_matched)
                then 'low_coverage'
            when observations.n_features - pairs.n_matched < 2 then 'nothing_to_compare_with'
            when coalesce(observations.rank_variance, 0) = 0 then 'no_spread'
        end as null_reason
    from pairs
    inner join observations
        on
            pairs.dataset_id = observations.dataset_id
            and pairs.observation_id = observations.observation_id
    inner join wanted_datasets
        on pairs.dataset_id = wanted_datasets.dataset_id
    inner join totals
        on pairs.signature_id = totals.signature_id
    left join sizes
        on
            pairs.signature_id = sizes.signature_id
            and wanted_datasets.feature_type = sizes.feature_type
            and wanted_datasets.context = sizes.context
    cross join settings
    where pairs.n_matched > 0
),

correlated as (
    select
        judged.*,
        {{ correlation_of_sums('judged') }} as correlation,
        coalesce(
            (judged.rank_up - (judged.n_up + 1) / cast(2 as double precision))
            / nullif(judged.n_features - judged.n_up, 0) - 0.5,
            0
        ) - coalesce(
            (judged.rank_down - (judged.n_down + 1) / cast(2 as double precision))
            / nullif(judged.n_features - judged.n_down, 0) - 0.5,
            0
        ) as singscore,
        sqrt({{ singscore_variance('judged') }}) as singscore_error
    from judged
),

-- Materialized, so that every statistic is computed once.
computed as materialized (
    select
        correlated.*,
        correlated.correlation * sqrt(
            (correlated.n_features - 2)
            / nullif((1 - correlated.correlation) * (1 + correlated.correlation), 0)
        ) as t,
        correlated.singscore / nullif(correlated.singscore_error, 0) as z
    from correlated
),

contrast_scores as (
    select
        computed.*,
        result.method,
        result.score,
        result.statistic,
        result.p_value,
        result.p_value_vif
    from computed
    cross join
        lateral (
            values
            (
                'ulm', computed.t, computed.t,
                stats.student_p(computed.t, computed.n_features - 2),
                stats.student_p(
                    computed.t / sqrt(nullif(computed.weighted_inflation, 0)),
                    computed.n_features - 2
                )
            ),
            (
                'singscore', computed.singscore, computed.z, stats.normal_p(computed.z),
                stats.normal_p(computed.z / sqrt(nullif(computed.inflation, 0)))
            ),
            (
                'signed_overlap',
                computed.sum_agreeing / nullif(computed.sum_abs_w, 0),
                cast(
                    computed.up_up + computed.down_down - computed.up_down - computed.down_up
                    as double precision
                ),
                {{ directional_overlap_p('computed') }},
                cast(null as double precision)
            ),
            (
                'sign_concordance',
                cast(computed.n_concordant - computed.n_discordant as double precision)
                / nullif(computed.n_concordant + computed.n_discordant, 0),
                cast(computed.n_concordant as double precision),
                stats.sign_test_p(
                    computed.n_concordant, computed.n_concordant + computed.n_discordant
                ),
                cast(null as double precision)
            ),
            (
                'gsea_up', computed.es_up,
                cast(computed.n_up as double precision),
                cast(null as double precision), cast(null as double precision)
            ),
            (
                'gsea_down', computed.es_down,
                cast(computed.n_down as double precision),
                cast(null as double precision), cast(null as double precision)
            ),
            (
                'wtcs',
                case
                    when computed.es_down is null then computed.es_up
                    when computed.es_up is null then -computed.es_down
                    when sign(computed.es_up) = sign(computed.es_down) then 0
                    else (computed.es_up - computed.es_down) / 2
                end,
                cast(null as double precision),
                cast(null as double precision), cast(null as double precision)
            )
        ) as result (method, score, statistic, p_value, p_value_vif)
    where
        computed.contrast_id is not null
        and computed.null_reason is null
        and (result.method <> 'gsea_up' or computed.n_up > 0)
        and (result.method <> 'gsea_down' or computed.n_down > 0)
),

assay_scores as (
    select
        computed.*,
        'singscore' as method,
        computed.singscore as score,
        computed.z as statistic,
        stats.normal_p(computed.z) as p_value,
        stats.normal_p(computed.z / sqrt(nullif(computed.inflation, 0))) as p_value_vif
    from computed
    where
        computed.assay_id is not null
        and computed.null_reason is null
),

without_score as (
    select
        computed.*,
        case when computed.contrast_id is null then 'singscore' else 'ulm' end as method,
        cast(null as double precision) as score,
        cast(null as double precision) as statistic,
        cast(null as double precision) as p_value,
        cast(null as double precision) as p_value_vif
    from computed
    where computed.null_reason is not null
),

scored as (
    select * from contrast_scores
    union all
    select * from assay_scores
    union all
    select * from without_score
),

matches as (
    select
        computed.dataset_id,
        computed.signature_id,
        computed.observation_id,
        computed.contrast_id,
        computed.n_features,
        computed.n_matched
    from computed
    where computed.contrast_id is not null
    union all
    select
        matrix_matches.dataset_id,
        matrix_matches.signature_id,
        matrix_matches.dataset_id as observation_id,
        cast(null as uuid) as contrast_id,
        cast(null as integer) as n_features,
        matrix_matches.n_matched
    from matrix_matches
),

new_scores as (
    select
        scored.dataset_id,
        scored.signature_id,
        scored.observation_id,
        scored.contrast_id,
        scored.assay_id,
        scored.method,
        scored.score_input,
        scored.score,
        scored.statistic,
        scored.p_value,
        scored.p_value_vif,
        cast(scored.n_features as integer) as n_features,
        cast(scored.n_matched as integer) as n_matched,
        cast(scored.n_up as integer) as n_up,
        cast(scored.n_down as integer) as n_down,
        cast(scored.n_concordant as integer) as n_concordant,
        cast(scored.n_discordant as integer) as n_discordant,
        scored.n_matched / cast(scored.n_components as double precision) as overlap_fraction,
        scored.coverage,
        case
            when scored.null_reason is null and scored.score is null then 'no_spread'
            else scored.null_reason
        end as null_reason
    from scored
    union all
    -- What the old system reported: the share of matched names, and a score made of it alone.
    select
        matches.dataset_id,
        matches.signature_id,
        matches.observation_id,
        matches.contrast_id,
        cast(null as uuid) as assay_id,
        'legacy_overlap' as method,
        'names' as score_input,
        0.5 + 0.15 * matches.n_matched / cast(totals.n_components as double precision) as score,
        null as statistic,
        null as p_value,
        null as p_value_vif,
        matches.n_features,
        cast(matches.n_matched as integer) as n_matched,
        null as n_up,
        null as n_down,
        null as n_concordant,
        null as n_discordant,
        matches.n_matched / cast(totals.n_components as double precision) as overlap_fraction,
        null as coverage,
        null as null_reason
    from matches
    inner join totals
        on matches.signature_id = totals.signature_id
),

all_scores as (
    select * from new_scores
    {% if is_incremental() -%}
        union all
        select
            known.dataset_id,
            known.signature_id,
            known.observation_id,
            known.contrast_id,
            known.assay_id,
            known.method,
            known.score_input,
            known.score,
            known.statistic,
            known.p_value,
            known.p_value_vif,
            known.n_features,
            known.n_matched,
            known.n_up,
            known.n_down,
            known.n_concordant,
            known.n_discordant,
            known.overlap_fraction,
            known.coverage,
            known.null_reason
        from {{ this }} as known
        where
            known.dataset_id = any(
                array(
                    select wanted.dataset_id
                    from wanted_datasets as wanted
                    where not wanted.is_changed
                )
            )
            and known.signature_id not in (
                select changed_signatures.signature_id from changed_signatures
            )
    {%- endif %}
),

-- The family of a q-value is what one dataset was asked by one method: all signatures in one
-- contrast or assay.
ordered as (
    select
        all_scores.*,
        {{ benjamini_hochberg_rank('all_scores.p_value', [
            'all_scores.dataset_id', 'all_scores.observation_id', 'all_scores.method'
        ]) }}
    from all_scores
)

select
    ordered.dataset_id,
    ordered.signature_id,
    ordered.observation_id,
    ordered.contrast_id,
    ordered.assay_id,
    ordered.method,
    ordered.score_input,
    ordered.score,
    ordered.statistic,
    ordered.p_value,
    ordered.p_value_vif,
    {{ benjamini_hochberg('ordered.p_value', [
        'ordered.dataset_id', 'ordered.observation_id', 'ordered.method'
    ], 'ordered') }} as q_within_dataset,
    cast(ordered.family_size as integer) as n_tests,
    ordered.n_features,
    ordered.n_matched,
    ordered.n_up,
    ordered.n_down,
    ordered.n_concordant,
    ordered.n_discordant,
    ordered.overlap_fraction,
    ordered.coverage,
    ordered.null_reason
from ordered
