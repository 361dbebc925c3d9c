"""The ledger against what is really out there: lost links, duplicates, orphans.

Only the ledger is put right here, and duplicates are removed. What follows from it, an update or a
delete, is left to an apply, which has the guard against mass deletes.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sync.notion.tables import layout
from sync.notion.values import plain
from sync.vectors import parts_of
from warehouse.verdicts import CallFailed

if TYPE_CHECKING:
    import psycopg

    from sync.state import Target
    from sync.vectors import VectorSender
    from warehouse.notion.api import NotionApi

_NO_KEY: Mapping[str, Any] = {"type": "rich_text", "rich_text": []}


def reconcile_vectors(
    conn: psycopg.Connection[Any], target: Target, sender: VectorSender
) -> dict[str, int]:
    """Compares a namespace with the ledger.

    Vectors that the ledger does not know are written into it with the content hash that they carry,
    so that equal ones are not sent again and those without a document are deleted. Ids that are not
    of sync's form are counted and left alone.

    Args:
        conn: An autocommit connection.
        target: The target.
        sender: Opened on its namespace.
    """
    counted = {"relinked": 0, "vanished": 0, "foreign": 0}
    known = {
        str(remote): (str(entity), str(chunk), str(held))
        for entity, chunk, remote, held in conn.execute(
            "select entity_id, chunk, remote_id, state from sync.items"
            " where target_id = %s and remote_id is not null",
            (target.target_id,),
        )
    }
    listed: set[str] = set()
    new: list[str] = []
    for identifier in sender.listed():
        listed.add(identifier)
        parts = parts_of(identifier)
        if parts is None or parts[0] != target.entity_type:
            counted["foreign"] += 1
        elif identifier not in known:
            new.append(identifier)
    hashes = sender.hashes(new)
    for identifier in new:
        parts = parts_of(identifier)
        if parts is None or identifier not in hashes:
            continue
        conn.execute(
            """
            insert into sync.items as held (target_id, entity_id, chunk, remote_id, sent_hash,
                want_hash, state)
            values (%s, %s, %s, %s, %s, %s, 'synced')
            on conflict (target_id, entity_id, chunk) do update set
                remote_id = excluded.remote_id, sent_hash = excluded.sent_hash,
                state = case when held.want_hash = excluded.sent_hash then 'synced'
                    else 'pending' end
            where held.state not in ('inflight')
            """,
            (
                target.target_id,
                parts[1],
                parts[2],
                identifier,
                hashes[identifier],
                hashes[identifier],
            ),
        )
        counted["relinked"] += 1
    for identifier, (entity, chunk, held) in known.items():
        if identifier not in listed and held == "synced":
            conn.execute(
                "update sync.items set state = 'pending', sent_hash = null, next_attempt_at = now()"
                " where target_id = %s and entity_id = %s and chunk = %s and state = 'synced'",
                (target.target_id, entity, chunk),
            )
            counted["vanished"] += 1
    return counted


def reconcile_pages(
    conn: psycopg.Connection[Any], api: NotionApi, target: Target
) -> dict[str, int]:
    """Compares the pages of a data source with the ledger, by the id that each page carries.

    Of several pages with one id the oldest is kept and the others go to the trash. Pages without an
    id were made by people: they are counted and left alone.

    Args:
        conn: An autocommit connection.
        api: Notion.
        target: A target with a container.

    Raises:
        CallFailed: Notion failed.
    """
    counted = {"relinked": 0, "doubles": 0, "vanished": 0, "foreign": 0}
    pages: dict[str, list[dict[str, Any]]] = defaultdict(list)
    trashed: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for in_trash, found in ((False, pages), (True, trashed)):
        for page in api.rows(str(target.container), in_trash=in_trash):
            entity = str(plain(page["properties"].get(layout().key, _NO_KEY)))
            if entity:
                found[entity].append(page)
            elif not in_trash:
                counted["foreign"] += 1
    known = {
        str(entity): (str(remote) if remote else None, str(held))
        for entity, remote, held in conn.execute(
            "select entity_id, remote_id, state from sync.items where target_id = %s",
            (target.target_id,),
        )
    }
    for entity, several in pages.items():
        several.sort(key=lambda page: (page["created_time"], page["id"]))
        for other in several[1:]:
            api.request("PATCH", f"pages/{other['id']}", {"in_trash": True})
            counted["doubles"] += 1
        kept = str(several[0]["id"])
        remote, held = known.get(entity, (None, ""))
        if remote != kept or held in ("deleted", "conflict"):
            _link(conn, target, entity, kept, "pending")
            counted["relinked"] += 1
    for entity, (remote, held) in known.items():
        if entity in pages or remote is None or held in ("deleted", "conflict"):
            continue
        if entity in trashed:
            _link(conn, target, entity, remote, "conflict")
        elif _is_gone(api, remote):
            conn.execute(
                "update sync.items set remote_id = null, sent_hash = null, state = 'pending',"
                " next_attempt_at = now() where target_id = %s and entity_id = %s"
                " and state <> 'inflight'",
                (target.target_id, entity),
            )
            counted["vanished"] += 1
    for entity, several in trashed.items():
        # With the ledger lost, nobody knows who trashed them: people are given the benefit.
        if entity not in pages and entity not in known:
            _link(conn, target, entity, str(several[-1]["id"]), "conflict")
    return counted


def _is_gone(api: NotionApi, page: str) -> bool:
    """Whether a page that no query showed is really gone; queries lag behind."""
    try:
        return bool(api.request("GET", f"pages/{page}").get("in_trash"))
    except CallFailed as failure:
        if failure.verdict.kind == "missing":
            return True
        raise


def _link(conn: psycopg.Connection[Any], target: Target, entity: str, page: str, to: str) -> None:
    conn.execute(
        """
        insert into sync.items as held (target_id, entity_id, remote_id, state, sent_hash)
        values (%s, %s, %s, %s, 'unknown')
        on conflict (target_id, entity_id, chunk) do update set
            remote_id = excluded.remote_id, state = excluded.state, sent_hash = excluded.sent_hash,
            attempts = 0, probes = 0, next_attempt_at = now()
        where held.state <> 'inflight'
        """,
        (target.target_id, entity, page, to),
    )
