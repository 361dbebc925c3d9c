{{ config(
    materialized='kept_table',
    kept_while="select references_fingerprint from {{ ref('int_identity_state') }}",
    pre_hook='{{ read_in_bulk() }}',
    post_hook='analyze {{ this }}',
) }}

-- depends_on: {{ ref('int_identity_state') }}
with counted_releases as (
    select * from {{ ref('int_identity_releases') }}
),

entities as (
    select * from {{ ref('stg_features__entities') }}
),

xrefs as (
    select * from {{ ref('stg_features__xrefs') }}
),

-- Which identifier a molecule is known by: the first of these that it has exactly once.
key_prefixes (molecule, prefix, priority) as (
    values
    ('gene', 'hgnc', 1),
    ('gene', 'ensembl', 2),
    ('gene', 'ncbigene', 3),
    ('transcript', 'ensembl', 1),
    ('transcript', 'refseq', 2),
    ('protein', 'uniprot', 1),
    ('protein', 'ensembl', 2),
    ('protein', 'refseq', 3),
    ('small_molecule', 'inchikey', 1),
    ('small_molecule', 'refmet', 2),
    ('small_molecule', 'chebi', 3),
    ('small_molecule', 'hmdb', 4),
    ('small_molecule', 'lipidmaps', 5),
    ('small_molecule', 'swisslipids', 6),
    ('small_molecule', 'kegg', 7),
    ('small_molecule', 'pubchem.compound', 8)
),

known as materialized (
    select
        counted_releases.file_id,
        counted_releases.load_id,
        counted_releases.is_used,
        counted_releases.reference,
        counted_releases.release_name,
        counted_releases.released_on,
        {{ molecule_of('entities.feature_type') }} as molecule,
        entities.feature_type,
        entities.canonical_id as reference_id,
        coalesce(entities.taxon, counted_releases.taxon) as taxon,
        entities.name,
        entities.formula,
        upper(btrim(entities.inchikey)) as inchikey,
        entities.lipid_class,
        entities.exact_mass
    from counted_releases
    inner join entities
        on
            counted_releases.file_id = entities.file_id
            and counted_releases.load_id = entities.load_id
    where coalesce(entities.status, 'active') = 'active'
),

ids as materialized (
    select
        known.file_id,
        known.load_id,
        known.molecule,
        known.reference_id,
        known.taxon,
        known.is_used,
        split_part(known.reference_id, ':', 1) as prefix,
        known.reference_id as curie,
        true as is_own
    from known
    union all
    select
        known.file_id,
        known.load_id,
        known.molecule,
        known.reference_id,
        known.taxon,
        known.is_used,
        'inchikey' as prefix,
        'inchikey:' || known.inchikey as curie,
        false as is_own
    from known
    where known.inchikey is not null
    union all
    select
        known.file_id,
        known.load_id,
        known.molecule,
        known.reference_id,
        known.taxon,
        known.is_used,
        xrefs.prefix,
        xrefs.prefix || ':' || xrefs.local_id as curie,
        false as is_own
    from known
    inner join xrefs
        on
            known.file_id = xrefs.file_id
            and known.load_id = xrefs.load_id
            and known.reference_id = xrefs.canonical_id
),

-- An identifier of its own counts alone; one of several foreign identifiers counts for nothing.
single_ids as (
    select
        ids.file_id,
        ids.load_id,
        ids.molecule,
        ids.reference_id,
        key_prefixes.priority,
        coalesce(
            min(ids.curie) filter (where ids.is_own), min(ids.curie)
        ) as curie
    from ids
    inner join key_prefixes
        on
            ids.molecule = key_prefixes.molecule
            and ids.prefix = key_prefixes.prefix
    group by ids.file_id, ids.load_id, ids.molecule, ids.reference_id, key_prefixes.priority
    having bool_or(ids.is_own) or count(distinct ids.curie) = 1
),

based as materialized (
    select distinct on (known.file_id, known.load_id, known.molecule, known.reference_id)
        known.*,
        coalesce(single_ids.curie, known.reference_id) as base_id,
        coalesce(single_ids.priority, 99) as priority
    from known
    left join single_ids
        on
            known.file_id = single_ids.file_id
            and known.load_id = single_ids.load_id
            and known.molecule = single_ids.molecule
            and known.reference_id = single_ids.reference_id
    order by
        known.file_id, known.load_id, known.molecule, known.reference_id, single_ids.priority
),

-- A reference that knows a molecule by a lesser identifier only: another reference that lists this
-- identifier may know the better one. Only when all that it shares point to one molecule.
offered as materialized (
    select
        ids.molecule,
        ids.curie,
        ids.taxon,
        based.priority,
        based.base_id
    from ids
    inner join based
        on
            ids.file_id = based.file_id
            and ids.load_id = based.load_id
            and ids.molecule = based.molecule
            and ids.reference_id = based.reference_id
    inner join key_prefixes
        on
            ids.molecule = key_prefixes.molecule
            and ids.prefix = key_prefixes.prefix
    where ids.is_used
    group by ids.molecule, ids.curie, ids.taxon, based.priority, based.base_id
),

bridged as (
    select
        based.file_id,
        based.load_id,
        based.molecule,
        based.reference_id,
        min(offered.base_id) as base_id
    from based
    inner join ids
        on
            based.file_id = ids.file_id
            and based.load_id = ids.load_id
            and based.molecule = ids.molecule
            and based.reference_id = ids.reference_id
    inner join offered
        on
            ids.molecule = offered.molecule
            and ids.curie = offered.curie
            and ids.taxon is not distinct from offered.taxon
            and based.priority > offered.priority
    group by based.file_id, based.load_id, based.molecule, based.reference_id
    having count(distinct offered.base_id) = 1
)

select
    based.file_id,
    based.load_id,
    based.is_used,
    based.reference,
    based.release_name,
    based.released_on,
    based.molecule,
    based.feature_type,
    based.reference_id,
    based.taxon,
    based.name,
    based.formula,
    based.inchikey,
    based.lipid_class,
    based.exact_mass,
    coalesce(bridged.base_id, based.base_id) as canonical_id
from based
left join bridged
    on
        based.file_id = bridged.file_id
        and based.load_id = bridged.load_id
        and based.molecule = bridged.molecule
        and based.reference_id = bridged.reference_id
