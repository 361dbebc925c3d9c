"""From what a person types to words and spans of words. Whatever it holds, it is only text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

#: A question is no longer than this; the rest of a longer one is not read.
MAX_CHARACTERS = 1_000
MAX_TOKENS = 40

#: Words of the longest name that is looked up as a whole.
LONGEST_NAME = 6

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_UUID_PREFIX = re.compile(r"(?=.*\d)[0-9a-f]{8}(?:-[0-9a-f-]{0,27})?", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """A run of words of a question.

    Attributes:
        text: The words as typed.
        first: Place of the first.
        last: Place of the last.
    """

    text: str
    first: int
    last: int


@dataclass(frozen=True)
class Query:
    """A question as it is read.

    Attributes:
        text: Without control characters, white space evened out.
        tokens: Its words as typed, marks included.
        was_cut: Whether something was left out for its length.
    """

    text: str
    tokens: tuple[str, ...]
    was_cut: bool = False

    def spans(self) -> list[Span]:
        """Runs of words that may be a name, the longest first; the whole question among them."""
        count = len(self.tokens)
        found = [
            Span(" ".join(self.tokens[first : first + length]), first, first + length - 1)
            for length in range(min(LONGEST_NAME, count), 0, -1)
            for first in range(count - length + 1)
        ]
        if count > LONGEST_NAME:
            found.insert(0, Span(self.text, 0, count - 1))
        return found

    def ids(self) -> list[str]:
        """Words that are an id, or the beginning of one."""
        return [
            token.strip(".,;:()[]\"'").lower()
            for token in self.tokens
            if _UUID.fullmatch(token.strip(".,;:()[]\"'"))
            or _UUID_PREFIX.fullmatch(token.strip(".,;:()[]\"'"))
        ]


def parse(text: str) -> Query:
    r"""Reads a question.

    Examples:
        >>> parse("  which  lipids\x00 fell? ").tokens
        ('which', 'lipids', 'fell?')
        >>> len(parse("x " * 100_000).tokens) <= MAX_TOKENS
        True
    """
    # A few characters may become more of them; nothing past this can be within the limit.
    short = unicodedata.normalize("NFKC", text[: 4 * MAX_CHARACTERS])
    short = "".join(" " if unicodedata.category(char)[0] in "CZ" else char for char in short)
    words = short[:MAX_CHARACTERS].split()
    was_cut = len(text) > 4 * MAX_CHARACTERS or len(short) > MAX_CHARACTERS
    was_cut = was_cut or len(words) > MAX_TOKENS
    tokens = tuple(words[:MAX_TOKENS])
    return Query(" ".join(tokens), tokens, was_cut)


def id_range(prefix: str) -> tuple[str, str]:
    """The lowest and the highest id that begins so.

    Examples:
        >>> id_range("ab")
        ('ab000000-0000-0000-0000-000000000000', 'abffffff-ffff-ffff-ffff-ffffffffffff')
    """
    digits = prefix.replace("-", "")
    low, high = digits.ljust(32, "0"), digits.ljust(32, "f")
    return _dashed(low), _dashed(high)


def _dashed(digits: str) -> str:
    ends = ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    return "-".join(digits[start:end] for start, end in ends)


def distance(one: str, other: str, limit: int) -> int:
    """How many letters are wrong, missing, too many or swapped; `limit` + 1 where it is more.

    Optimal string alignment (Damerau 1964, doi:10.1145/363958.363994).

    Examples:
        >>> distance("hmgrc", "hmgcr", 2), distance("statin", "statine", 2)
        (1, 1)
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        current = [i]
        for j, right in enumerate(other, 1):
            cost = min(row[j] + 1, current[j - 1] + 1, row[j - 1] + (left != right))
            if i > 1 and j > 1 and left == other[j - 2] and one[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        if min(current) > limit:
            return limit + 1
        before, row = row, current
    return row[-1]
