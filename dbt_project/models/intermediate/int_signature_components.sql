with sets as (
    select * from {{ ref('int_signature_sets') }}
),

components as (
    select * from {{ ref('stg_signatures__components') }}
),

lipid_names as (
    select *
    from {{ ref('stg_features__lipid_names') }}
    where dialect = ''
),

-- The level at which a lipid is told apart, which is what it can match by.
matched as (
    select
        sets.signature_id,
        sets.file_id,
        components.position,
        components.row_number,
        components.reported_name,
        components.feature_type,
        components.feature_type_evidence,
        components.direction,
        components.weight,
        case
            when components.feature_type is null then 'none'
            when components.feature_type <> 'lipid' then 'reported_name'
            when coalesce(lipid_names.status, '') <> 'mapped'
                then case when lipid_names.lipid_class is null then 'reported_name' else 'class' end
            when lipid_names.identity_name = lipid_names.full_structure then 'structure'
            when lipid_names.molecular_species is not null then 'molecular_species'
            when lipid_names.species is not null then 'species'
            when lipid_names.lipid_class is not null then 'class'
            else 'reported_name'
        end as match_level
    from sets
    inner join components
        on
            sets.file_id = components.file_id
            and sets.load_id = components.load_id
            and sets.name = components.set_name
    left join lipid_names
        on
            components.feature_type = 'lipid'
            and components.reported_name = lipid_names.reported_name
)

select * from matched
