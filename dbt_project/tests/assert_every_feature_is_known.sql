-- Scientists join facts to features; a name that is missing there would silently drop rows.
with features as (
    select * from {{ ref('features') }}
),

used as (
    select feature_id from {{ ref('dataset_features') }}
    {{ tested_datasets() }}
    union
    select feature_id from {{ ref('differential_results') }}
    {{ tested_datasets() }}
)

select used.feature_id
from used
left join features
    on used.feature_id = features.feature_id
where
    used.feature_id is not null
    and features.feature_id is null
