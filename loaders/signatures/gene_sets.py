"""Sets without directions of their own: GMT, GMX, and plain lists.

A GMT has one set per line: name, description, members. Every tab separates, also the two around an
empty description: tools that fold them lose the first member of each set. A GMX has one set per
column: name, description, members.
"""

from __future__ import annotations

from collections.abc import Sequence

from loaders.signatures import words
from loaders.signatures.model import Definition, Definitions, Member

Line = tuple[int, list[str]]


def read_gmt(lines: Sequence[Line], *, part: str) -> Definitions:
    """Reads sets in lines."""
    found = []
    skipped = 0
    for row, cells in lines:
        if not cells or not cells[0].strip():
            skipped += any(cell.strip() for cell in cells)
            continue
        members = [
            Member(row, cell.strip(), raw=cell.strip()) for cell in cells[2:] if cell.strip()
        ]
        described = _described(cells[1] if len(cells) > 1 else "")
        found.append(Definition(cells[0].strip(), row, tuple(members), described))
    rules = {"line without a name": skipped} if skipped else {}
    return Definitions(part, "GMT", "gmt", tuple(found), rules)


def read_gmx(lines: Sequence[Line], *, part: str) -> Definitions:
    """Reads sets in columns; columns may differ in length."""
    (first_row, names), (_, descriptions) = lines[0], lines[1]
    found = []
    for column, name in enumerate(names):
        if not name.strip():
            continue
        members = []
        for row, cells in lines[2:]:
            cell = cells[column].strip() if column < len(cells) else ""
            if not words.means_nothing(cell, "empty_members"):
                members.append(Member(row, cell, raw=cell))
        described = _described(descriptions[column] if column < len(descriptions) else "")
        found.append(Definition(name.strip(), first_row, tuple(members), described))
    return Definitions(part, "GMX", "gmx", tuple(found))


def read_list(lines: Sequence[Line], *, part: str, name: str) -> Definitions:
    """Reads one name per line; a first line that says what the names are is the header."""
    cells = [(row, cell.strip()) for row, record in lines for cell in record if cell.strip()]
    headed = bool(cells) and "feature" in words.roles_of([cells[0][1]])
    members = tuple(Member(row, cell, raw=cell) for row, cell in cells[1 if headed else 0 :])
    row = cells[0][0] if cells else 1
    return Definitions(part, "gene list", "list", (Definition(name, row, members),))


def is_gmx(lines: Sequence[Line]) -> bool:
    """Tells sets in columns from sets in lines, by what only one of them can be.

    Lines of one width with gaps at the ends of columns are a GMX. Without gaps, the place of the
    descriptions decides, and then where the names of the sets would stand.
    """
    from loaders.reading.omics_type import vote_names

    rows = [cells for _, cells in lines]
    if len(rows) < 3 or len({len(cells) for cells in rows}) > 1 or len(rows[0]) < 2:
        return False
    if any(not cell.strip() for cells in rows[2:] for cell in cells):
        return all(cell.strip() for cell in rows[0])
    second_row = all(_is_filler(cell) for cell in rows[1])
    second_column = all(_is_filler(cells[1]) for cells in rows)
    if second_row != second_column:
        return second_row
    down = vote_names([cells[0] for cells in rows[2:]]).share
    along = vote_names(rows[0][2:]).share
    return down > along


def is_gmt(lines: Sequence[Line]) -> bool:
    """Whether the lines are surely sets: of different lengths, described by nothing or a link."""
    from loaders.reading.omics_type import DECISIVE_SHARE, vote_names

    rows = [cells for _, cells in lines if any(cell.strip() for cell in cells)]
    if len(rows) < 2 or len({len(cells) for cells in rows}) < 2:
        return False
    if any(len(cells) < 3 or not cells[0].strip() or not _is_filler(cells[1]) for cells in rows):
        return False
    names = [cell for cells in rows[:20] for cell in cells[2:40]]
    return vote_names(names).share >= DECISIVE_SHARE


def _is_filler(cell: str) -> bool:
    return words.means_nothing(cell, "empty_descriptions") or words.is_address(cell)


def _described(cell: str) -> dict[str, str]:
    text = cell.strip()
    if words.means_nothing(text, "empty_descriptions"):
        return {}
    return {"source" if words.is_address(text) else "description": text}
