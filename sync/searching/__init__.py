"""Search over what the marts say: exact names, full text, vectors; every hit is a live row."""
