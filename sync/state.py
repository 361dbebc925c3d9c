"""The state of sync in Postgres, schema `sync`: targets, items, leases, outcomes, runs."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import ledger, lock

if TYPE_CHECKING:
    import psycopg

#: A worker that lives but hangs loses its items after this many seconds. One that died loses them
#: at once: its lock is gone.
LEASE_SECONDS = 600

#: Raised when `schema.sql` changes, so that it is applied again.
SCHEMA_VERSION = "4"


@dataclass(frozen=True)
class Target:
    """A place that one type of entity goes to.

    Attributes:
        target_id: Name in the ledger.
        service: notion or pinecone.
        entity_type: program, experiment, dataset, signature or feature; in Notion, the kind of
            feature, and the components of signatures too.
        container: Data source id or namespace; none until it is known.
        embedder_id: For Pinecone.
        properties: For Notion: name to id and type of the properties that sync writes, as seen
            when the data source was made or adopted.
        is_live: Whether search reads it.
    """

    target_id: str
    service: str
    entity_type: str
    container: str | None = None
    embedder_id: str | None = None
    properties: Mapping[str, Any] | None = None
    is_live: bool = False


@dataclass(frozen=True)
class Item:
    """One claimed item.

    Attributes:
        entity_id: Id in the marts.
        chunk: Part of the entity; empty for pages.
        before: State before it was claimed.
        remote_id: Page id or vector id, once known.
        want_hash: What the marts want; none where the row is to be deleted.
        sent_hash: What was sent last.
        text_hash: Hash of the text that was embedded last.
        attempts: Attempts that failed since it last went well.
        probes: How often it was looked for after a lost answer.
    """

    entity_id: str
    chunk: str
    before: str
    remote_id: str | None
    want_hash: str | None
    sent_hash: str | None
    text_hash: str | None
    attempts: int
    probes: int

    @property
    def key(self) -> tuple[str, str]:
        """Entity and chunk."""
        return (self.entity_id, self.chunk)


def ensure(conn: psycopg.Connection[Any]) -> None:
    """Makes the schema `sync`, unless this version of it is there; one query once it is."""
    row = conn.execute("select obj_description(to_regnamespace('sync'), 'pg_namespace')").fetchone()
    if row is not None and row[0] == f"omics sync {SCHEMA_VERSION}":
        return
    # The budget of calls is shared with the loader that reads Notion.
    ledger.ensure_ops(conn)
    text = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
    with conn.transaction():
        lock.lock_transaction(conn, "sync schema")
        conn.execute(text.encode())
        conn.execute(f"comment on schema sync is 'omics sync {SCHEMA_VERSION}'".encode())


# Targets -----------------------------------------------------------------------------------------


def ensure_target(conn: psycopg.Connection[Any], target: Target) -> Target:
    """Writes a target down if it is new; returns it as the ledger has it.

    One that is known is not written again: marts read this table, and a refresh builds what it
    finds written.
    """
    conn.execute(
        "insert into sync.targets as held (target_id, service, entity_type, container, embedder_id)"
        " values (%s, %s, %s, %s, %s) on conflict (target_id) do update set is_retired = false"
        " where held.is_retired",
        (
            target.target_id,
            target.service,
            target.entity_type,
            target.container,
            target.embedder_id,
        ),
    )
    return next(t for t in targets(conn) if t.target_id == target.target_id)


def targets(conn: psycopg.Connection[Any], service: str | None = None) -> list[Target]:
    """Every target that is not retired."""
    rows = conn.execute(
        "select target_id, service, entity_type, container, embedder_id, properties, is_live"
        " from sync.targets where not is_retired and (%s::text is null or service = %s)"
        " order by target_id",
        (service, service),
    ).fetchall()
    return [Target(*row) for row in rows]


def place_target(
    conn: psycopg.Connection[Any],
    target_id: str,
    *,
    container: str,
    properties: Mapping[str, Any] | None = None,
) -> None:
    """Writes down where a target is and what its table looked like."""
    from psycopg.types.json import Jsonb

    conn.execute(
        "update sync.targets set container = %s, properties = %s where target_id = %s",
        (container, Jsonb(dict(properties)) if properties is not None else None, target_id),
    )


def go_live(conn: psycopg.Connection[Any], target: Target) -> list[Target]:
    """Lets search read this target; returns the older ones that it replaces, not yet retired."""
    with conn.transaction():
        conn.execute(
            "update sync.targets set is_live = false"
            " where service = %s and entity_type = %s and target_id <> %s and is_live",
            (target.service, target.entity_type, target.target_id),
        )
        conn.execute(
            "update sync.targets set is_live = true where target_id = %s", (target.target_id,)
        )
    return [
        other
        for other in targets(conn, target.service)
        if other.entity_type == target.entity_type and other.target_id != target.target_id
    ]


def retire(conn: psycopg.Connection[Any], target_id: str) -> None:
    """Forgets the items of a target whose remote side was emptied."""
    with conn.transaction():
        conn.execute("delete from sync.items where target_id = %s", (target_id,))
        conn.execute(
            "update sync.targets set is_retired = true, is_live = false where target_id = %s",
            (target_id,),
        )


# Wanted ------------------------------------------------------------------------------------------


@contextmanager
def wanted_table(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """A temporary table `wanted (entity_id, chunk, want_hash)` for the length of the block."""
    conn.execute("drop table if exists pg_temp.wanted")
    conn.execute(
        "create temporary table wanted (entity_id text, chunk text, want_hash text,"
        " primary key (entity_id, chunk))"
    )
    try:
        yield
    finally:
        conn.execute("drop table if exists pg_temp.wanted")


def fill_wanted(conn: psycopg.Connection[Any], rows: Sequence[tuple[str, str, str]]) -> None:
    """Copies rows of entity, chunk and hash into `wanted`."""
    with (
        conn.cursor() as cursor,
        cursor.copy("copy wanted (entity_id, chunk, want_hash) from stdin") as copy,
    ):
        for row in rows:
            copy.write_row(row)


def compare(conn: psycopg.Connection[Any], target_id: str) -> dict[str, int]:
    """Counts what a merge of `wanted` would find.

    Returns:
        Numbers of things to create, update, delete; of things that are the same, dead, or left to
        people (conflict); of entities that are known and of those that would vanish.
    """
    row = conn.execute(
        """
        with known as (select * from sync.items where target_id = %(target)s),
        compared as (
            select
                coalesce(known.state, 'new') as state,
                wanted.entity_id is not null as is_wanted,
                known.entity_id is not null and known.state <> 'deleted' as is_known,
                coalesce(known.state = 'dead' and known.want_hash = wanted.want_hash, false)
                    as is_dead,
                known.sent_hash,
                wanted.want_hash
            from known
            full outer join wanted
                on known.entity_id = wanted.entity_id and known.chunk = wanted.chunk
        )
        select
            count(*) filter (
                where is_wanted and sent_hash is null
                and not is_dead and state <> 'conflict'
            ) as create,
            count(*) filter (
                where is_wanted and sent_hash is not null and state <> 'conflict'
                and (sent_hash <> want_hash or state in ('deleting', 'deleted'))
                and not is_dead
            ) as update,
            count(*) filter (where not is_wanted and is_known and state <> 'conflict') as delete,
            count(*) filter (
                where is_wanted and sent_hash = want_hash
                and state not in ('deleting', 'deleted', 'conflict')
            ) as same,
            count(*) filter (where is_wanted and is_dead) as dead,
            count(*) filter (where is_wanted and state = 'conflict') as conflict
        from compared
        """,
        {"target": target_id},
    ).fetchone()
    names = ("create", "update", "delete", "same", "dead", "conflict")
    return dict(zip(names, row or (), strict=True))


def vanishing(conn: psycopg.Connection[Any], target_id: str) -> tuple[int, int]:
    """How many entities the ledger holds, and how many of them `wanted` no longer has."""
    row = conn.execute(
        """
        select count(*), count(*) filter (where not is_wanted) from (
            select known.entity_id, bool_or(wanted.entity_id is not null) as is_wanted
            from sync.items as known
            left join (select distinct entity_id from wanted) as wanted
                on known.entity_id = wanted.entity_id
            where known.target_id = %s and known.state not in ('deleted', 'deleting')
                and (known.remote_id is not null or known.sent_hash is not null)
            group by known.entity_id
        ) as entities
        """,
        (target_id,),
    ).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def merge_wanted(conn: psycopg.Connection[Any], target_id: str) -> None:
    """Turns `wanted` into work: what is new or differs is pending, what vanished is deleting.

    Things in flight keep their state; when they come back, what they sent is compared with what is
    wanted then.
    """
    with conn.transaction():
        conn.execute("select pg_advisory_xact_lock(%s)", (lock.lock_key(f"sync plan {target_id}"),))
        conn.execute(
            """
            insert into sync.items as held (target_id, entity_id, chunk, want_hash)
            select %(target)s, entity_id, chunk, want_hash from wanted
            order by entity_id, chunk
            on conflict (target_id, entity_id, chunk) do update set
                want_hash = excluded.want_hash,
                missing_since = null,
                state = case
                    when held.state in ('inflight', 'ambiguous', 'conflict') then held.state
                    when held.state in ('deleting', 'deleted') then 'pending'
                    when held.sent_hash = excluded.want_hash then 'synced'
                    else 'pending'
                end,
                attempts = 0,
                next_attempt_at = case
                    when held.state = 'ambiguous' then held.next_attempt_at else now()
                end
            where held.want_hash is distinct from excluded.want_hash
                or held.state in ('deleting', 'deleted')
            """,
            {"target": target_id},
        )
        conn.execute(
            """
            delete from sync.items as held
            where held.target_id = %(target)s and held.sent_hash is null and held.remote_id is null
                and held.state = 'pending' and held.attempts = 0 and held.probes = 0
                and not exists (
                    select 1 from wanted
                    where wanted.entity_id = held.entity_id and wanted.chunk = held.chunk
                )
            """,
            {"target": target_id},
        )
        conn.execute(
            """
            update sync.items as held set
                state = case
                    when held.state in ('inflight', 'ambiguous') then held.state
                    when held.state = 'conflict' then 'deleted'
                    else 'deleting'
                end,
                want_hash = null,
                missing_since = coalesce(held.missing_since, now()),
                attempts = 0,
                next_attempt_at = case
                    when held.state = 'ambiguous' then held.next_attempt_at else now()
                end
            where held.target_id = %(target)s and held.state not in ('deleting', 'deleted')
                and not exists (
                    select 1 from wanted
                    where wanted.entity_id = held.entity_id and wanted.chunk = held.chunk
                )
            """,
            {"target": target_id},
        )


def merge_new(conn: psycopg.Connection[Any], target_id: str) -> None:
    """Turns only what nothing is out there of into work; everything else stays as it is."""
    conn.execute(
        """
        insert into sync.items as held (target_id, entity_id, chunk, want_hash)
        select %(target)s, entity_id, chunk, want_hash from wanted
        order by entity_id, chunk
        on conflict (target_id, entity_id, chunk) do update set
            want_hash = excluded.want_hash, state = 'pending', attempts = 0, next_attempt_at = now()
        where held.remote_id is null and held.state not in ('inflight', 'ambiguous')
            and held.want_hash is distinct from excluded.want_hash
        """,
        {"target": target_id},
    )


def hand_over(conn: psycopg.Connection[Any], target_id: str, item: Item, remote_id: str) -> None:
    """Lets a page belong to this entity alone: another one, that had it before, is forgotten.

    A page that Notion alone told of may turn out to be that of an entity with a file.
    """
    conn.execute(
        "delete from sync.items where target_id = %s and remote_id = %s and entity_id <> %s",
        (target_id, remote_id, item.entity_id),
    )


# Work --------------------------------------------------------------------------------------------


def claim(
    conn: psycopg.Connection[Any],
    target_id: str,
    worker: str,
    *,
    limit: int,
    deletes: bool = False,
    only_new: bool = False,
) -> list[Item]:
    """Takes items that are due; no other worker gets them while the lease holds.

    Args:
        conn: An autocommit connection: the claim is committed before anything is sent.
        target_id: The target.
        worker: Who claims.
        limit: How many at most.
        deletes: Take only what is to be deleted; otherwise only what is not.
        only_new: Take only what nothing is out there of.
    """
    rows = conn.execute(
        """
        with due as (
            select entity_id, chunk, state from sync.items
            where target_id = %(target)s
                and (remote_id is null or not %(only_new)s)
                and (
                    (state = any(%(states)s) and next_attempt_at <= clock_timestamp())
                    or (
                        state = 'inflight' and lease_until < clock_timestamp()
                        and (want_hash is null) = %(deletes)s
                    )
                )
            order by entity_id, chunk
            limit %(limit)s
            for update skip locked
        )
        update sync.items as held set
            state = 'inflight', worker = %(worker)s,
            lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
        from due
        where held.target_id = %(target)s and held.entity_id = due.entity_id
            and held.chunk = due.chunk
        returning held.entity_id, held.chunk, due.state, held.remote_id, held.want_hash,
            held.sent_hash, held.text_hash, held.attempts, held.probes
        """,
        {
            "target": target_id,
            "states": ["deleting"] if deletes else ["pending", "retry", "ambiguous"],
            "deletes": deletes,
            "only_new": only_new,
            "limit": limit,
            "worker": worker,
            "lease": LEASE_SECONDS,
        },
    ).fetchall()
    return sorted((Item(*row) for row in rows), key=lambda item: item.key)


@dataclass(frozen=True)
class Done:
    """An item that is out there as it was sent."""

    item: Item
    sent_hash: str
    remote_id: str
    text_hash: str | None = None
    lsn: int | None = None
    remote_edited_at: str | None = None
    sent: Mapping[str, Any] | None = None


def record_done(conn: psycopg.Connection[Any], target_id: str, done: Sequence[Done]) -> None:
    """Writes down what was sent. What the marts came to want in the meantime is pending again."""
    from psycopg.types.json import Jsonb

    with conn.transaction(), conn.cursor() as cursor:
        cursor.executemany(
            """
            update sync.items set
                sent_hash = %s, remote_id = %s, text_hash = %s, lsn = %s,
                remote_edited_at = %s, sent = %s,
                state = case
                    when want_hash is null then 'deleting'
                    when want_hash = %s then 'synced'
                    else 'pending'
                end,
                attempts = 0, probes = 0, next_attempt_at = now(), worker = null,
                lease_until = null, error_code = null, error = null, request_id = null,
                synced_at = now(),
                -- The old values stand on the right: was it this text that was there already?
                embedded_at = case
                    when %s::text is null then null
                    when text_hash = %s and sent_hash is not null then coalesce(embedded_at, now())
                    else now()
                end
            where target_id = %s and entity_id = %s and chunk = %s
            """,
            [
                (
                    each.sent_hash,
                    each.remote_id,
                    each.text_hash,
                    each.lsn,
                    each.remote_edited_at,
                    Jsonb(dict(each.sent)) if each.sent is not None else None,
                    each.sent_hash,
                    each.text_hash,
                    each.text_hash,
                    target_id,
                    *each.item.key,
                )
                for each in done
            ],
        )


def record_deleted(
    conn: psycopg.Connection[Any], target_id: str, items: Sequence[Item], *, forget: bool
) -> None:
    """Writes down that items are gone.

    Args:
        conn: A connection.
        target_id: The target.
        items: What was deleted.
        forget: Drop the rows; otherwise they stay as `deleted`, because the remote side is only in
            the trash and can come back.
    """
    keys = [list(item.key) for item in items]
    entities, chunks = [key[0] for key in keys], [key[1] for key in keys]
    if forget:
        conn.execute(
            "delete from sync.items where target_id = %s and want_hash is null"
            " and (entity_id, chunk) in (select * from unnest(%s::text[], %s::text[]))",
            (target_id, entities, chunks),
        )
    else:
        conn.execute(
            "update sync.items set state = 'deleted', sent_hash = null, worker = null,"
            " lease_until = null, attempts = 0, probes = 0"
            " where target_id = %s and want_hash is null"
            " and (entity_id, chunk) in (select * from unnest(%s::text[], %s::text[]))",
            (target_id, entities, chunks),
        )
    # Wanted again while it was being deleted.
    conn.execute(
        "update sync.items set state = 'pending', sent_hash = null, worker = null,"
        " lease_until = null, remote_id = case when %s then null else remote_id end"
        " where target_id = %s and (entity_id, chunk) in"
        " (select * from unnest(%s::text[], %s::text[])) and want_hash is not null",
        (forget, target_id, entities, chunks),
    )


def record_state(
    conn: psycopg.Connection[Any],
    target_id: str,
    items: Sequence[Item],
    state: str,
    *,
    wait: float = 0.0,
    failed: bool = False,
    probed: bool = False,
    code: str | None = None,
    message: str | None = None,
    request_id: str | None = None,
    unlink: bool = False,
) -> None:
    """Puts claimed items into a state.

    Args:
        conn: A connection.
        target_id: The target.
        items: The items.
        state: The state. `back` is the one that they were claimed in.
        wait: Seconds until they are due.
        failed: Count a failed attempt.
        probed: Count a look for a lost page.
        code: Error code.
        message: What happened, without secrets.
        request_id: Id that the service gave the call.
        unlink: Forget the remote id.
    """
    before = ["pending" if item.before == "inflight" else item.before for item in items]
    conn.execute(
        """
        update sync.items as held set
            state = case when %(state)s = 'back' then given.before else %(state)s end,
            worker = null, lease_until = null,
            next_attempt_at = statement_timestamp() + make_interval(secs => %(wait)s),
            attempts = held.attempts + %(failed)s, probes = held.probes + %(probed)s,
            error_code = %(code)s, error = %(message)s, request_id = %(request)s,
            remote_id = case when %(unlink)s then null else held.remote_id end,
            sent_hash = case when %(unlink)s then null else held.sent_hash end
        from unnest(%(entities)s::text[], %(chunks)s::text[], %(before)s::text[])
            as given (entity_id, chunk, before)
        where held.target_id = %(target)s and held.entity_id = given.entity_id
            and held.chunk = given.chunk
        """,
        {
            "state": state,
            "wait": wait,
            "failed": int(failed),
            "probed": int(probed),
            "code": code,
            "message": message,
            "request": request_id,
            "unlink": unlink,
            "entities": [item.entity_id for item in items],
            "chunks": [item.chunk for item in items],
            "before": before,
            "target": target_id,
        },
    )


def record_attempt(
    conn: psycopg.Connection[Any],
    run_id: int | None,
    target_id: str,
    item: tuple[str, str],
    operation: str,
    outcome: str,
    *,
    code: str | None = None,
    message: str | None = None,
    request_id: str | None = None,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Adds a line to the record of what went wrong."""
    from psycopg.types.json import Jsonb

    conn.execute(
        "insert into sync.attempts (run_id, target_id, entity_id, chunk, operation, outcome,"
        " error_code, message, request_id, payload)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            run_id,
            target_id,
            *item,
            operation,
            outcome,
            code,
            message,
            request_id,
            Jsonb(dict(payload)) if payload is not None else None,
        ),
    )


def next_due(
    conn: psycopg.Connection[Any], target_id: str, *, only_new: bool = False
) -> float | None:
    """Seconds until the next item is due; none when nothing waits."""
    row = conn.execute(
        "select extract(epoch from min(next_attempt_at) - clock_timestamp())::float8"
        " from sync.items where target_id = %s"
        " and (remote_id is null or not %s)"
        " and state in ('pending', 'retry', 'ambiguous', 'deleting')",
        (target_id, only_new),
    ).fetchone()
    return None if row is None or row[0] is None else max(0.0, float(row[0]))


def counts(
    conn: psycopg.Connection[Any], target_id: str, *, only_new: bool = False
) -> dict[str, int]:
    """Number of items in each state.

    Args:
        conn: A connection.
        target_id: The target.
        only_new: Count only those of which nothing is out there.
    """
    rows = conn.execute(
        "select state, count(*) from sync.items where target_id = %s"
        " and (remote_id is null or not %s) group by state",
        (target_id, only_new),
    ).fetchall()
    return {str(state): int(number) for state, number in rows}


def held_ids(conn: psycopg.Connection[Any], target_id: str) -> set[str]:
    """Entities that have, or may have, something out there."""
    rows = conn.execute(
        "select entity_id from sync.items where target_id = %s and state <> 'deleted'"
        " and (remote_id is not null or state in ('ambiguous', 'inflight'))",
        (target_id,),
    ).fetchall()
    return {str(entity) for (entity,) in rows}


def sent_with(conn: psycopg.Connection[Any], target_id: str, name: str) -> set[str]:
    """Entities on whose pages a property was written last time."""
    rows = conn.execute(
        "select entity_id from sync.items where target_id = %s and sent ? %s", (target_id, name)
    ).fetchall()
    return {str(entity) for (entity,) in rows}


def sent_pages(
    conn: psycopg.Connection[Any], target_id: str, name: str, entities: Collection[str]
) -> set[str]:
    """Pages that a relation of some entities named when it was written last."""
    if not entities:
        return set()
    rows = conn.execute(
        "select linked ->> 'id' from sync.items cross join"
        " jsonb_array_elements(coalesce(sent -> %s -> 'relation', '[]')) as linked"
        " where target_id = %s and entity_id = any(%s)",
        (name, target_id, list(entities)),
    ).fetchall()
    return {str(page) for (page,) in rows}


def remote_ids(conn: psycopg.Connection[Any], service: str, entity_type: str) -> dict[str, str]:
    """Page ids by entity, of the pages that are there."""
    rows = conn.execute(
        "select items.entity_id, items.remote_id from sync.items as items"
        " inner join sync.targets as targets on items.target_id = targets.target_id"
        " where targets.service = %s and targets.entity_type = %s and not targets.is_retired"
        " and items.remote_id is not null and items.state not in ('deleted', 'conflict')",
        (service, entity_type),
    ).fetchall()
    return {str(entity): str(remote) for entity, remote in rows}


def embedded_at(conn: psycopg.Connection[Any], entity_type: str) -> dict[str, datetime]:
    """When Pinecone last took a vector of each entity, in the namespace that search reads."""
    rows = conn.execute(
        "select items.entity_id, max(items.embedded_at) from sync.items as items"
        " inner join sync.targets as targets on items.target_id = targets.target_id"
        " where targets.service = 'pinecone' and targets.entity_type = %s and targets.is_live"
        " and items.sent_hash is not null and items.embedded_at is not null"
        " group by items.entity_id",
        (entity_type,),
    ).fetchall()
    return {str(entity): moment for entity, moment in rows}


# Runs and workers --------------------------------------------------------------------------------


def start_run(conn: psycopg.Connection[Any], target_id: str, mode: str, worker: str) -> int:
    """Writes down that a run over a target began."""
    row = conn.execute(
        "insert into sync.runs (target_id, mode, worker) values (%s, %s, %s) returning run_id",
        (target_id, mode, worker),
    ).fetchone()
    return int(row[0]) if row else 0


def finish_run(
    conn: psycopg.Connection[Any],
    run_id: int,
    status: str,
    counted: Mapping[str, int],
    message: str | None,
) -> None:
    """Writes down how it ended."""
    from psycopg.types.json import Jsonb

    conn.execute(
        "update sync.runs set status = %s, counts = %s, message = %s,"
        " finished_at = clock_timestamp() where run_id = %s",
        (status, Jsonb(dict(counted)), message, run_id),
    )


@contextmanager
def working(conn: psycopg.Connection[Any]) -> Iterator[str]:
    """A worker of this session: others see that it lives by its lock, however it ends."""
    worker = uuid.uuid4().hex
    with lock.advisory_lock(conn, _lock_of(worker)):
        yield worker


def release_dead_workers(conn: psycopg.Connection[Any], target_id: str) -> int:
    """Frees what workers that died had claimed; returns how many items.

    What was being deleted is deleted again. Anything else may or may not have arrived: it becomes
    `ambiguous`, and its target knows what that means.
    """
    rows = conn.execute(
        "select worker from sync.items where target_id = %(target)s and state = 'inflight'"
        " union"
        # One that died between two items holds none of them, and its run is still not over.
        " select worker from sync.runs where target_id = %(target)s and status = 'running'",
        {"target": target_id},
    ).fetchall()
    freed = 0
    for (worker,) in rows:
        if worker is not None and lock.holder_of(conn, _lock_of(worker)) is not None:
            continue
        freed += conn.execute(
            "update sync.items set state = case when want_hash is null and sent_hash is not null"
            " then 'deleting' else 'ambiguous' end, worker = null, lease_until = null,"
            " next_attempt_at = now()"
            " where target_id = %s and state = 'inflight' and worker is not distinct from %s",
            (target_id, worker),
        ).rowcount
        conn.execute(
            "update sync.runs set status = 'crashed', finished_at = clock_timestamp()"
            " where status = 'running' and worker = %s",
            (worker,),
        )
    return freed


def _lock_of(worker: str) -> str:
    return f"sync worker {worker}"
