"""Rows that rest on pages of Notion, and texts that rest on the rows of other marts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from warehouse.errors import OmicsError
from warehouse.lineage.common import found, row_of
from warehouse.lineage.model import Explanation, Row, Subject

if TYPE_CHECKING:
    import psycopg

    Conn = psycopg.Connection[Any]
    Handler = Callable[[Conn, Row], Explanation]

#: Type of entity to its mart and the column of its id.
_MARTS: Mapping[str, tuple[str, str]] = {
    "program": ("programs", "program_id"),
    "experiment": ("experiments", "experiment_id"),
    "dataset": ("datasets", "dataset_id"),
    "signature": ("signatures", "signature_id"),
    "feature": ("features", "feature_id"),
}


def page(conn: Conn, row: Row) -> Explanation:
    """A page was read from Notion; it may stand for an entity."""
    related = []
    if row["entity_id"] is not None:
        mart, column = _MARTS[row["entity_type"]]
        try:
            entity = row_of(conn, mart, {column: row["entity_id"]})
            related.append(Subject(mart, {column: row["entity_id"]}, entity["name"]))
        except OmicsError:
            # Left the marts in a build that came after.
            related = []
    notes = [_read_from(row), f"how it was linked: {row['outcome'].replace('_', ' ')}"]
    return found(row["title"] or "an untitled page", [], related=related, notes=notes)


def or_page(explained: Handler) -> Handler:
    """A handler for rows of which some are known from Notion alone."""

    def either(conn: Conn, row: Row) -> Explanation:
        if not row["is_notion_only"]:
            return explained(conn, row)
        held = row_of(conn, "notion_pages", {"page_id": row["notion_page_id"]})
        related = [Subject("notion_pages", {"page_id": held["page_id"]}, row["name"])]
        notes = ["only a page of Notion tells of it; no file does", _read_from(held)]
        return found(row["name"], [], related=related, notes=notes)

    return either


def or_pages(explained: Handler, *sides: str) -> Handler:
    """A handler for pairs of entities of which one may be known from Notion alone."""

    def either(conn: Conn, row: Row) -> Explanation:
        ends = [
            (*_MARTS[side], row_of(conn, _MARTS[side][0], {_MARTS[side][1]: row[_MARTS[side][1]]}))
            for side in sides
        ]
        if not any(entity["is_notion_only"] for _, _, entity in ends):
            return explained(conn, row)
        return found(
            " in ".join(entity["name"] for _, _, entity in ends),
            [],
            related=[
                Subject(mart, {column: row[column]}, entity["name"])
                for mart, column, entity in ends
            ],
            notes=["the relation between their pages in Notion says so"],
        )

    return either


def document(handlers: Mapping[str, Handler]) -> Handler:
    """A text rests on whatever the entity that it speaks of rests on."""

    def explained(conn: Conn, row: Row) -> Explanation:
        mart, column = _MARTS[row["entity_type"]]
        entity = row_of(conn, mart, {column: row["entity_id"]})
        rests_on = handlers[mart](conn, entity)
        subject = Subject(mart, {column: row["entity_id"]}, rests_on.subject.title)
        notes = [*rests_on.notes]
        if str(row["chunk"]).startswith("narrative"):
            notes.append("people wrote it on the page of Notion")
        origins = [
            replace(origin, models=(*origin.models, "documents")) for origin in rests_on.origins
        ]
        return found(row["title"], origins, related=[subject, *rests_on.related], notes=notes)

    return explained


def _read_from(held: Row) -> str:
    return (
        f"read from Notion, database {held['database_title']!r}, last edited"
        f" {held['edited_at']:%Y-%m-%d %H:%M %Z}: {held['url']}"
    )
