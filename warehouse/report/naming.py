"""Names as the page shows them: no markup, not too long, each one once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

# Characters with a meaning in HTML or in scripts, and what is shown in their place. Names come
# from files and are written to many places of the page; none of them may be markup in any.
_PLAIN = str.maketrans(
    {
        "<": "\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}",
        ">": "\N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK}",
        '"': "\N{RIGHT DOUBLE QUOTATION MARK}",
        "'": "\N{RIGHT SINGLE QUOTATION MARK}",
        "`": "\N{RIGHT SINGLE QUOTATION MARK}",
        "\\": "\N{SET MINUS}",
        "{": "(",
        "}": ")",
    }
)


def shown(value: Any, longest: int = 60) -> str:
    """Returns text as the page shows it: one line, no markup, not too long.

    Examples:
        >>> "<" in shown("<b>"), shown("abcdef", 4), shown(" ")
        (False, 'abc…', '(no name)')
    """
    text = " ".join(str(value).translate(_PLAIN).split()) or "(no name)"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def unique_names(pairs: Iterable[tuple[Any, Any]]) -> dict[Any, str]:
    """Returns a name to show for each id; names that are not alone get a part of their id.

    Examples:
        >>> unique_names([("1234abcd-0", "x"), ("9876fedc-0", "x"), ("1111-0", "y")])
        {'1234abcd-0': 'x (1234abcd)', '9876fedc-0': 'x (9876fedc)', '1111-0': 'y'}
    """
    listed = {identifier: shown(name) for identifier, name in pairs}
    counted = Counter(listed.values())
    return {
        identifier: name if counted[name] == 1 else f"{name} ({str(identifier)[:8]})"
        for identifier, name in listed.items()
    }


def numbered(names: Iterable[tuple[int, Any]]) -> dict[int, str]:
    """Returns a name to show for each place; names that are not alone get their place.

    Examples:
        >>> numbered([(1, "a"), (2, "a"), (3, "b")])
        {1: 'a [1]', 2: 'a [2]', 3: 'b'}
    """
    listed = {place: shown(name, 40) for place, name in names}
    counted = Counter(listed.values())
    return {
        place: name if counted[name] == 1 else f"{name} [{place}]" for place, name in listed.items()
    }


def free(name: str, taken: Mapping[str, Any]) -> str:
    """Returns a name that is not taken: files of one name lie in several folders.

    Examples:
        >>> free("a", {}), free("a", {"a": 1, "a [2]": 1})
        ('a', 'a [3]')
    """
    wanted, number = name, 1
    while wanted in taken:
        number += 1
        wanted = f"{name} [{number}]"
    return wanted
