"""Reading one file: bytes to datasets. Knows no database; `read.read_file` is the way in."""
