"""Landing tables of `raw_signatures`."""

from __future__ import annotations

from loaders.landing_tables import FILES, REJECTED_ROWS, LandingTable, texts

#: One row per signature that a file defines; ``fields`` holds what the file says about it.
SETS = LandingTable(
    "sets",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        ("position", "bigint"),
        *texts("name", "fields"),
    ),
)
#: One row per component of a signature, its direction 1, -1 or 0 and its weight as in the file.
COMPONENTS = LandingTable(
    "components",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("set_name"),
        ("position", "bigint"),
        *texts("reported_name", "feature_type", "feature_type_evidence", "direction", "weight"),
    ),
    is_fact=True,
)

TABLES = (FILES, SETS, COMPONENTS, REJECTED_ROWS)
