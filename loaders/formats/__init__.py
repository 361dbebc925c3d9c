"""How files are understood: which column is what, for known layouts and by vote."""
