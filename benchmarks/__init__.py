"""Benchmarks of loading and building: ratios measured in one run, never timed tests."""
