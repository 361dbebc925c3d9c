"""Entities that get pages only on request, because there are many: which, and their rows.

A page that is there is kept true whether or not it is still asked for: rows that change are
written, rows that leave the marts take their page along. Only new pages need the request.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sync import reading, state
from sync.notion.tables import Table

if TYPE_CHECKING:
    import psycopg

    from sync.options import Options

#: Asks for the components of all signatures.
ALL = "all"

#: Asks for the features that components of signatures mean.
OF_SIGNATURES = "signatures"


def words_of(text: str | None) -> list[str]:
    """The names in a request, which semicolons part: names of lipids hold commas.

    Examples:
        >>> words_of("Statin response; SR-2 ;")
        ['Statin response', 'SR-2']
    """
    return [word.strip() for word in (text or "").split(";") if word.strip()]


def is_asked(conn: psycopg.Connection[Any], table: Table, options: Options) -> bool:
    """Whether an option asks for pages of this table, and something of it is there."""
    if table.entity == "feature":
        return bool(_features(conn, options)[0].get(table.entity_type))
    return bool(_signatures(conn, options)[0])


def rows_of(
    conn: psycopg.Connection[Any], table: Table, target_id: str, options: Options
) -> dict[str, dict[str, Any]]:
    """The rows that are asked for, or have a page already, by their id."""
    held = state.held_ids(conn, target_id)
    if table.entity == "feature":
        kind = table.entity_type
        wanted = held | _features(conn, options)[0].get(kind, set())
        return {row["entity_id"]: row for row in reading.features(conn, kind, sorted(wanted))}
    # The id of a component begins with that of its signature.
    signatures = {entity.partition("#")[0] for entity in held}
    signatures |= _signatures(conn, options)[0]
    return {row["entity_id"]: row for row in reading.components(conn, sorted(signatures))}


def unknown_names(conn: psycopg.Connection[Any], options: Options) -> dict[str, str]:
    """What is asked for and not there, by the name of the option, as a sentence."""
    told = {}
    for option, thing, (_, unknown) in (
        ("signature components", "signature", _signatures(conn, options)),
        ("features", "feature", _features(conn, options)),
    ):
        if unknown:
            told[option] = f"no {thing} is called {_listed(unknown)}"
    return told


def pages_of_people(
    conn: psycopg.Connection[Any], table: Table
) -> Callable[[Mapping[str, Any]], str | None]:
    """What finds the page of an entity that was read of Notion and carries no id of ours.

    A title that several pages have finds none of them: nobody knows which is meant.
    """
    if table.entity == "feature":
        by_title = reading.feature_pages(conn, table.entity_type)
        return lambda row: by_title.get(row["name"])
    by_place = reading.component_pages(conn)
    signatures = state.remote_ids(conn, "notion", "signature")

    def of_component(row: Mapping[str, Any]) -> str | None:
        signature = signatures.get(row["signature_id"], "").replace("-", "")
        names = (row["name"], row["reported_name"])
        found = {by_place.get((name, signature)) for name in names} - {None}
        return found.pop() if len(found) == 1 else None

    return of_component


def _signatures(conn: psycopg.Connection[Any], options: Options) -> tuple[set[str], list[str]]:
    words = words_of(options.signature_components)
    if not words:
        return set(), []
    if words == [ALL]:
        return reading.signatures_with_components(conn), []
    called = reading.signatures_called(conn, words)
    return (
        {signature for found in called.values() for signature in found},
        [word for word in words if word not in called],
    )


def _features(
    conn: psycopg.Connection[Any], options: Options
) -> tuple[dict[str, set[str]], list[str]]:
    """Ids that are asked for by kind of feature, and names that are none."""
    words = words_of(options.features)
    asked: dict[str, set[str]] = defaultdict(set)
    names = [word for word in words if word != OF_SIGNATURES]
    if OF_SIGNATURES in words:
        for kind, feature in reading.features_of_signatures(conn):
            asked[kind].add(feature)
    called = reading.features_called(conn, names) if names else {}
    for found in called.values():
        for kind, feature in found:
            asked[kind].add(feature)
    return asked, [name for name in names if name not in called]


def _listed(words: list[str]) -> str:
    return ", ".join(repr(word) for word in words)
