{{ config(
    materialized='kept_table',
    kept_while="
        select references_fingerprint, rules_version from {{ ref('int_identity_state') }}
    ",
    indexes=[{'columns': ['lookup_key', 'molecule', 'key_kind']}],
    pre_hook='{{ read_in_bulk() }}',
    post_hook='analyze {{ this }}',
) }}

-- depends_on: {{ ref('int_identity_state') }}
with all_entities as not materialized (
    select * from {{ ref('int_reference_entities') }}
),

entities as not materialized (
    select *
    from all_entities
    where is_used
),

names as not materialized (
    select * from {{ ref('stg_features__names') }}
),

xrefs as not materialized (
    select * from {{ ref('stg_features__xrefs') }}
),

features as (
    select * from {{ ref('int_reference_features') }}
),

-- Identifiers: the reference's own before replaced ones before those that it lists of others.
ids as (
    select
        entities.molecule,
        entities.canonical_id,
        entities.taxon,
        entities.release_name,
        entities.reference_id as lookup_key,
        1 as rank,
        'id' as kind
    from entities
    union all
    select
        entities.molecule,
        entities.canonical_id,
        entities.taxon,
        entities.release_name,
        case
            when strpos(names.name, ':') > 0 then names.name
            else split_part(entities.reference_id, ':', 1) || ':' || names.name
        end as lookup_key,
        2 as rank,
        'secondary_id' as kind
    from entities
    inner join names
        on
            entities.file_id = names.file_id
            and entities.load_id = names.load_id
            and entities.reference_id = names.canonical_id
    where names.kind = 'secondary_id'
    union all
    select
        entities.molecule,
        entities.canonical_id,
        entities.taxon,
        entities.release_name,
        xrefs.prefix || ':' || xrefs.local_id as lookup_key,
        3 as rank,
        'cross_reference' as kind
    from entities
    inner join xrefs
        on
            entities.file_id = xrefs.file_id
            and entities.load_id = xrefs.load_id
            and entities.reference_id = xrefs.canonical_id
    union all
    select
        entities.molecule,
        entities.canonical_id,
        entities.taxon,
        entities.release_name,
        'inchikey:' || entities.inchikey as lookup_key,
        1 as rank,
        'id' as kind
    from entities
    where entities.inchikey is not null
),

-- The first block of an InChIKey leaves out stereochemistry and charge.
skeletons as (
    select
        ids.molecule,
        ids.canonical_id,
        ids.taxon,
        ids.release_name,
        left(ids.lookup_key, 23) as lookup_key
    from ids
    where ids.lookup_key ~ '^inchikey:[A-Z]{14}-'
),

kinds (kind, rank) as (
    values
    ('approved', 1),
    ('previous', 2),
    ('alias', 3),
    ('synonym', 3),
    ('systematic', 4)
),

named as materialized (
    select
        entities.molecule,
        entities.canonical_id,
        entities.taxon,
        entities.release_name,
        btrim(entities.name) as name,
        1 as rank,
        'approved' as kind
    from entities
    where entities.name is not null
    union
    select
        entities.molecule,
        entities.canonical_id,
        entities.taxon,
        entities.release_name,
        btrim(names.name) as name,
        kinds.rank,
        kinds.kind
    from entities
    inner join names
        on
            entities.file_id = names.file_id
            and entities.load_id = names.load_id
            and entities.reference_id = names.canonical_id
    inner join kinds
        on names.kind = kinds.kind
),

-- What an older release called by a name.
named_once as (
    select
        all_entities.molecule,
        all_entities.canonical_id,
        all_entities.taxon,
        min(all_entities.release_name) as release_name,
        btrim(all_entities.name) as name
    from all_entities
    where not all_entities.is_used and all_entities.name is not null
    group by
        all_entities.molecule,
        all_entities.canonical_id,
        all_entities.taxon,
        btrim(all_entities.name)
),

spelled as (
    select
        named.molecule,
        named.canonical_id,
        named.taxon,
        named.release_name,
        named.rank,
        named.kind,
        spelling.key_kind,
        spelling.lookup_key
    from named
    cross join
        lateral (
            values
            ('name', named.name),
            ('punctuation', {{ without_punctuation('named.name', 'named.molecule') }}),
            ('folded', {{ folded('named.name', 'named.molecule') }})
        ) as spelling (key_kind, lookup_key)
    where spelling.key_kind = 'name' or length(spelling.lookup_key) > 1
),

keys as (
    select
        spelled.molecule,
        spelled.key_kind,
        spelled.lookup_key,
        spelled.taxon,
        spelled.rank,
        spelled.kind,
        spelled.canonical_id,
        spelled.release_name
    from spelled
    union all
    select
        ids.molecule,
        'id' as key_kind,
        ids.lookup_key,
        ids.taxon,
        ids.rank,
        ids.kind,
        ids.canonical_id,
        ids.release_name
    from ids
    union all
    select
        skeletons.molecule,
        'skeleton' as key_kind,
        skeletons.lookup_key,
        skeletons.taxon,
        1 as rank,
        'id' as kind,
        skeletons.canonical_id,
        skeletons.release_name
    from skeletons
),

looked_up as (
    select
        keys.molecule,
        keys.key_kind,
        keys.lookup_key,
        keys.taxon,
        cast(keys.rank as smallint) as rank,
        min(keys.kind) as kind,
        array_agg(distinct keys.canonical_id order by keys.canonical_id) as canonical_ids,
        string_agg(distinct keys.release_name, ', ' order by keys.release_name) as releases
    from keys
    group by keys.molecule, keys.key_kind, keys.lookup_key, keys.taxon, keys.rank
),

-- Ids of NCBI that releases, in use or not, give to the gene of a name. Each is of one gene, so a
-- second owner says that releases mean different genes by one name; Ensembl's ids may be shared.
owned_ids as materialized (
    select
        all_entities.molecule,
        all_entities.taxon,
        all_entities.canonical_id,
        all_entities.release_name,
        all_entities.is_used,
        btrim(all_entities.name) as name,
        all_entities.reference_id as curie
    from all_entities
    where all_entities.reference_id like 'ncbigene:%'
    union
    select
        all_entities.molecule,
        all_entities.taxon,
        all_entities.canonical_id,
        all_entities.release_name,
        all_entities.is_used,
        btrim(all_entities.name) as name,
        xrefs.prefix || ':' || xrefs.local_id as curie
    from all_entities
    inner join xrefs
        on
            all_entities.file_id = xrefs.file_id
            and all_entities.load_id = xrefs.load_id
            and all_entities.reference_id = xrefs.canonical_id
    where
        all_entities.molecule = 'gene'
        and xrefs.prefix = 'ncbigene'
),

-- What an identifier is that a release calls by a name, where another release gives it to another
-- gene. Joined by identifier and not by name: this is how a symbol is caught that was handed on.
handed_on as (
    select
        owned_ids.molecule,
        owned_ids.taxon,
        owned_ids.name,
        others.canonical_id,
        owned_ids.curie,
        min(owned_ids.release_name) as release_name
    from owned_ids
    inner join owned_ids as others
        on
            owned_ids.curie = others.curie
            and owned_ids.molecule = others.molecule
            and owned_ids.taxon is not distinct from others.taxon
            and owned_ids.canonical_id <> others.canonical_id
            and owned_ids.release_name <> others.release_name
    where others.is_used
    group by
        owned_ids.molecule, owned_ids.taxon, owned_ids.name, others.canonical_id, owned_ids.curie
),

-- An approved symbol that means, or once meant, another gene as well: it is kept, with a warning.
other_meanings as (
    select
        named.molecule,
        named.taxon,
        named.name,
        named.canonical_id,
        case named.kind
            when 'previous' then 'a previous name of '
            else 'an alias of '
        end as meaning,
        '' as release_name
    from named
    where named.kind in ('previous', 'alias')
    union
    select
        named_once.molecule,
        named_once.taxon,
        named_once.name,
        named_once.canonical_id,
        'the name of ' as meaning,
        ' in ' || named_once.release_name as release_name
    from named_once
    union
    select
        handed_on.molecule,
        handed_on.taxon,
        handed_on.name,
        handed_on.canonical_id,
        concat('the name of ', handed_on.curie, ' in ', handed_on.release_name, ', which is ')
            as meaning,
        '' as release_name
    from handed_on
),

warned as (
    select
        looked_up.molecule,
        looked_up.lookup_key,
        looked_up.taxon,
        'also ' || string_agg(
            concat(
                other_meanings.meaning,
                coalesce(features.name, other_meanings.canonical_id),
                ' (', other_meanings.canonical_id, ')',
                other_meanings.release_name
            ),
            ', ' order by
                other_meanings.meaning, other_meanings.canonical_id, other_meanings.release_name
        ) as warning
    from looked_up
    inner join other_meanings
        on
            looked_up.lookup_key = other_meanings.name
            and looked_up.molecule = other_meanings.molecule
            and looked_up.taxon is not distinct from other_meanings.taxon
    left join features
        on other_meanings.canonical_id = features.canonical_id
    where
        looked_up.key_kind = 'name'
        and looked_up.rank = 1
        and looked_up.molecule <> 'small_molecule'
        and not other_meanings.canonical_id = any(looked_up.canonical_ids)
    group by looked_up.molecule, looked_up.lookup_key, looked_up.taxon
)

select
    looked_up.molecule,
    looked_up.key_kind,
    looked_up.lookup_key,
    looked_up.taxon,
    looked_up.rank,
    looked_up.kind,
    looked_up.canonical_ids,
    looked_up.releases,
    warned.warning
from looked_up
left join warned
    on
        looked_up.key_kind = 'name'
        and looked_up.rank = 1
        and looked_up.molecule = warned.molecule
        and looked_up.lookup_key = warned.lookup_key
        and looked_up.taxon is not distinct from warned.taxon
