{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['feature_id'],
    on_schema_change='fail',
    indexes=[
        {'columns': ['feature_id'], 'unique': true},
        {'columns': ['canonical_id']},
        {'columns': ['name'], 'type': 'hash'},
    ],
    pre_hook='{{ read_many_in_bulk(ref("int_reported_names")) }}',
    post_hook=['{{ forget_unused_features() }}', 'analyze {{ this }}'],
    meta={'reference': true},
) }}

-- depends_on: {{ ref('int_datasets_changed') }}
-- depends_on: {{ ref('int_signatures_changed') }}
-- depends_on: {{ ref('feature_names') }}
with members as (
    select * from {{ ref('int_name_members') }}
),

resolved as (
    select * from {{ ref('int_feature_names_resolved') }}
),

reference_features as not materialized (
    select * from {{ ref('int_reference_features') }}
),

lookup as (
    select * from {{ ref('int_feature_lookup') }}
),

identity_state as (
    select * from {{ ref('int_identity_state') }}
),

applied as (
    {{ applied_identity() }}
),

pages as (
    select *
    from {{ ref('int_notion_pages') }}
    where entity_type = 'feature'
),

meant as (
    select
        members.feature_id,
        members.feature_type,
        members.canonical_id,
        members.feature_name,
        members.taxon,
        members.isoform_of,
        members.lipid_attributes
    from members
    union all
    -- Small molecules with several identifiers are none of them.
    select
        resolved.feature_id,
        resolved.feature_type,
        null as canonical_id,
        btrim(resolved.reported_name) as feature_name,
        null as taxon,
        null as isoform_of,
        null as lipid_attributes
    from resolved
    where resolved.status = 'ambiguous' and resolved.feature_type in ('metabolite', 'lipid')
),

-- All that is said here of a feature follows from its id and the references, so that it does not
-- matter which of its names came first.
distinct_features as materialized (
    select distinct on (meant.feature_id) meant.*
    from meant
    {% if is_incremental() %}
        where
            {{ identity_has_changed() }}
            or not exists (
                select 1
                from {{ this }} as known
                where known.feature_id = meant.feature_id
            )
    {% endif %}
    order by
        meant.feature_id, meant.isoform_of nulls last, cast(meant.lipid_attributes as text)
)

select
    distinct_features.feature_id,
    coalesce(
        reference_features.feature_type, isoform_of.feature_type, distinct_features.feature_type
    ) as feature_type,
    case
        when reference_features.canonical_id is not null then reference_features.name
        when isoform_of.canonical_id is not null
            then
                concat(
                    isoform_of.name, ' isoform ', split_part(distinct_features.feature_name, '-', 2)
                )
        else distinct_features.feature_name
    end as name,
    distinct_features.canonical_id,
    coalesce(
        reference_features.taxon, isoform_of.taxon, distinct_features.taxon
    ) as taxon,
    coalesce(
        distinct_features.lipid_attributes ->> 'class', reference_features.lipid_class
    ) as lipid_class,
    case
        when distinct_features.lipid_attributes is null then null
        when distinct_features.lipid_attributes ? 'molecular_species' then 'MOLECULAR_SPECIES'
        else 'SPECIES'
    end as lipid_level,
    distinct_features.lipid_attributes ->> 'category' as lipid_category,
    coalesce(
        distinct_features.lipid_attributes ->> 'formula',
        reference_features.formula,
        of_lipid.formula
    ) as formula,
    coalesce(
        cast(distinct_features.lipid_attributes ->> 'exact_mass' as double precision),
        reference_features.exact_mass,
        of_lipid.exact_mass
    ) as exact_mass,
    coalesce(reference_features.inchikey, of_lipid.inchikey) as inchikey,
    coalesce(reference_features.identifiers, of_lipid.identifiers, '{}')
    || case
        when isoform_of.canonical_id is null then '{}'
        else jsonb_build_object(
            'uniprot', jsonb_build_array(distinct_features.feature_name),
            'isoform_of', isoform_of.canonical_id
        )
    end
    || case
        when distinct_features.lipid_attributes is null then '{}'
        else jsonb_strip_nulls(jsonb_build_object(
            'species', distinct_features.lipid_attributes -> 'species',
            'molecular_species', distinct_features.lipid_attributes -> 'molecular_species'
        ))
    end as identifiers,
    coalesce(
        reference_features.synonyms,
        case
            when of_lipid.canonical_id is not null
                then array_remove(
                    of_lipid.synonyms || of_lipid.name, distinct_features.feature_name
                )
        end,
        '{}'
    ) as synonyms,
    reference_features.canonical_id is not null
    or isoform_of.canonical_id is not null
    or distinct_features.lipid_attributes is not null as is_mapped,
    pages.page_id as notion_page_id
from distinct_features
left join pages
    on distinct_features.feature_id = pages.entity_id
left join reference_features
    on distinct_features.canonical_id = reference_features.canonical_id
left join reference_features as isoform_of
    on distinct_features.isoform_of = isoform_of.canonical_id
left join lookup
    on
        distinct_features.lipid_attributes is not null
        and lookup.molecule = 'small_molecule'
        and lookup.key_kind = 'name'
        and lookup.rank = 1
        and distinct_features.feature_name = lookup.lookup_key
        and cardinality(lookup.canonical_ids) = 1
left join reference_features as of_lipid
    on of_lipid.canonical_id = lookup.canonical_ids[1]
{% if is_incremental() %}
    union all
    -- A page comes and goes without any other change of its feature.
    select
        known.feature_id,
        known.feature_type,
        known.name,
        known.canonical_id,
        known.taxon,
        known.lipid_class,
        known.lipid_level,
        known.lipid_category,
        known.formula,
        known.exact_mass,
        known.inchikey,
        known.identifiers,
        known.synonyms,
        known.is_mapped,
        pages.page_id as notion_page_id
    from {{ this }} as known
    left join pages
        on known.feature_id = pages.entity_id
    where
        known.notion_page_id is distinct from pages.page_id
        and not exists (
            select 1
            from distinct_features
            where distinct_features.feature_id = known.feature_id
        )
{% endif %}
