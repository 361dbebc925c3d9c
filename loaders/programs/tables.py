"""Landing tables of `raw_programs`."""

from __future__ import annotations

from loaders.landing_tables import FILES, REJECTED_ROWS, LandingTable, texts

#: One row per program, experiment, dataset, sample or assay that a sheet describes. ``fields``
#: holds the known columns under their canonical names, ``attributes`` the others under their own.
RECORDS = LandingTable(
    "records",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("kind", "fields", "attributes"),
    ),
)

TABLES = (FILES, RECORDS, REJECTED_ROWS)
