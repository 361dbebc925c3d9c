"""Signatures and their components to `raw_signatures`."""
