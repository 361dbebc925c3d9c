"""Room 1 of 3: files of omics results to Postgres schemas ``raw_<source>``."""
