{{ config(
    materialized='kept_table',
    kept_while="select references_fingerprint from {{ ref('int_identity_state') }}",
    indexes=[{'columns': ['canonical_id'], 'unique': true}],
    pre_hook='{{ read_in_bulk() }}',
    post_hook='analyze {{ this }}',
) }}

-- depends_on: {{ ref('int_identity_state') }}
with entities as not materialized (
    select *
    from {{ ref('int_reference_entities') }}
    where is_used
),

names as (
    select * from {{ ref('stg_features__names') }}
),

xrefs as (
    select * from {{ ref('stg_features__xrefs') }}
),

-- Small molecules are called what RefMet calls them, for it names what instruments can tell apart;
-- everything else by its newest release.
naming_order (reference, place) as (
    values ('refmet', 1), ('lipidmaps', 2), ('hmdb', 3), ('chebi', 4)
),

ordered as (
    select
        entities.*,
        row_number() over (
            partition by entities.canonical_id
            order by
                case when entities.name is null then 1 else 0 end,
                coalesce(naming_order.place, 9),
                entities.released_on desc nulls last,
                entities.reference asc,
                entities.reference_id asc
        ) as place
    from entities
    left join naming_order
        on
            entities.reference = naming_order.reference
            and entities.molecule = 'small_molecule'
),

merged as (
    select
        ordered.canonical_id,
        min(ordered.molecule) as molecule,
        case
            when bool_or(ordered.feature_type = 'metabolite') then 'metabolite'
            else min(ordered.feature_type)
        end as feature_type,
        min(ordered.taxon) as taxon,
        (array_agg(ordered.name order by ordered.place))[1] as name,
        (array_agg(ordered.formula order by ordered.place) filter (
            where ordered.formula is not null
        ))[1] as formula,
        (array_agg(ordered.inchikey order by ordered.place) filter (
            where ordered.inchikey is not null
        ))[1] as inchikey,
        (array_agg(ordered.lipid_class order by ordered.place) filter (
            where ordered.lipid_class is not null
        ))[1] as lipid_class,
        (array_agg(ordered.exact_mass order by ordered.place) filter (
            where ordered.exact_mass is not null
        ))[1] as exact_mass,
        array_agg(distinct ordered.release_name order by ordered.release_name) as releases
    from ordered
    group by ordered.canonical_id
),

ids as (
    select
        entities.canonical_id,
        split_part(entities.reference_id, ':', 1) as prefix,
        substr(entities.reference_id, strpos(entities.reference_id, ':') + 1) as local_id
    from entities
    union
    select
        entities.canonical_id,
        xrefs.prefix,
        xrefs.local_id
    from entities
    inner join xrefs
        on
            entities.file_id = xrefs.file_id
            and entities.load_id = xrefs.load_id
            and entities.reference_id = xrefs.canonical_id
),

ids_by_prefix as (
    select
        ids.canonical_id,
        ids.prefix,
        jsonb_agg(ids.local_id order by ids.local_id) as local_ids
    from ids
    where ids.prefix <> 'inchikey'
    group by ids.canonical_id, ids.prefix
),

identified as (
    select
        ids_by_prefix.canonical_id,
        jsonb_object_agg(ids_by_prefix.prefix, ids_by_prefix.local_ids) as identifiers
    from ids_by_prefix
    group by ids_by_prefix.canonical_id
),

other_names as (
    select
        entities.canonical_id,
        entities.name
    from entities
    where entities.name is not null
    union
    select
        entities.canonical_id,
        names.name
    from entities
    inner join names
        on
            entities.file_id = names.file_id
            and entities.load_id = names.load_id
            and entities.reference_id = names.canonical_id
    where names.kind <> 'secondary_id'
),

synonymous as (
    select
        other_names.canonical_id,
        array_agg(other_names.name order by other_names.name) as names
    from other_names
    group by other_names.canonical_id
)

select
    merged.canonical_id,
    merged.molecule,
    merged.feature_type,
    merged.taxon,
    coalesce(merged.name, merged.canonical_id) as name,
    merged.formula,
    merged.inchikey,
    merged.lipid_class,
    merged.exact_mass,
    coalesce(identified.identifiers, '{}') as identifiers,
    coalesce(array_remove(synonymous.names, merged.name), '{}') as synonyms,
    merged.releases
from merged
left join identified
    on merged.canonical_id = identified.canonical_id
left join synonymous
    on merged.canonical_id = synonymous.canonical_id
