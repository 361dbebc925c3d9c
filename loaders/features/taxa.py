"""Which species an entry belongs to, told by identifiers, entry names or a column."""

from __future__ import annotations

from functools import cache
from typing import Any

from loaders.datafiles import read_yaml

_STABLE_ID = r"^(?P<start>ENS[A-Z]{0,8}?|FB|WBGene|Y|AT)(?:[GTPR]\d|gn\d|tr\d|pp\d|\d|[A-P][LR]\d)"
_ENTRY_NAME = r"_(?P<start>[A-Z0-9]{1,5})$"
_NUMBER = r"(?:^|[:=])\s*(?P<start>\d{1,8})(?:\.0)?$"


def curie(number: object) -> str:
    """Returns a taxonomy id as it is kept.

    >>> curie(9606)
    'NCBITaxon:9606'
    """
    return f"NCBITaxon:{number}"


def by_stable_id(local_ids: Any) -> Any:
    """Returns the species of each Ensembl id, from how it begins; null where that is not known."""
    return _looked_up(local_ids, _STABLE_ID, "ensembl")


def by_entry_name(entry_names: Any) -> Any:
    """Returns the species of each UniProt entry, from the end of its name."""
    return _looked_up(entry_names, _ENTRY_NAME, "uniprot")


def by_text(cells: Any) -> Any:
    """Returns the species of cells that hold a taxonomy id or the name of a species."""
    import pyarrow.compute as pc

    number = pc.struct_field(pc.extract_regex(cells, _NUMBER), "start")
    numbered = pc.binary_join_element_wise("NCBITaxon", number, ":")
    bare = pc.utf8_trim_whitespace(pc.replace_substring_regex(cells, r"\s*\(.*$", ""))
    return pc.coalesce(numbered, _mapped(pc.utf8_lower(bare), "names"))


def _looked_up(cells: Any, pattern: str, table: str) -> Any:
    import pyarrow.compute as pc

    return _mapped(pc.struct_field(pc.extract_regex(cells, pattern), "start"), table)


def _mapped(keys: Any, table: str) -> Any:
    import pyarrow.compute as pc

    known, taxa = _table(table)
    return pc.take(taxa, pc.index_in(keys, value_set=known))


@cache
def _table(name: str) -> tuple[Any, Any]:
    import pyarrow as pa

    entries = read_yaml("loaders.features", "taxa.yml")[name]
    return (
        pa.array([str(key) for key in entries], pa.string()),
        pa.array([curie(number) for number in entries.values()], pa.string()),
    )
