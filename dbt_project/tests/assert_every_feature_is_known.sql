-- Scientists join facts to features; a name that is missing there would silently drop rows. A row
-- with a name always has a feature, be it one that no reference knows.
with features as (
    select * from {{ ref('features') }}
),

used as (
    select
        feature_id,
        reported_name ~ '\S' as is_named
    from {{ ref('dataset_features') }}
    {{ tested_datasets() }}
    union
    select
        feature_id,
        reported_name ~ '\S' as is_named
    from {{ ref('differential_results') }}
    {{ tested_datasets() }}
)

select used.feature_id
from used
left join features
    on used.feature_id = features.feature_id
where
    used.is_named
    and features.feature_id is null
