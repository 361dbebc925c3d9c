"""What a lipid name means, for search: the reader that loads files is handed to it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sync.searching.notations import Notation


def read_lipid(text: str) -> Notation | None:
    """Reads a name by the tables and rules of the loaders; none where that takes a grammar.

    A grammar needs seconds to start, and what it adds over the rules is rare in a question.
    """
    from loaders.lipids.model import MAPPED
    from loaders.lipids.normalise import normalise_without_parser
    from sync.searching.notations import Notation

    read = normalise_without_parser(text.strip(" .,;?!\"'"))
    if read is None or read.status != MAPPED or not read.level:
        return None
    names = (
        (read.sn_position, "SN_POSITION"),
        (read.molecular_species, "MOLECULAR_SPECIES"),
        (read.identity_name, read.level),
        (read.display_name, read.level),
        (read.species, "SPECIES"),
    )
    kept: dict[str, str] = {}
    for name, level in names:
        if name and name.lower() != text.lower():
            kept.setdefault(name, level)
    return Notation(text, read.level, tuple(kept.items())) if kept else None
