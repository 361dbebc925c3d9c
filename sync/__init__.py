"""Room 3 of 3: what the marts say, published as Notion pages and Pinecone vectors.

Empty so far: this version loads and builds. What comes here reads ``marts`` and its own schema
``sync``, and never imports the loaders.
"""
