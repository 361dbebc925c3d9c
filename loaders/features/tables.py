"""Landing tables of `raw_features`."""

from __future__ import annotations

from loaders.landing_tables import FILES, REJECTED_ROWS, LandingTable, texts

#: One row per release of a reference: its name, version or date, and the species it is about.
RELEASES = LandingTable(
    "releases",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("reference", "content", "version", "released_on", "taxon", "evidence"),
        ("n_entities", "bigint"),
    ),
)
#: One row per molecule that a reference knows, under the id that the reference gives it.
ENTITIES = LandingTable(
    "entities",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("feature_type", "canonical_id", "name", "taxon", "status"),
        *texts("formula", "inchikey", "lipid_class", "exact_mass", "annotations"),
    ),
    is_fact=True,
)
#: One row per name of a molecule, with what kind of name it is.
NAMES = LandingTable(
    "names",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("feature_type", "canonical_id", "name", "kind"),
    ),
    is_fact=True,
)
#: One row per id that a molecule has elsewhere.
XREFS = LandingTable(
    "xrefs",
    (
        ("file_id", "bigint"),
        ("row_number", "bigint"),
        *texts("feature_type", "canonical_id", "prefix", "local_id"),
    ),
    is_fact=True,
)

TABLES = (FILES, RELEASES, ENTITIES, NAMES, XREFS, REJECTED_ROWS)
