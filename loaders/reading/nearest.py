"""The known format that a header comes nearest to, and what keeps it from being that.

Serves people who must give column roles: tools rename columns between versions, and most of the
header is as it was. The proposal is never read without their word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from loaders import vocabulary
from loaders.formats import layouts
from loaders.model import Remembered, Roles, Unreadable
from loaders.reading import kinds

#: A format is near when at least this share of its telling headers is there.
NEAR = 0.5
#: Two headers are taken for renamed forms of one another from this likeness on (0 to 1).
LIKE = 0.6

_OPTIONAL = re.compile(r"\((?:[^()|]*)\)\?|\[ \.\]\?|\\\.\?| \?")
_LITERAL = re.compile(r"[\w %/#*:;,.()&+\-]+")


@dataclass(frozen=True)
class Nearest:
    """A near format.

    Attributes:
        name: Its name.
        differs: What differs, as one sentence.
        aliases: Column index to the header that the format would have there.
    """

    name: str
    differs: str
    aliases: tuple[tuple[int, str], ...] = ()


def nearest(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    remembered: Sequence[Remembered] = (),
) -> Nearest | None:
    """Returns the nearest format: an explained kind of file before a built-in layout.

    Args:
        header: Header of the table.
        rows: Some rows of data, as text.
        remembered: Kinds of file that users explained.
    """
    words = {vocabulary.normalise(cell) for cell in header if cell.strip()}
    for entry in remembered:
        fixed = entry.kind.get("fixed")
        held = fixed if isinstance(fixed, list) else []
        said = [vocabulary.normalise(str(known["header"])) for known in held]
        if len(said) > 1 and sum(word in words for word in said) >= NEAR * len(said):
            why = kinds.difference(entry.kind, header, rows)
            return Nearest(f"mapping {entry.mapping_id}", why or "nothing differs")
    best: tuple[float, int, Nearest] | None = None
    for name, patterns in layouts.telling_headers():
        found = _compare(name, patterns, header)
        if found is not None and (best is None or found[:2] > best[:2]):
            best = found
    return best[2] if best else None


def proposal(
    near: Nearest,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    preamble: Sequence[Sequence[str]],
) -> Roles | None:
    """Returns the roles that the columns would have if they were named as in the near format."""
    if not near.aliases:
        return None
    renamed = list(header)
    for index, name in near.aliases:
        renamed[index] = name
    try:
        return layouts.recognise(renamed, rows, preamble)
    except Unreadable:
        return None


def _compare(
    name: str, patterns: Sequence[str], header: Sequence[str]
) -> tuple[float, int, Nearest] | None:
    fits = {
        p: [i for i, cell in enumerate(header) if _pattern(p).fullmatch(cell)] for p in patterns
    }
    there = [pattern for pattern, found in fits.items() if found]
    missing = [pattern for pattern, found in fits.items() if not found]
    if len(there) < 2 or len(there) < NEAR * len(patterns) or not missing:
        return None
    used = {index for found in fits.values() for index in found}
    said, aliases = [], []
    for pattern in missing:
        names = _readable(pattern)
        like = _most_like(names, header, used)
        shown = names[0] if names else pattern
        if like is None:
            said.append(f"no column {shown!r}")
            continue
        index, wanted = like
        used.add(index)
        aliases.append((index, wanted))
        said.append(f"{wanted!r} is not there; is it {header[index]!r}?")
    differs = f"{len(there)} of {len(patterns)} telling columns are there; " + "; ".join(said)
    return len(there) / len(patterns), len(there), Nearest(name, differs, tuple(aliases))


def _most_like(
    names: Sequence[str], header: Sequence[str], used: set[int]
) -> tuple[int, str] | None:
    best: tuple[float, int, str] | None = None
    for name in names:
        for index, cell in enumerate(header):
            if index in used or not cell.strip():
                continue
            one, other = vocabulary.normalise(name), vocabulary.normalise(cell)
            likeness = difflib.SequenceMatcher(None, one, other).ratio()
            if likeness >= LIKE and (best is None or likeness > best[0]):
                best = likeness, index, name
    return (best[1], best[2]) if best else None


@cache
def _readable(pattern: str) -> tuple[str, ...]:
    """Writes the headers that a pattern stands for; none where it captures samples.

    >>> _readable(r'Protein[ .]IDs'), _readable(r'(CAS|KEGG)'), _readable(r'Area[ .](.+)')
    (('Protein IDs',), ('CAS', 'KEGG'), ())
    """
    plain = _OPTIONAL.sub("", pattern).replace("[ .]", " ").replace("\\.", ".")
    plain = plain.replace("\\(", "\x00").replace("\\)", "\x01").replace("?:", "")
    options = [plain]
    while any("|" in option and "(" in option for option in options):
        expanded = []
        for option in options:
            group = re.search(r"\(([^()]*\|[^()]*)\)", option)
            if group is None:
                return ()
            expanded += [
                option[: group.start()] + choice + option[group.end() :]
                for choice in group[1].split("|")
            ]
        options = expanded
    found = [choice for option in options for choice in option.split("|")]
    clean = [name.replace("\x00", "(").replace("\x01", ")").strip() for name in found]
    return tuple(name for name in clean if name and _LITERAL.fullmatch(name) and ".+" not in name)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)
