with releases as (
    select * from {{ ref('stg_features__releases') }}
),

files as (
    select * from {{ ref('stg_features__files') }}
),

dataset_states as (
    select * from {{ ref('stg_ops__dataset_states') }}
),

pins as (
    select * from {{ ref('stg_ops__reference_pins') }}
),

{{ rank_versions('files', 'dataset_states') }},

-- The same content read again by a newer reader is one release: the latest reading of it counts.
latest_readings as (
    select distinct on (ranked.file_id) ranked.*
    from ranked
    where not ranked.is_removed
    order by ranked.file_id asc, ranked.loaded_at desc, ranked.load_id desc
),

candidates as (
    select
        releases.*,
        latest_readings.source_path,
        latest_readings.part,
        latest_readings.sha256,
        latest_readings.format,
        latest_readings.modified_at,
        latest_readings.loaded_at,
        latest_readings.is_source_missing,
        latest_readings.version_rank = 1 as is_current,
        pins.sha256 is not null as is_pinned
    from releases
    inner join latest_readings
        on
            releases.file_id = latest_readings.file_id
            and releases.load_id = latest_readings.load_id
    left join pins
        on
            releases.reference = pins.reference
            and releases.content = pins.content
            and releases.taxon = pins.taxon
            and latest_readings.sha256 = pins.sha256
),

-- A file that was replaced by another at the same place is kept, and used only when it is pinned.
ordered as (
    select
        candidates.*,
        row_number() over (
            partition by candidates.reference, candidates.content, candidates.taxon
            order by
                candidates.is_pinned desc,
                candidates.is_current desc,
                candidates.is_dated_by_content desc,
                candidates.released_on desc,
                candidates.modified_at desc,
                candidates.loaded_at desc,
                candidates.file_id desc
        ) as use_rank,
        bool_or(candidates.is_pinned) over (
            partition by candidates.reference, candidates.content, candidates.taxon
        ) as is_scope_pinned
    from candidates
)

select
    {{ surrogate_id([
        "'reference_release'", 'ordered.file_id', 'ordered.load_id'
    ]) }} as reference_release_id,
    ordered.file_id,
    ordered.load_id,
    ordered.reference,
    ordered.content,
    ordered.taxon,
    ordered.version,
    ordered.released_on,
    ordered.is_dated_by_content,
    ordered.evidence,
    ordered.n_entities,
    ordered.source_path,
    ordered.part,
    ordered.sha256,
    ordered.format,
    ordered.modified_at,
    ordered.loaded_at,
    ordered.is_source_missing,
    ordered.is_current,
    ordered.is_pinned,
    ordered.use_rank,
    ordered.use_rank = 1 as is_used,
    case
        when ordered.use_rank = 1 and ordered.is_pinned then 'pinned'
        when ordered.use_rank = 1 then 'newest'
        when ordered.is_scope_pinned then 'another release is pinned'
        when not ordered.is_current then 'its file was replaced by another version'
        when not ordered.is_dated_by_content then 'another release is newer or dates itself'
        else 'another release is newer'
    end as reason
from ordered
