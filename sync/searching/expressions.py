"""The few expressions that decide what a word, a name and a filter are: index and query share them.

They are built from constants here and take column names of this project only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: Everything between words, as a class of characters. What is a letter must not depend on the
#: locale of the server, so marks are listed and not letters. (`translate` takes ten times as long.)
_MARKS = r"[\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a0\u00b7\u2000-\u206f\u3000]+"

_GREEK = (
    ("\u03b1", "alpha"),
    ("\u03b2", "beta"),
    ("\u03b3", "gamma"),
    ("\u03b4", "delta"),
    ("\u03c9", "omega"),
)


def _literal(text: str) -> str:
    # Doubled percent signs: every query here is run with parameters.
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def lowered(text: str) -> str:
    """SQL: small letters, Greek ones by name, and 34:1 as one word."""
    expression = f"lower({text})"
    for letter, name in _GREEK:
        expression = f"replace({expression}, {_literal(letter)}, {_literal(name)})"
    return rf"regexp_replace({expression}, '(\d):(\d)', '\1n\2', 'g')"


def plain(text: str) -> str:
    """SQL: words and spaces only. Decimal numbers are left out: no one looks for 0.635."""
    without = rf"regexp_replace({text}, '\d+\.\d+(?:[eE][+-]?\d+)?', ' ', 'g')"
    return f"regexp_replace({lowered(without)}, {_literal(_MARKS)}, ' ', 'g')"


def name_key(text: str) -> str:
    """SQL: what two spellings of one name share: IL-6 and IL6, PC(34:1) and PC 34:1."""
    return f"regexp_replace({lowered(text)}, {_literal(_MARKS)}, '', 'g')"


def stem_key(text: str) -> str:
    """SQL: what two forms of one name share: `Statin response` and `responses to statins`."""
    words = f"to_tsvector('pg_catalog.english', coalesce({plain(text)}, ''))"
    return f"array_to_string(tsvector_to_array({words}), ' ')"


def vector_of(text: str, weight: str) -> str:
    """SQL: the words of a text, with the weight of the part that they stand in."""
    words = f"to_tsvector('pg_catalog.english', coalesce({plain(text)}, ''))"
    return f"setweight({words}, '{weight}')"


#: The words of a document: its title, what its dataset is, its text.
TERMS = " || ".join(
    (
        vector_of("title", "A"),
        vector_of("text", "C"),
        vector_of(
            "concat_ws(' ', metadata ->> 'omics_type', metadata ->> 'organism',"
            " metadata ->> 'sample_type', metadata ->> 'disease')",
            "D",
        ),
    )
)


def keys_of(vocabulary: Mapping[str, Mapping[str, Mapping[str, str]]]) -> str:
    """SQL: what filters ask a document for, as an array of key=value.

    Args:
        vocabulary: sync/metadata.yml.
    """
    parts = ["array['entity_type=' || entity_type]"]
    for key, kind in vocabulary["document"].items():
        if kind["type"] == "text":
            parts.append(f"array['{key}=' || lower(metadata ->> '{key}')]")
        elif kind["type"] == "list":
            parts.append(
                # Our own keys only.
                f"(select array_agg('{key}=' || lower(held.value))"  # noqa: S608
                " from jsonb_array_elements_text("
                f"case when jsonb_typeof(metadata -> '{key}') = 'array' then metadata -> '{key}'"
                " else '[]' end) as held (value))"
            )
    joined = " || ".join(f"coalesce({part}, '{{}}')" for part in parts)
    return f"array_remove({joined}, null)"


def grams_of(word: str) -> str:
    """SQL: letter groups of three of a word, its beginning and its end marked."""
    return (
        f"(select array_agg(distinct substr('  ' || {word} || ' ', at, 3))"  # noqa: S608
        f" from generate_series(1, length({word}) + 1) as at)"
    )


def grams(word: str) -> list[str]:
    """The same in Python.

    Examples:
        >>> grams("il6")
        ['  i', ' il', 'il6', 'l6 ']
    """
    marked = f"  {word} "
    return sorted({marked[at : at + 3] for at in range(len(word) + 1)})


def array_literal(values: Sequence[str]) -> list[str]:
    """The values as psycopg takes them, without what Postgres cannot hold."""
    return [value.replace("\0", "") for value in values]
