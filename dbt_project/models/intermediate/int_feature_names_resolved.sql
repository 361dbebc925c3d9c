{{ config(
    materialized='table',
    pre_hook='{{ read_many_in_bulk(ref("int_reported_names")) }}',
    post_hook='analyze {{ this }}',
) }}

with reported as (
    select * from {{ ref('int_reported_names') }}
),

members as not materialized (
    select * from {{ ref('int_name_members') }}
),

identity_state as (
    select * from {{ ref('int_identity_state') }}
),

-- Only groups have a second member.
groups as (
    select distinct members.feature_name_id
    from members
    where members.member_rank > 1
),

first_places as (
    select
        members.feature_name_id,
        members.feature_id,
        min(members.member_rank) as member_rank
    from groups
    inner join members
        on groups.feature_name_id = members.feature_name_id
    group by members.feature_name_id, members.feature_id
),

grouped as (
    select
        first_places.feature_name_id,
        array_agg(first_places.feature_id order by first_places.member_rank) as member_feature_ids
    from first_places
    group by first_places.feature_name_id
),

-- The proteins of a group are kept, and its first one stands for it. A small molecule with several
-- identifiers is one of them, and nobody knows which.
answered as (
    select
        reported.*,
        first_member.feature_id as leading_feature_id,
        first_member.method,
        first_member.status,
        first_member.candidates,
        first_member.warning,
        first_member.releases,
        first_member.details,
        grouped.member_feature_ids,
        coalesce(
            cardinality(grouped.member_feature_ids) > 1
            and reported.feature_type in ('metabolite', 'lipid'),
            false
        ) as is_one_of_several
    from reported
    inner join members as first_member
        on
            reported.feature_name_id = first_member.feature_name_id
            and first_member.member_rank = 1
    left join grouped
        on reported.feature_name_id = grouped.feature_name_id
)

select
    answered.feature_name_id,
    answered.feature_type,
    answered.reported_name,
    answered.context,
    answered.taxon,
    answered.dialect,
    answered.reading_type,
    answered.identifier,
    answered.identifier_type,
    answered.flag,
    answered.is_lipid,
    case
        when answered.is_one_of_several
            then {{ feature_id_of_name(
                'answered.feature_type', 'cast(null as text)', 'btrim(answered.reported_name)'
            ) }}
        else answered.leading_feature_id
    end as feature_id,
    case
        when cardinality(answered.member_feature_ids) > 1 and not answered.is_one_of_several
            then answered.member_feature_ids
    end as member_feature_ids,
    answered.method,
    case when answered.is_one_of_several then 'ambiguous' else answered.status end as status,
    answered.status = 'mapped' and not answered.is_one_of_several as is_mapped,
    case
        when answered.is_one_of_several
            then (
                select
                    jsonb_agg(
                        coalesce(members.canonical_id, members.feature_name)
                        order by members.member_rank
                    )
                from members
                where members.feature_name_id = answered.feature_name_id
            )
        else coalesce(answered.candidates, cast('[]' as jsonb))
    end as candidates,
    answered.warning,
    answered.details,
    answered.releases as reference_release,
    identity_state.rules_version
from answered
cross join identity_state
