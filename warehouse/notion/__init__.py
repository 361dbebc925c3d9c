"""What loading and publishing share of Notion: calls, and the reading of pages."""
