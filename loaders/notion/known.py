"""What is landed of Notion already, asked of Postgres: pages and how far each table was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

_VISIBLE = (
    "exists (select 1 from raw_notion._dlt_loads as l"
    " where l.load_id = r._dlt_load_id and l.status = 0)"
)


@dataclass(frozen=True)
class KnownPage:
    """The newest landed version of a page.

    Attributes:
        edited_at: Time of its last edit, to the minute.
        read_at: When it was read.
        in_trash: Whether it lay in the trash.
        is_gone: Whether it was not there at all.
        content_hash: Hash of all that was landed of it.
    """

    edited_at: datetime
    read_at: datetime
    in_trash: bool
    is_gone: bool
    content_hash: str


@dataclass(frozen=True)
class KnownSource:
    """The newest landed reading of a data source.

    Attributes:
        title: Its title then.
        properties: Its schema then, as it was landed.
        edited_until: Time of the last edit that was seen; none while it was empty.
    """

    title: str
    properties: str
    edited_until: datetime | None


def known_pages(conn: psycopg.Connection[Any], data_source_id: str) -> Mapping[str, KnownPage]:
    """The newest visible version of every page of a data source, by page id."""
    rows = conn.execute(
        f"select distinct on (page_id) page_id, edited_at, read_at, in_trash, is_gone,"  # noqa: S608 - our own names
        f" content_hash from raw_notion.pages as r where data_source_id = %s and {_VISIBLE}"
        " order by page_id, read_at desc, _dlt_load_id desc".encode(),
        (data_source_id,),
    )
    return {str(page): KnownPage(*held) for page, *held in rows}


def known_source(conn: psycopg.Connection[Any], data_source_id: str) -> KnownSource | None:
    """The newest visible reading of a data source."""
    row = conn.execute(
        f"select title, properties, edited_until from raw_notion.data_sources as r"  # noqa: S608 - our own names
        f" where data_source_id = %s and {_VISIBLE}"
        " order by read_at desc, _dlt_load_id desc limit 1".encode(),
        (data_source_id,),
    ).fetchone()
    return KnownSource(*row) if row else None
