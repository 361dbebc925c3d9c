{{ config(materialized='table') }}

with releases as (
    select * from {{ ref('int_identity_releases') }}
),

lipid_rules as (
    select * from {{ ref('stg_features__lipid_rules') }}
),

taxa as (
    select * from {{ ref('taxa') }}
),

identifier_patterns as (
    select * from {{ ref('identifier_patterns') }}
),

name_flags as (
    select * from {{ ref('name_flags') }}
),

mangled_names as (
    select * from {{ ref('mangled_names') }}
),

mangled_months as (
    select * from {{ ref('mangled_months') }}
),

references_hashed as (
    select
        md5(coalesce(string_agg(
            concat_ws('|', releases.file_id, releases.load_id, releases.is_used),
            ';' order by releases.file_id, releases.load_id
        ), '')) as references_fingerprint
    from releases
),

lipids_hashed as (
    select
        coalesce(
            string_agg(
                lipid_rules.rules_version || '/' || lipid_rules.parser_version,
                ';' order by lipid_rules.rules_version
            ), ''
        ) as lipid_rules
    from lipid_rules
),

lists as (
    select cast(taxa as text) as entry from taxa
    union all
    select cast(identifier_patterns as text) from identifier_patterns
    union all
    select cast(name_flags as text) from name_flags
    union all
    select cast(mangled_names as text) from mangled_names
    union all
    select cast(mangled_months as text) from mangled_months
),

lists_hashed as (
    select md5(coalesce(string_agg(lists.entry, ';' order by md5(lists.entry)), '')) as hash
    from lists
)

select
    {{ identity_rules_version() }} as rules_version,
    lipids_hashed.lipid_rules,
    references_hashed.references_fingerprint,
    md5(concat_ws(
        '|',
        {{ identity_rules_version() }},
        lipids_hashed.lipid_rules,
        references_hashed.references_fingerprint,
        lists_hashed.hash
    )) as fingerprint
from references_hashed
cross join lipids_hashed
cross join lists_hashed
