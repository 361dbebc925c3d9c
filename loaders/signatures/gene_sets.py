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


def is_two_ways(lines: Sequence[Line]) -> bool:
    """Whether every column is headed by a direction: the two lists of one signature.

    >>> is_two_ways([(1, ["Up", "Down genes"]), (2, ["TP53", "EGFR"])])
    True
    """
    ways = [_way(cell) for cell in lines[0][1]]
    return len(lines) > 1 and len(ways) > 1 and set(ways) == {"1", "-1"}


def read_two_ways(lines: Sequence[Line], *, part: str, name: str) -> Definitions:
    """Reads columns of names that rise and fall; they may differ in length."""
    ways = [_way(cell) for cell in lines[0][1]]
    members = [
        Member(row, cell.strip(), way, raw=cell.strip())
        for row, cells in lines[1:]
        for way, cell in zip(ways, cells, strict=False)
        if not words.means_nothing(cell.strip(), "empty_members")
    ]
    return Definitions(
        part, "columns up and down", "up down", (Definition(name, lines[0][0], tuple(members)),)
    )


def is_weights(lines: Sequence[Line]) -> bool:
    """Whether names stand in the first column and numbers in the others, not all of them counts.

    >>> is_weights([(1, ["gene", "EGFR"]), (2, ["LZTFL1", "2.3"]), (3, ["CA9", "0"])])
    True
    """
    head = lines[0][1]
    roles = words.roles_of([head[0]]) if head else {}
    if len(lines) < 3 or len(head) < 2 or (head[0].strip() and "feature" not in roles):
        return False
    cells = [cell.strip() for _, row in lines[1:] for cell in row[1:]]
    numbers = [cell for cell in cells if _number(cell) is not None]
    return (
        all(cell.strip() and _number(cell) is None for cell in head[1:])
        and all(_number(row[0]) is None for _, row in lines[1:])
        and len(numbers) == len([cell for cell in cells if cell])
        and any("." in cell or cell.startswith("-") for cell in numbers)
    )


def read_weights(lines: Sequence[Line], *, part: str) -> Definitions:
    """Reads one signature per column of weights; a weight of 0 is no component."""
    head_row, head = lines[0]
    found = []
    for column, name in enumerate(head[1:], start=1):
        members = [
            Member(row, cells[0].strip(), weight=cells[column].strip(), raw="\t".join(cells))
            for row, cells in lines[1:]
            if column < len(cells) and _number(cells[column]) not in (None, 0.0)
        ]
        found.append(Definition(name.strip(), head_row, tuple(members)))
    return Definitions(part, "matrix of weights", "weights", tuple(found))


def is_table(lines: Sequence[Line]) -> bool:
    """Whether a column holds what no set has for members: fractions, or words for directions.

    Read as sets in columns such a table gives signatures of numbers, which nothing ever matches and
    nobody sees. Whole numbers may be identifiers.
    """
    width = len(lines[0][1])
    if len(lines) < 3 or width < 2 or any(len(cells) != width for _, cells in lines):
        return False
    for column in range(width):
        cells = [row[column].strip() for _, row in lines[1:] if row[column].strip()]
        odd = [
            cell
            for cell in cells
            if (_number(cell) is not None and ("." in cell or cell.startswith("-")))
            or (_number(cell) is None and words.direction_of(cell) in ("1", "-1"))
        ]
        if len(cells) > 1 and len(odd) > 0.5 * len(cells):
            return True
    return False


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


def _way(cell: str) -> str | None:
    text = cell.strip().casefold()
    for ending in (" genes", "_genes", ".genes", " features", "_features"):
        text = text.removesuffix(ending)
    found = words.direction_of(text) if text else None
    return found if found in ("1", "-1") else None


def _number(cell: str) -> float | None:
    try:
        return float(cell)
    except ValueError:
        return None


def _is_filler(cell: str) -> bool:
    return words.means_nothing(cell, "empty_descriptions") or words.is_address(cell)


def _described(cell: str) -> dict[str, str]:
    text = cell.strip()
    if words.means_nothing(text, "empty_descriptions"):
        return {}
    return {"source" if words.is_address(text) else "description": text}
