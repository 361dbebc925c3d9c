"""Local servers that stand in for Notion and Pinecone.

They enforce what the services enforce, as far as it is documented: versions, keys, schemas,
limits, cursors, lag. Where the exact wording of an answer is not known, the code says so.
A stand-in cannot show that the real service agrees; only a call to the real one can.
"""
