{{ config(materialized='table') }}

with releases as not materialized (
    select * from {{ ref('int_reference_releases_ranked') }}
),

used as (
    select
        md5(coalesce(
            string_agg(
                releases.file_id || ':' || releases.load_id, ','
                order by releases.file_id asc, releases.load_id asc
            ),
            ''
        )) as fingerprint
    from releases
    where releases.is_used
)

select
    releases.reference_release_id,
    releases.file_id,
    releases.load_id,
    releases.reference,
    releases.content,
    releases.taxon,
    releases.version,
    releases.released_on,
    releases.is_dated_by_content,
    releases.evidence,
    releases.n_entities,
    releases.source_path,
    releases.part,
    releases.sha256,
    releases.format,
    releases.modified_at,
    releases.loaded_at,
    releases.is_source_missing,
    releases.is_current,
    releases.is_pinned,
    releases.use_rank,
    releases.is_used,
    releases.reason,
    used.fingerprint
from releases
cross join used
