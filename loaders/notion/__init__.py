"""Existing Notion databases to `raw_notion`, read from Notion's API."""
