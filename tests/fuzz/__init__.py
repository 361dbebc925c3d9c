"""Files spoiled in every way: no crash, no hang, bounded memory, never a different number."""
