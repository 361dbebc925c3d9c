select
    -- ids
    landed.file_id,
    cast(landed._dlt_load_id as text) as load_id,
    landed.row_number,
    cast(landed.feature_type as text) as feature_type,
    cast(landed.canonical_id as text) as canonical_id,
    -- molecule
    cast(landed.name as text) as name,
    cast(landed.taxon as text) as taxon,
    cast(landed.status as text) as status,
    cast(landed.formula as text) as formula,
    cast(landed.inchikey as text) as inchikey,
    cast(landed.lipid_class as text) as lipid_class,
    -- References write 0 where they know no mass.
    nullif(
        case
            when landed.exact_mass ~ '^[0-9]{1,9}([.][0-9]+)?$'
                then cast(landed.exact_mass as double precision)
        end,
        0
    ) as exact_mass,
    cast(landed.annotations as jsonb) as annotations
from {{ source('raw_features', 'entities') }} as landed
{{ visible_files('raw_features') }}
