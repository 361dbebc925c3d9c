{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['reference_release_id'],
    on_schema_change='append_new_columns',
    replaces='true',
    indexes=[{'columns': ['reference_release_id'], 'unique': true}],
    meta={'reference': true},
) }}

-- Built after everything that names are resolved for: its fingerprint is the record of which
-- releases and rules the marts were built with.
-- depends_on: {{ ref('datasets') }}
with releases as (
    select * from {{ ref('int_reference_releases') }}
),

identity_state as not materialized (
    select * from {{ ref('int_identity_state') }}
),

rules as (
    select
        'rules' as reference,
        'names' as content,
        identity_state.rules_version as version
    from identity_state
    union all
    select
        'rules' as reference,
        'lipids' as content,
        nullif(identity_state.lipid_rules, '') as version
    from identity_state
)

select
    releases.reference_release_id,
    releases.reference,
    releases.content,
    nullif(releases.taxon, '') as taxon,
    releases.version,
    releases.released_on,
    releases.n_entities,
    releases.is_used,
    releases.is_pinned,
    releases.reason,
    releases.source_path as path,
    releases.sha256,
    releases.loaded_at,
    identity_state.fingerprint
from releases
cross join identity_state
union all
select
    {{ surrogate_id(["'rules'", 'rules.content']) }} as reference_release_id,
    rules.reference,
    rules.content,
    cast(null as text) as taxon,
    rules.version,
    cast(null as date) as released_on,
    cast(null as bigint) as n_entities,
    true as is_used,
    false as is_pinned,
    'part of this project' as reason,
    cast(null as text) as path,
    cast(null as text) as sha256,
    cast(null as timestamptz) as loaded_at,
    identity_state.fingerprint
from rules
cross join identity_state
