{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['dataset_id'],
    on_schema_change='fail',
    pre_hook='{{ forget_changed_datasets() }}',
    indexes=[{'columns': ['dataset_id', 'position'], 'unique': true}],
) }}

-- What the file itself says of its assays: label rows and columns, the sample block of a series
-- matrix, the factors of mwTab.
with to_build as (
    {{ datasets_to_build() }}
),

landed_assays as (
    select * from {{ ref('int_assays_unioned') }}
),

sample_fields as (
    select * from {{ ref('sample_attribute_fields') }}
),

sample_types as (
    select * from {{ ref('sample_type_words') }}
),

assays as materialized (
    select
        to_build.dataset_id,
        landed_assays.position,
        landed_assays.attributes
    from to_build
    inner join landed_assays
        on
            to_build.file_id = landed_assays.file_id
            and to_build.load_id = landed_assays.load_id
    where {{ of_changed_files('landed_assays.file_id') }}
),

-- mwTab writes all factors of a sample into one cell: "Diet:chow | Sex:male".
facts as (
    select
        assays.dataset_id,
        assays.position,
        coalesce(nullif(btrim(split_part(cut.pair, ':', 1)), ''), fact.key) as name,
        btrim(case
            when cut.pair is null then fact.value
            else substr(cut.pair, strpos(cut.pair, ':') + 1)
        end) as value,
        cut.pair is not null as is_factor
    from assays
    cross join lateral jsonb_each_text(coalesce(assays.attributes, '{}')) as fact (key, value)
    left join
        lateral regexp_split_to_table(fact.value, '\s*\|\s*') as cut (pair)
        on
            lower(fact.key) in ('factor', 'factors')
            and strpos(cut.pair, ':') > 1
),

told as (
    select
        facts.dataset_id,
        facts.position,
        facts.name,
        coalesce(sample_types.sample_type, facts.value) as value,
        facts.is_factor,
        sample_fields.field
    from facts
    left join sample_fields
        on {{ folded_label('facts.name') }} = sample_fields.header
    left join sample_types
        on
            sample_fields.field = 'sample_type'
            and {{ folded_label('facts.value') }} = sample_types.spelling
    where facts.value <> ''
)

select
    told.dataset_id,
    told.position,
    coalesce(
        jsonb_object_agg(told.field, told.value order by told.name desc) filter (
            where told.field is not null
        ),
        '{}'
    ) as fields,
    coalesce(
        jsonb_object_agg(told.name, told.value) filter (where told.field is null), '{}'
    ) as attributes,
    string_agg(told.value, ' | ' order by told.name) filter (where told.is_factor) as factors
from told
group by told.dataset_id, told.position
