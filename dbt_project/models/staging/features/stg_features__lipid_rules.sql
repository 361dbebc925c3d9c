select
    lipid_rules.rules_version,
    lipid_rules.parser_version,
    lipid_rules.since
from {{ source('raw_features', 'lipid_rules') }} as lipid_rules
