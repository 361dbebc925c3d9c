"""Notion: one data source for each type of entity, one page for each entity."""
