select
    lipid_conventions.file_id,
    lipid_conventions.load_id,
    lipid_conventions.source as source_name,
    lipid_conventions.dialect,
    lipid_conventions.nacyl_only as is_nacyl_only,
    lipid_conventions.evidence,
    lipid_conventions.rules_version
from {{ source('raw_features', 'lipid_conventions') }} as lipid_conventions
inner join {{ source('raw_features', 'lipid_rules') }} as lipid_rules
    on lipid_conventions.rules_version = lipid_rules.rules_version
