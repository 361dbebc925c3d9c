"""What people wrote on pages: from Notion where it answers in time, else the last good copy."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from sync.searching import services
from sync.searching.deadline import Deadline
from sync.searching.model import Hit, Narrative, Notes
from sync.searching.services import Asked, Unavailable
from warehouse.verdicts import of_notion

if TYPE_CHECKING:
    import psycopg

    from sync.options import Options

    Conn = psycopg.Connection[Any]

#: Pages that one search reads.
_MOST_PAGES = 3

#: Part of the time that is left for what comes after.
_RESERVE = 0.1


def add(
    conn: Conn,
    hits: Sequence[Hit],
    options: Options,
    deadline: Deadline,
    notes: Notes,
    *,
    notion_enabled: bool,
) -> list[Hit]:
    """The hits with what people wrote about them, and how old that is."""
    kept = _copies(conn, hits)
    pages = {key: page for key, (page, _) in kept.items() if page}
    for hit in hits:
        page = hit.fields.get("notion_page_id")
        if page:
            pages.setdefault((hit.entity_type, hit.id), str(page))
    fresh: dict[tuple[str, str], Narrative] = {}
    if notion_enabled and options.notion_token and pages:
        chosen = [(hit.entity_type, hit.id) for hit in hits if (hit.entity_type, hit.id) in pages]
        fresh = _ask(conn, {k: pages[k] for k in chosen[:_MOST_PAGES]}, options, deadline, notes)
    added = []
    for hit in hits:
        key = (hit.entity_type, hit.id)
        copy = kept.get(key, (None, None))[1]
        found = fresh.get(key) or copy or hit.narrative
        added.append(replace(hit, narrative=found))
    return added


def _copies(
    conn: Conn, hits: Sequence[Hit]
) -> dict[tuple[str, str], tuple[str | None, Narrative | None]]:
    row = conn.execute("select to_regclass('sync.narratives') is not null").fetchone()
    if not hits or not (row and row[0]):
        return {}
    rows = conn.execute(
        "select entity_type, entity_id, page_id, markdown, fetched_at from sync.narratives"
        " where entity_id = any(%s)",
        ([hit.id for hit in hits],),
    ).fetchall()
    now = datetime.now(UTC)
    return {
        (str(kind), str(entity)): (
            str(page),
            Narrative(text, "postgres", read, round((now - read).total_seconds(), 1))
            if text.strip()
            else None,
        )
        for kind, entity, page, text, read in rows
    }


def _ask(
    conn: Conn,
    pages: dict[tuple[str, str], str],
    options: Options,
    deadline: Deadline,
    notes: Notes,
) -> dict[tuple[str, str], Narrative]:
    blocked = services.blocked(conn, "notion")
    if blocked:
        notes.trouble("notion", blocked)
        return {}
    seconds = deadline.remaining - _RESERVE
    if seconds <= 0.05:
        notes.trouble("notion", "no time was left to ask it")
        return {}
    asked = {key: Asked(partial(_read, options, page, seconds)) for key, page in pages.items()}
    found: dict[tuple[str, str], Narrative] = {}
    trouble: str | None = None
    for key, one in asked.items():
        try:
            text = one.result(max(0.0, deadline.remaining - _RESERVE))
        except Unavailable as problem:
            trouble = str(problem)
            continue
        if text.strip():
            found[key] = Narrative(text, "notion", datetime.now(UTC), 0.0)
    if trouble is not None:
        notes.trouble("notion", trouble)
        services.failed(conn, "notion", trouble)
    else:
        services.went_well(conn, "notion")
    return found


def _read(options: Options, page: str, seconds: float) -> str:
    """One page as markdown. Runs in a thread of its own: it touches no database."""
    from notion_client import Client

    from warehouse.notion.api import VERSION

    logger = logging.getLogger("omics.sync.notion")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    client = Client(
        auth=options.notion_token,
        base_url=options.notion_url,
        notion_version=VERSION,
        timeout_ms=max(50, int(seconds * 1000)),
        retry=False,
        logger=logger,
        log_level=logging.CRITICAL,
    )
    try:
        answer: Any = client.request(path=f"pages/{page}/markdown", method="GET")
        return str(answer.get("markdown") or "")
    except Exception as error:
        verdict = of_notion(error, options.secrets)
        raise Unavailable(f"{verdict.code}: {verdict.message}"[:300]) from None
    finally:
        client.close()
