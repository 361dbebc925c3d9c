"""Where a mart row comes from, and what rests on a file: questions to tables, nothing else.

It reads marts, landing tables and `ops` by their names and imports no room, so it works on any
warehouse that this project built, also where files and loaders are elsewhere. What stands in a file
itself is asked of the loaders, by whoever puts both together.
"""
