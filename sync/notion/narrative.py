"""What people wrote on the pages, read back: bodies, and edits of what Postgres owns."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sync import state
from sync.notion.tables import layout
from sync.notion.values import plain, plain_written
from warehouse.notion.bodies import read_body
from warehouse.verdicts import CallFailed

if TYPE_CHECKING:
    import psycopg

    from sync.state import Target
    from warehouse.notion.api import NotionApi

#: Times are rounded to the minute, and an index may lag: so much is read again each time.
OVERLAP = timedelta(minutes=2)


def pull_target(
    conn: psycopg.Connection[Any], api: NotionApi, target: Target, run_id: int
) -> dict[str, int]:
    """Reads the pages of one data source that were edited since the last time.

    Args:
        conn: An autocommit connection.
        api: Notion.
        target: A target with a container.
        run_id: The run in the ledger.

    Returns:
        Number of pages looked at, bodies that changed, and properties that people had edited.
    """
    counted = {"pages": 0, "bodies": 0, "edited": 0}
    row = conn.execute(
        "select edited_until from sync.pulls where target_id = %s", (target.target_id,)
    ).fetchone()
    since = (row[0] - OVERLAP).isoformat() if row else None
    linked = {
        str(page): (str(entity), sent)
        for entity, page, sent in conn.execute(
            "select entity_id, remote_id, sent from sync.items"
            " where target_id = %s and remote_id is not null",
            (target.target_id,),
        )
    }
    latest: datetime | None = row[0] if row else None
    for page in api.rows(str(target.container), edited_since=since):
        edited = datetime.fromisoformat(page["last_edited_time"])
        latest = edited if latest is None else max(latest, edited)
        if page["id"] not in linked:
            continue
        entity, sent = linked[page["id"]]
        counted["pages"] += 1
        counted["bodies"] += _keep_body(conn, api, target, entity, page)
        counted["edited"] += _note_edits(conn, target, run_id, entity, page, sent or {})
    if latest is not None:
        conn.execute(
            "insert into sync.pulls (target_id, edited_until) values (%s, %s)"
            " on conflict (target_id) do update set edited_until = excluded.edited_until",
            (target.target_id, latest),
        )
    return counted


def _keep_body(
    conn: psycopg.Connection[Any],
    api: NotionApi,
    target: Target,
    entity: str,
    page: Mapping[str, Any],
) -> int:
    try:
        markdown, is_cut = read_body(api, page["id"])
    except CallFailed as failure:
        if failure.verdict.kind != "missing":
            raise
        return 0
    digest = hashlib.blake2b(markdown.encode(), digest_size=16).hexdigest()
    return conn.execute(
        """
        insert into sync.narratives as held (entity_type, entity_id, page_id, markdown, body_hash,
            is_truncated, remote_edited_at)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict (entity_type, entity_id) do update set
            page_id = excluded.page_id, markdown = excluded.markdown,
            body_hash = excluded.body_hash, is_truncated = excluded.is_truncated,
            remote_edited_at = excluded.remote_edited_at, fetched_at = now()
        where held.body_hash <> excluded.body_hash or held.page_id <> excluded.page_id
            or held.is_truncated <> excluded.is_truncated
        """,
        (
            layout().tables[target.entity_type].entity,
            entity,
            page["id"],
            markdown,
            digest,
            is_cut,
            page["last_edited_time"],
        ),
    ).rowcount


def _note_edits(
    conn: psycopg.Connection[Any],
    target: Target,
    run_id: int,
    entity: str,
    page: Mapping[str, Any],
    sent: Mapping[str, Any],
) -> int:
    """Writes down which published properties differ from what was sent.

    Postgres owns them: the next change overwrites them. Relations are left out, because a page
    shows 25 of them, and so is the title under its id.
    """
    edited = {}
    for name, written in sent.items():
        shown = page["properties"].get(name)
        if shown is None or shown.get("type") == "relation":
            continue
        if plain(shown) != plain_written(written):
            edited[name] = plain(shown)
    if not edited:
        return 0
    known = conn.execute(
        "select payload from sync.attempts where target_id = %s and entity_id = %s"
        " and operation = 'pull' order by at desc limit 1",
        (target.target_id, entity),
    ).fetchone()
    if known is None or known[0] != edited:
        state.record_attempt(
            conn, run_id, target.target_id, (entity, ""), "pull", "edited by people", payload=edited
        )
    return len(edited)
