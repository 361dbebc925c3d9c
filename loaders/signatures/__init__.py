"""Signatures: named lists of molecules with directions and weights, in whatever form they come."""
