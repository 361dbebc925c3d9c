"""The quality report: what stands in the marts, as one HTML page that needs nothing else.

It stands beside lineage in `warehouse` for the same reason: it reads marts by their names and
imports no room. Reading (`reading`), arithmetic (`arithmetic`), content (`content`, worded in
`texts.yml`) and drawing (`render`) are apart, so that all but the last can be tried without
MultiQC, which is large and optional.
"""
