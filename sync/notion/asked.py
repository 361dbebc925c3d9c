"""Entities that get pages only on request, because there are many: which, and their rows.

A page that is there is kept true whether or not it is still asked for: rows that change are
written, rows that leave the marts take their page along. Only new pages need the request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sync import reading, state
from sync.notion.tables import Table

if TYPE_CHECKING:
    import psycopg

    from sync.options import Options

#: Asks for all there are.
ALL = "all"


def words_of(text: str | None) -> list[str]:
    """The names in a request, which semicolons part: names of lipids hold commas.

    Examples:
        >>> words_of("Statin response; SR-2 ;")
        ['Statin response', 'SR-2']
    """
    return [word.strip() for word in (text or "").split(";") if word.strip()]


def is_asked(table: Table, options: Options) -> bool:
    """Whether an option asks for pages of this table."""
    return bool(words_of(getattr(options, table.asked_by)))


def rows_of(
    conn: psycopg.Connection[Any], table: Table, target_id: str, options: Options
) -> dict[str, dict[str, Any]]:
    """The rows that are asked for, or have a page already, by their id."""
    held = state.held_ids(conn, target_id)
    # The id of a component begins with that of its signature.
    signatures = {entity.partition("#")[0] for entity in held}
    signatures |= _signatures(conn, options)[0]
    return {row["entity_id"]: row for row in reading.components(conn, sorted(signatures))}


def unknown_names(conn: psycopg.Connection[Any], options: Options) -> dict[str, str]:
    """What is asked for and not there, by the name of the option, as a sentence."""
    _, unknown = _signatures(conn, options)
    if not unknown:
        return {}
    return {"signature components": f"no signature is called {_listed(unknown)}"}


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


def _listed(words: list[str]) -> str:
    return ", ".join(repr(word) for word in words)
