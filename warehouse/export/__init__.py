"""One dataset of the marts as a file, with the way it came from written into it.

`reading` makes one `Exported` of a dataset; `parquet`, `text` and `hdf5` write it. What is exported
can be loaded again: names and values are those of the marts.
"""
