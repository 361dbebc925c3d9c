select
    -- key
    lipid_names.name as reported_name,
    lipid_names.dialect,
    lipid_names.rules_version,
    lipid_names.parser_version,
    -- decision
    lipid_names.status,
    lipid_names.reason,
    lipid_names.method,
    lipid_names.flags,
    lipid_names.candidates,
    -- names
    lipid_names.normalized,
    lipid_names.level,
    lipid_names.species,
    lipid_names.molecular_species,
    lipid_names.sn_position,
    lipid_names.structure_defined,
    lipid_names.full_structure,
    lipid_names.identity_name,
    lipid_names.display_name,
    -- molecule
    lipid_names.lipid_class,
    lipid_names.lipid_category,
    lipid_names.formula,
    lipid_names.exact_mass,
    lipid_names.n_carbons,
    lipid_names.n_double_bonds,
    lipid_names.n_oxygens,
    lipid_names.chains,
    -- ion and label
    lipid_names.adduct,
    lipid_names.isotope,
    lipid_names.is_internal_standard_candidate,
    -- times
    lipid_names.parsed_at
from {{ source('raw_features', 'lipid_names') }} as lipid_names
inner join {{ source('raw_features', 'lipid_rules') }} as lipid_rules
    on
        lipid_names.rules_version = lipid_rules.rules_version
        and lipid_names.parser_version = lipid_rules.parser_version
