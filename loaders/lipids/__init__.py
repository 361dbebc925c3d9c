"""Lipid names: from what people and instruments write to one shorthand, with the reasons kept."""
