"""The words of a question: stems, how rare they are, what a mistyped one was meant to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sync.searching import expressions
from sync.searching.query import Query, distance

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Words in more than this share of the documents tell no name and are not searched by alone.
COMMON_SHARE = 0.3

#: Words that an unknown word is compared with.
_MOST_NEAR = 200


@dataclass(frozen=True)
class Word:
    """One word of a question.

    Attributes:
        place: Place among the words.
        text: As typed.
        query: Its stems as a tsquery; empty for words such as "the".
        documents: In how many documents its rarest stem stands.
        names: In how many names.
        lexemes: Its stems.
    """

    place: int
    text: str
    query: str
    documents: int
    names: int
    lexemes: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether any document or name holds it."""
        return self.documents > 0 or self.names > 0


_READ = """
select asked.place::integer - 1, asked.text, read.query::text, read.lexemes,
    coalesce((
        select min(coalesce(held.documents, 0)) from unnest(read.lexemes) as lexeme (word)
        left join sync.search_words as held on lexeme.word = held.word
    ), 0),
    coalesce((
        select min(coalesce(held.names, 0))
        from regexp_split_to_table(btrim(plain.text), ' +') as part (word)
        left join sync.search_words as held on part.word = held.word
    ), 0)
from unnest(%s::text[]) with ordinality as asked (text, place)
cross join lateral (select {plain} as text) as plain
cross join lateral (
    select phraseto_tsquery('pg_catalog.english', plain.text) as query,
        tsvector_to_array(to_tsvector('pg_catalog.english', plain.text)) as lexemes
) as read
"""

# Where there is no index nothing is known of words: each counts the same.
_READ_ALONE = """
select asked.place::integer - 1, asked.text, read.query::text, read.lexemes, 1, 0
from unnest(%s::text[]) with ordinality as asked (text, place)
cross join lateral (select {plain} as text) as plain
cross join lateral (
    select phraseto_tsquery('pg_catalog.english', plain.text) as query,
        tsvector_to_array(to_tsvector('pg_catalog.english', plain.text)) as lexemes
) as read
"""


def read_words(conn: Conn, texts: Sequence[str], *, indexed: bool) -> list[Word]:
    """Looks words up.

    Args:
        conn: A connection.
        texts: Words, or runs of words that belong together.
        indexed: Whether there is an index.
    """
    template = _READ if indexed else _READ_ALONE
    query = template.format(plain=expressions.plain("asked.text"))
    rows = conn.execute(query.encode(), (list(texts),)).fetchall()
    return [
        Word(int(place), str(text), str(found), int(documents), int(names), tuple(lexemes or ()))
        for place, text, found, lexemes, documents, names in rows
    ]


@lru_cache(maxsize=1)
def _related() -> Mapping[str, tuple[str, ...]]:
    import yaml

    text = Path(__file__).with_name("related.yml").read_text(encoding="utf-8")
    lines: list[list[str]] = yaml.safe_load(text)
    return {
        word: tuple(other for other in line if other != word) for line in lines for word in line
    }


def related(query: Query) -> dict[int, tuple[str, ...]]:
    """For words that have others beside them in `related.yml`, these, by place.

    Examples:
        >>> related(Query("raised proteins", ("raised", "proteins")))[1][0]
        'proteomics'
    """
    found = {}
    for place, token in enumerate(query.tokens):
        others = _related().get(token.lower().strip("?.,!;:()[]\"'"))
        if others:
            found[place] = others
    return found


_NEAR = """
select word, documents, names,
    cardinality(array(select unnest(grams) intersect select unnest(%(grams)s::text[]))) as shared
from sync.search_words
where grams && %(grams)s::text[]
    and length(word) between %(least)s and %(most)s
    and (documents > 0 or names > 0)
order by shared desc, documents + names desc, word
limit %(limit)s
"""


def corrections(conn: Conn, words: Sequence[Word]) -> dict[int, list[str]]:
    """For words that nothing holds: the words they were meant to be, best first.

    One wrong letter is allowed in short words, two in words of more than six letters; words below
    five letters and words with figures for chains (`34:1`) are never changed.
    """
    found = {}
    for word in words:
        plain = word.text.lower().strip("?.,!;:()[]\"'")
        if word.is_known or not word.query or len(plain) < 5 or not plain.isalnum():
            continue
        if sum(char.isdigit() for char in plain) * 2 > len(plain):
            continue
        limit = 1 if len(plain) <= 6 else 2
        stems = {plain, *word.lexemes}
        best: dict[str, tuple[int, int]] = {}
        for stem in sorted(stems):
            rows = conn.execute(
                _NEAR,
                {
                    "grams": expressions.grams(stem),
                    "least": max(3, len(stem) - limit),
                    "most": len(stem) + limit,
                    "limit": _MOST_NEAR,
                },
            ).fetchall()
            for other, documents, names, _ in rows:
                # A figure is no slip of the pen: IL6 was not meant to be IL8.
                if _figures(other) != _figures(stem):
                    continue
                wrong = distance(stem, str(other), limit)
                if wrong <= limit:
                    entry = (wrong, -(int(documents) + int(names)))
                    best[str(other)] = min(best.get(str(other), entry), entry)
        nearest = min((wrong for wrong, _ in best.values()), default=0)
        chosen = sorted((o for o in best if best[o][0] == nearest), key=lambda o: (best[o], o))
        if chosen:
            found[word.place] = chosen[:3]
    return found


def _figures(word: str) -> str:
    return "".join(char for char in word if char.isdigit())


def corrected_queries(query: Query, fixes: dict[int, list[str]]) -> list[Query]:
    """The question with its mistyped words replaced: by the best guesses, then by other ones."""
    found = []
    for turn in range(max((len(others) for others in fixes.values()), default=0)):
        tokens = tuple(
            fixes[place][min(turn, len(fixes[place]) - 1)] if place in fixes else token
            for place, token in enumerate(query.tokens)
        )
        found.append(Query(" ".join(tokens), tokens))
    return found
