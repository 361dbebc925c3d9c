with releases as not materialized (
    select * from {{ ref('int_reference_releases') }}
)

select
    releases.file_id,
    releases.load_id,
    releases.reference,
    nullif(releases.taxon, '') as taxon,
    concat_ws(
        ' ', releases.reference, coalesce(releases.version, cast(releases.released_on as text))
    ) as release_name,
    releases.released_on,
    releases.is_used
from releases
where
    exists (
        select 1
        from releases as used
        where
            used.is_used
            and used.reference = releases.reference
            and used.content = releases.content
            and used.taxon = releases.taxon
            and (releases.is_used or releases.released_on < used.released_on)
    )
