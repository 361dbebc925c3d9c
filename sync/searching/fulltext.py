"""Full text: documents that hold the words of a question, the rare ones counting most.

Postgres ranks by place and not by rarity, so the weight of a word (inverse document frequency, as
in BM25: Robertson and Zaragoza 2009, doi:10.1561/1500000019) is worked out here and summed in SQL.
No query ranks more than a few thousand documents, however common its words are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sync.searching import expressions
from sync.searching.filters import Conditions
from sync.searching.model import Found
from sync.searching.words import Word

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]

#: Documents that one query ranks at most.
MOST_RANKED = 2_500

#: Documents that a list holds.
LIST = 60

#: What a word in the title counts beside one in the text.
_IN_TITLE = 1.5

#: What a synonym, a mended word and a related word count beside the word itself.
SYNONYM, MENDED, RELATED = 0.9, 0.75, 0.5


@dataclass(frozen=True)
class Choice:
    """One way in which a text may hold a word of the question.

    Attributes:
        query: A tsquery.
        documents: In how many documents its rarest stem stands.
        factor: What it counts beside the word itself.
        shown: The word.
    """

    query: str
    documents: int
    factor: float
    shown: str


@dataclass(frozen=True)
class Group:
    """A word of the question with its other forms; a document holds it if it holds one of them."""

    choices: tuple[Choice, ...]

    @property
    def documents(self) -> int:
        """About how many documents hold it."""
        return sum(choice.documents for choice in self.choices)


def groups_of(
    words: Sequence[Word],
    fixes: Mapping[int, Sequence[Word]],
    widened: Sequence[tuple[tuple[int, int], Sequence[Word]]],
    related: Mapping[int, Sequence[Word]],
) -> list[Group]:
    """Words, mended words and other names as groups.

    Args:
        words: The words of the question.
        fixes: For mistyped words, what they were meant to be.
        widened: Runs of words, from place to place, with the other names of what they mean.
        related: For common words, other words for the same thing.
    """
    groups = []
    taken: set[int] = set()
    for (first, last), names in widened:
        own = [word for word in words if first <= word.place <= last and word.query]
        choices = [
            Choice(name.query, name.documents, SYNONYM, name.text) for name in names if name.query
        ]
        if not choices:
            continue
        if len(own) == 1:
            word = own[0]
            choices.insert(0, Choice(word.query, word.documents, 1.0, word.text))
        elif own and all(word.documents == 0 for word in own if ":" in word.text):
            pass
        else:
            # The words of the run count on their own as well; here they count as one.
            choices.insert(
                0,
                Choice(
                    " <-> ".join(f"({word.query})" for word in own),
                    min((word.documents for word in own), default=0),
                    1.0,
                    " ".join(word.text for word in own),
                ),
            )
        taken |= set(range(first, last + 1))
        groups.append(Group(tuple(choices)))
    for word in words:
        if word.place in taken or not word.query:
            continue
        choices = [Choice(word.query, word.documents, 1.0, word.text)]
        choices += [
            Choice(fix.query, fix.documents, MENDED, fix.text)
            for fix in fixes.get(word.place, ())
            if fix.query
        ]
        choices += [
            # Where no text holds the word itself, another one for the same thing takes its place.
            Choice(
                other.query,
                other.documents,
                RELATED if word.documents else SYNONYM,
                other.text,
            )
            for other in related.get(word.place, ())
            if other.query and other.query != word.query
        ]
        groups.append(Group(tuple(choices)))
    return groups


def _in_title(query: str) -> str:
    return re.sub(r"('(?:[^']|'')*')", r"\1:A", query)


def search(
    conn: Conn, groups: Sequence[Group], size: int, conditions: Conditions, *, indexed: bool
) -> list[Found]:
    """The documents that hold most of the weight of the question.

    Args:
        conn: A connection, under a time limit.
        groups: What to look for.
        size: How many documents there are.
        conditions: What they must be.
        indexed: Whether there is an index; else every document is read.
    """
    groups = [group for group in groups if any(choice.documents for choice in group.choices)]
    if not groups:
        return []
    sql, parameters = statement(groups, size, conditions, indexed=indexed)
    rows = conn.execute(sql.encode(), parameters).fetchall()
    return [
        Found(
            str(kind),
            str(entity),
            str(chunk),
            float(score),
            "its text holds " + ", ".join(_held(groups, holds)),
            content_hash=str(digest),
        )
        for kind, entity, chunk, digest, score, holds in rows
    ]


def _held(groups: Sequence[Group], holds: Sequence[int]) -> list[str]:
    shown = []
    for group, which in zip(groups, holds, strict=True):
        if which:
            choice = group.choices[which - 1]
            shown.append(choice.shown)
    return list(dict.fromkeys(shown))


def statement(
    groups: Sequence[Group], size: int, conditions: Conditions, *, indexed: bool
) -> tuple[str, dict[str, Any]]:
    """The query and its parameters; every word is a parameter."""
    parameters: dict[str, Any] = dict(conditions.parameters)
    scores, holds = [], []
    for g, group in enumerate(groups):
        weighed = sorted(
            enumerate(group.choices),
            key=lambda entry: -_weight(entry[1], size),
        )
        cases, which = [], []
        for c, choice in weighed:
            name = f"q{g}_{c}"
            parameters[name] = choice.query
            parameters[f"{name}_title"] = _in_title(choice.query)
            parameters[f"{name}_w"] = _weight(choice, size)
            cases.append(
                f"when terms @@ %({name})s::tsquery then %({name}_w)s::float8"
                f" * case when terms @@ %({name}_title)s::tsquery then {_IN_TITLE} else 1 end"
            )
            which.append(f"when terms @@ %({name})s::tsquery then {c + 1}")
        scores.append(f"case {' '.join(cases)} else 0 end")
        holds.append(f"case {' '.join(which)} else 0 end")
    parameters["any"], parameters["all"] = _reach(groups)
    parameters["most"] = MOST_RANKED
    parameters["list"] = LIST
    columns = "entity_type, entity_id, chunk, content_hash, terms"
    where = f"and {conditions.sql}" if conditions.sql else ""
    source = "sync.search_documents" if indexed else unindexed()
    # Those with all words first, so that the limit never cuts them off.
    reached = f"""
        (select {columns} from {source} as found
        where terms @@ %(all)s::tsquery {where} limit %(most)s)
        union
        (select {columns} from {source} as found
        where terms @@ %(any)s::tsquery {where} limit %(most)s)
    """  # noqa: S608 - names of this project
    if len(groups) == 1:
        reached = f"""
        select {columns} from {source} as found
        where terms @@ %(any)s::tsquery {where} limit 2 * %(most)s
        """  # noqa: S608
    sql = f"""
    with reached as materialized ({reached})
    select entity_type, entity_id, chunk, content_hash, score, holds
    from (
        select entity_type, entity_id, chunk, content_hash,
            ({" + ".join(scores)})
            / (1 + 0.12 * ln(1 + length(terms) / 40.0)) as score,
            array[{", ".join(holds)}] as holds
        from reached
    ) as scored
    order by score desc, entity_type, entity_id, chunk
    limit %(list)s
    """  # noqa: S608
    return sql, parameters


def _weight(choice: Choice, size: int) -> float:
    rare = math.log(1 + (size - choice.documents + 0.5) / (choice.documents + 0.5))
    return choice.factor * max(rare, 0.05)


def _reach(groups: Sequence[Group]) -> tuple[str, str]:
    """A query for documents with any of the rare words, and one for documents with all words."""
    either = ["(" + " | ".join(f"({c.query})" for c in group.choices) + ")" for group in groups]
    ordered = sorted(range(len(groups)), key=lambda g: groups[g].documents)
    chosen: list[str] = []
    reached = 0
    for place in ordered:
        reached += groups[place].documents
        if chosen and reached > MOST_RANKED:
            break
        chosen.append(either[place])
    return " | ".join(chosen), " & ".join(either)


def unindexed() -> str:
    """The documents themselves, read as the index would read them."""
    from sync.vectors import vocabulary

    keys = expressions.keys_of(vocabulary())
    return (
        "(select entity_type, entity_id, chunk, content_hash,"  # noqa: S608 - our own names
        f" {keys} as keys, {expressions.TERMS} as terms from marts.documents)"
    )
