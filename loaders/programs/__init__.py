"""Programs, experiments, datasets and samples: sheets and study metadata to `raw_programs`."""
