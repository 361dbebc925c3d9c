"""The built-in embedder `hash-v1`: lexical, deterministic, without a key, a model or a network.

Words, and the letter groups of 3 to 5 within them, are hashed into a fixed number of places, each
with a sign (the hashing trick: Weinberger et al. 2009, doi:10.1145/1553374.1553516; letter groups
as in fastText: Bojanowski et al. 2017, doi:10.1162/tacl_a_00051). Near vectors share words or
spellings and nothing more: no meaning is known here.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sync.embedders import EmbedderSpec

# A lipid such as PC(34:1) or a gene such as IL-6 stays one word besides its parts.
_WORD = re.compile(r"[^\W_]+(?:[:./()+-]+[^\W_]+)*", re.UNICODE)
_PART = re.compile(r"[^\W_]+", re.UNICODE)
_NUMBER = re.compile(r"[\d.e+-]+")

_SHORTEST, _LONGEST = 3, 5

#: Weight of all letter groups of a word together, where the word itself has one.
_LETTERS = 1.2


class HashedEmbedder:
    """Embeds by hashing. One text gives one vector for ever: nothing is fitted to a corpus."""

    batch = 500

    def __init__(self, spec: EmbedderSpec) -> None:
        self.spec = spec

    def embed(self, texts: Sequence[str], *, for_query: bool = False) -> list[list[float]]:
        """One vector of length one for each text; of zeros where a text has no word."""
        return [embed_text(text, self.spec.dimension) for text in texts]


def embed_text(text: str, dimension: int) -> list[float]:
    """The vector of one text.

    Args:
        text: Any text.
        dimension: Length of the vector.

    Returns:
        Numbers with seven digits after the point; their squares add up to about one.

    Examples:
        >>> a, b, c = (embed_text(t, 512) for t in ("ceramides", "ceramide", "kinase"))
        >>> dot = lambda x, y: sum(i * j for i, j in zip(x, y))
        >>> dot(a, b) > 0.3 > dot(a, c)
        True
    """
    import numpy as np

    places, weights = [], []
    for word, count in _words(text).items():
        word_places, word_weights = _hashed(word, dimension)
        places.append(word_places)
        weights.append(word_weights * (1.0 + math.log(count)))
    if not places:
        return [0.0] * dimension
    vector = np.bincount(
        np.concatenate(places), weights=np.concatenate(weights), minlength=dimension
    )
    norm = float(np.sqrt(vector @ vector))
    if norm == 0.0:
        return [0.0] * dimension
    rounded: list[float] = np.round(vector / norm, 7).tolist()
    return rounded


def _words(text: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for match in _WORD.finditer(text.lower()):
        word = match.group()
        found[word] += 1
        parts = _PART.findall(word)
        if len(parts) > 1:
            found.update(parts)
    return found


@lru_cache(maxsize=200_000)
def _hashed(word: str, dimension: int) -> tuple[Any, Any]:
    """Places and signed weights of a word and its letter groups."""
    import numpy as np

    pieces = [("w", word)]
    # Numbers have no spelling: 0.013 and 0.0131 are not near because they share digits.
    if len(word) >= _SHORTEST and not _NUMBER.fullmatch(word):
        marked = f"<{word}>"
        pieces += [
            ("c", marked[start : start + length])
            for length in range(_SHORTEST, _LONGEST + 1)
            for start in range(len(marked) - length + 1)
        ]
    share = _LETTERS / math.sqrt(max(1, len(pieces) - 1))
    places = np.empty(len(pieces), dtype=np.int32)
    weights = np.empty(len(pieces), dtype=np.float64)
    for i, (kind, piece) in enumerate(pieces):
        digest = hashlib.blake2b(f"{kind}{piece}".encode(), digest_size=8).digest()
        number = int.from_bytes(digest, "big")
        places[i] = (number >> 1) % dimension
        weights[i] = (1.0 if kind == "w" else share) * (1.0 if number & 1 else -1.0)
    return places, weights
