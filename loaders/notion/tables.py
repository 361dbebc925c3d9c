"""Landing tables of `raw_notion`. Append-only: the newest row of a page or data source counts."""

from __future__ import annotations

from loaders.landing_tables import LandingTable, texts
from loaders.sources import Source

#: One row per reading of a data source that found something new. ``properties`` is its schema.
DATA_SOURCES = LandingTable(
    "data_sources",
    (
        ("file_id", "bigint"),
        *texts("data_source_id", "database_id", "title", "properties"),
        ("edited_until", "timestamp"),
        ("read_at", "timestamp"),
        *texts("run_id"),
    ),
)

#: One row per version of a page. ``file_id`` is the hash of page and content; ``is_gone`` marks a
#: page that is neither there nor in the trash any more.
PAGES = LandingTable(
    "pages",
    (
        ("file_id", "bigint"),
        *texts("page_id", "data_source_id", "title", "url"),
        ("created_at", "timestamp"),
        ("edited_at", "timestamp"),
        ("in_trash", "bool"),
        ("is_gone", "bool"),
        *texts("properties", "markdown"),
        ("is_truncated", "bool"),
        *texts("content_hash"),
        ("read_at", "timestamp"),
        *texts("run_id"),
    ),
)

TABLES = (DATA_SOURCES, PAGES)

#: Not among the sources that files belong to: no file is of Notion.
SOURCE = Source("notion", TABLES, is_omics=False)
