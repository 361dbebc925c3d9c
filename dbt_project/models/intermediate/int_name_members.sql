with first_half as (
    select * from {{ ref('int_name_members_first_half') }}
),

second_half as (
    select * from {{ ref('int_name_members_second_half') }}
)

select
    first_half.feature_name_id,
    first_half.member_rank,
    first_half.token,
    first_half.feature_id,
    first_half.feature_type,
    first_half.canonical_id,
    first_half.feature_name,
    first_half.taxon,
    first_half.isoform_of,
    first_half.flag,
    first_half.status,
    first_half.method,
    first_half.candidates,
    first_half.warning,
    first_half.releases,
    first_half.details,
    first_half.lipid_attributes
from first_half
union all
select
    second_half.feature_name_id,
    second_half.member_rank,
    second_half.token,
    second_half.feature_id,
    second_half.feature_type,
    second_half.canonical_id,
    second_half.feature_name,
    second_half.taxon,
    second_half.isoform_of,
    second_half.flag,
    second_half.status,
    second_half.method,
    second_half.candidates,
    second_half.warning,
    second_half.releases,
    second_half.details,
    second_half.lipid_attributes
from second_half
