"""What Postgres tells of tables without reading them: by it, two moments are known to be equal.

A table that has the identity, the columns and the counters of written rows that it had is the table
that it was. Nothing here is needed to build: whatever cannot be told for certain raises
`CannotTell`, and then there is a build.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

#: A session sends its counters when it becomes idle; if it did so less than a second before, only
#: after ten seconds of idleness, or with its end (PGSTAT_IDLE_INTERVAL of Postgres).
_SENT_AFTER = "12 seconds"


class CannotTell(Exception):
    """Why it is not known whether something has changed."""


@dataclass(frozen=True)
class Mark:
    """What a build read and what it left.

    Attributes:
        inputs: Name of each thing that was read, to what it was before the build.
        outputs: Name of each thing that was written, to what it was after it.
        schemas: The schemas of what was written.
    """

    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    schemas: tuple[str, ...]


@dataclass(frozen=True)
class KeptMark:
    """The mark of the last build, which was complete and passed at `built_at`."""

    mark: Mark
    built_at: datetime


def kept_mark(conn: psycopg.Connection[Any]) -> KeptMark | None:
    """The mark of the last build; none if any build began after it."""
    row = conn.execute(
        "select marks.inputs, marks.outputs, marks.schemas, builds.finished_at"
        " from ops.build_marks as marks inner join ops.builds as builds using (build_id)"
        " where builds.status = 'good' and builds.is_complete"
        " and not exists (select from ops.undo_tables)"
    ).fetchone()
    if row is None:
        return None
    inputs, outputs, schemas, built_at = row
    return KeptMark(Mark(inputs, outputs, tuple(schemas)), built_at)


#: A name of the catalog is followed by who wrote its row (xmin), so that any change of a definition
#: shows. ANALYZE and VACUUM change these rows in place, which leaves xmin alone.
_STATE = """
    concat_ws(
        '/', relations.relkind, relations.oid, relations.relfilenode, relations.xmin,
        (
            select md5(string_agg(concat_ws(' ', attnum, xmin), ',' order by attnum))
            from pg_attribute where attrelid = relations.oid and attnum > 0
        ),
        (
            select string_agg(concat_ws(' ', oid, xmin), ',' order by oid)
            from pg_rewrite where ev_class = relations.oid
        ),
        pg_stat_get_tuples_inserted(relations.oid),
        pg_stat_get_tuples_updated(relations.oid),
        pg_stat_get_tuples_deleted(relations.oid)
    )
"""

#: What views read, and what the views among it read.
_READ = """
with recursive named as (
    select name, to_regclass(name)::oid as id from unnest(%(names)s::text[]) as name
),
read as (
    select id from named where id is not null
    union
    select uses.refobjid
    from read
    inner join pg_rewrite as rules on read.id = rules.ev_class
    inner join pg_depend as uses
        on rules.oid = uses.objid and uses.classid = 'pg_rewrite'::regclass
        and uses.refclassid = 'pg_class'::regclass
)
"""


def relations_read(conn: psycopg.Connection[Any], names: Collection[str]) -> dict[str, str]:
    """The state of tables that are read, and of what stands behind the views among them.

    Args:
        conn: An autocommit connection.
        names: Schema and name of each, quoted where they need it.

    Raises:
        CannotTell: Rows of one of them may change without being counted.
    """
    found: dict[str, str] = {}
    rows = conn.execute(
        f"""{_READ}
        select format('%%I.%%I', spaces.nspname, relations.relname), {_STATE},
            case
                when relations.relkind not in ('r', 'v') then 'is neither table nor view'
                when relations.relkind = 'r' and methods.amname <> 'heap' then 'is no plain table'
                when relations.relhassubclass then 'has tables that inherit from it'
                when exists (
                    select from pg_rewrite as rules
                    inner join pg_depend as uses on rules.oid = uses.objid
                    where rules.ev_class = relations.oid and uses.classid = 'pg_rewrite'::regclass
                        and uses.refclassid = 'pg_proc'::regclass
                ) then 'calls functions of its own'
            end
        from read
        inner join pg_class as relations on read.id = relations.oid
        inner join pg_namespace as spaces on relations.relnamespace = spaces.oid
        left join pg_am as methods on relations.relam = methods.oid
        union all
        select name, '', 'is not there' from named where id is null
        """,  # noqa: S608 - text of our own
        {"names": list(names)},
    ).fetchall()
    for name, state, uncountable in rows:
        if uncountable is not None:
            raise CannotTell(f"{name} {uncountable}")
        found[name] = state
    return found


def relations_written(
    conn: psycopg.Connection[Any], schemas: Collection[str], read: Collection[str]
) -> dict[str, str]:
    """The state of all tables and views of some schemas, and of the rights and functions with them.

    Args:
        conn: An autocommit connection.
        schemas: Names of the schemas.
        read: What may be read from outside, as `relations_read` names it.

    Raises:
        CannotTell: A view there reads something else.
    """
    stray = conn.execute(
        """
        select format('%%I.%%I', spaces.nspname, tables.relname),
            format('%%I.%%I', homes.nspname, views.relname)
        from pg_class as views
        inner join pg_namespace as homes on views.relnamespace = homes.oid
        inner join pg_rewrite as rules on views.oid = rules.ev_class
        inner join pg_depend as uses
            on rules.oid = uses.objid and uses.classid = 'pg_rewrite'::regclass
            and uses.refclassid = 'pg_class'::regclass
        inner join pg_class as tables on uses.refobjid = tables.oid
        inner join pg_namespace as spaces on tables.relnamespace = spaces.oid
        where homes.nspname = any(%(schemas)s)
            and spaces.nspname <> all(array['pg_catalog', 'information_schema'] || %(schemas)s)
            and format('%%I.%%I', spaces.nspname, tables.relname) <> all(%(read)s)
        limit 1
        """,
        {"schemas": list(schemas), "read": list(read)},
    ).fetchone()
    if stray is not None:
        raise CannotTell(f"{stray[1]} reads {stray[0]}, which is declared nowhere")
    return {
        name: state or ""
        for name, state in conn.execute(
            f"""
            select format('%%I.%%I', spaces.nspname, relations.relname), {_STATE}
            from pg_class as relations
            inner join pg_namespace as spaces on relations.relnamespace = spaces.oid
            where spaces.nspname = any(%(schemas)s)
                and relations.relkind in ('r', 'v', 'm', 'p', 'f')
            union all
            select format('schema %%I', nspname), concat_ws('/', oid, xmin)
            from pg_namespace where nspname = any(%(schemas)s)
            union all
            select 'rights', concat_ws('/', datacl, (
                select oid from pg_roles where rolname = 'analyst'
            ))
            from pg_database where datname = current_database()
            union all
            -- Those of `ops` and `sync` are made by commands, those of extensions by none.
            select 'functions', md5(string_agg(concat_ws(' ', oid, xmin), ',' order by oid))
            from pg_proc
            where pronamespace::regnamespace::text <> all(
                    '{{pg_catalog,information_schema,ops,sync}}'
                )
                and not exists (
                    select from pg_depend
                    where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
                )
            """,  # noqa: S608 - text of our own
            {"schemas": list(schemas)},
        ).fetchall()
    }


def server_state(conn: psycopg.Connection[Any]) -> dict[str, str]:
    """What counters rest on, and what queries rest on beside tables.

    Raises:
        CannotTell: The server counts no rows, or others count them.
    """
    row = conn.execute(
        """
        select
            current_setting('track_counts')::boolean
            and not exists (
                select from pg_db_role_setting, unnest(setconfig) as setting
                where setting like 'track\\_counts=%'
            ),
            exists (select from pg_extension where extname = 'citus'),
            -- After a crash counters begin anew, and so does this; the other one after a reset.
            (select stats_reset::text from pg_stat_bgwriter),
            (select stats_reset::text from pg_stat_database where datid = databases.oid),
            concat_ws('/', databases.oid, current_user, current_setting('server_version_num')),
            (
                select string_agg(concat_ws(' ', setdatabase, setrole, setconfig), ','
                    order by setdatabase, setrole)
                from pg_db_role_setting
            )
        from pg_database as databases where datname = current_database()
        """
    ).fetchone()
    assert row is not None  # noqa: S101 - the database that is asked is there
    counts, is_distributed, of_server, of_database, database, settings = row
    if not counts:
        raise CannotTell("track_counts is off, or off for some")
    if is_distributed:
        raise CannotTell("rows of distributed tables are counted where they lie, not here")
    if of_server is None:
        raise CannotTell("the server does not say since when it counts")
    return {
        "counters of the server": f"{of_server}/{of_database}",
        "database": database,
        "settings of roles": settings or "",
    }


def settled(conn: psycopg.Connection[Any], *, seconds: float) -> bool:
    """Whether every row that is committed has been counted.

    Args:
        conn: An autocommit connection; its own counters are sent at once.
        seconds: How long to wait for sessions that are about to end.
    """
    until = time.monotonic() + seconds
    while True:
        conn.execute("select pg_stat_force_next_flush()")
        # A state is null where it may not be seen.
        row = conn.execute(
            "select count(*) from pg_stat_activity"
            " where datid = (select oid from pg_database where datname = current_database())"
            " and pid <> pg_backend_pid() and backend_type <> 'autovacuum worker'"
            " and (state = 'idle' and state_change < clock_timestamp() - %s::interval) is not true",
            (_SENT_AFTER,),
        ).fetchone()
        if row == (0,):
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
