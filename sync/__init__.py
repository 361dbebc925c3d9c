"""Room 3 of 3: what the marts say, published as Notion pages and Pinecone vectors.

Reads `marts` and its own schema `sync`, and never imports the loaders.
"""
