{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['signature_id', 'method', 'score_input'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['signature_id', 'method', 'score_input'], 'unique': true}],
    meta={'reference': true},
) }}

with scores as (
    select *
    from {{ ref('signature_scores') }}
    where score is not null
)

select
    scores.signature_id,
    scores.method,
    scores.score_input,
    cast(count(*) as integer) as n_scores,
    array_agg(-abs(scores.score) order by -abs(scores.score)) as negative_scores
from scores
group by scores.signature_id, scores.method, scores.score_input
