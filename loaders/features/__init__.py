"""Reference tables of molecules, each release beside the others, to `raw_features`."""
