-- What a build of the marts may be undone by. Applied again only when this text changes.
--
-- Before a build first touches rows of a mart, it saves them in schema `marts_undo`, in the same
-- transaction: ops.remember(). A table that is made anew is not dropped but set aside:
-- ops.set_aside(). A build that passed forgets what was saved, ops.keep_build(); one that failed
-- puts it back, ops.undo_build(). What is saved are the rows that change, so the cost does not grow
-- with the warehouse.
create schema if not exists marts_undo;

create table if not exists ops.builds (
    build_id uuid primary key default gen_random_uuid(),
    run_id uuid,
    tool text not null check (tool in ('omics', 'dbt')),
    status text not null check (status in ('open', 'good', 'failed', 'cut_off')),
    is_complete boolean not null default true,
    can_undo boolean not null,
    started_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz,
    failed text[] not null default '{}',
    rows_restored bigint
);
comment on table ops.builds is
'One row per build of the marts: how it ended, what failed, and the rows put back when it did.';
create index if not exists builds_started_at on ops.builds (started_at);

create table if not exists ops.build_marks (
    build_id uuid primary key,
    inputs jsonb not null,
    outputs jsonb not null,
    schemas text[] not null
);
comment on table ops.build_marks is
'One row at most: what the last build read and left, if it was complete and passed and none began since.';

create table if not exists ops.unfinished (
    kind text not null check (kind in ('dataset', 'signature')),
    entity_id uuid not null,
    primary key (kind, entity_id)
);
comment on table ops.unfinished is
'One row per dataset or signature that builds have called built since a complete one passed.';

create table if not exists ops.undo_tables (
    mart text primary key,
    key_columns text[] not null default '{}',
    is_set_aside boolean not null default false
);
comment on table ops.undo_tables is 'One row per mart that the build that is running has touched.';

create table if not exists ops.undo_views (
    position bigint generated always as identity,
    schema_name text not null,
    view_name text not null,
    definition text not null,
    remark text,
    primary key (schema_name, view_name)
);
comment on table ops.undo_views is
'One row per view that went with a table that was set aside, to be made again with it.';

create table if not exists ops.dataset_changes (
    run_id uuid not null,
    dataset_id uuid not null,
    dataset_name text,
    omics_type text,
    change text not null check (change in ('added', 'removed', 'changed')),
    columns text[] not null default '{}',
    features_added bigint not null default 0,
    features_removed bigint not null default 0,
    features_changed bigint not null default 0,
    results_added bigint not null default 0,
    results_removed bigint not null default 0,
    results_changed bigint not null default 0,
    scores_added bigint not null default 0,
    scores_removed bigint not null default 0,
    scores_changed bigint not null default 0,
    examples jsonb not null default '{}',
    primary key (run_id, dataset_id)
);
comment on table ops.dataset_changes is
'One row per run and dataset whose content in the marts is another one since that run.';

create table if not exists ops.mart_changes (
    run_id uuid not null,
    mart text not null,
    added bigint not null,
    removed bigint not null,
    changed bigint not null,
    primary key (run_id, mart)
);
comment on table ops.mart_changes is
'One row per run and small mart with rows that are new, gone or different since that run.';


-- Whether two numbers differ by more than a share of the smaller one.
create or replace function ops.differs(a double precision, b double precision, tolerance double precision)
returns boolean language sql immutable as $$
    select a is distinct from b
        and coalesce(not abs(a - b) <= tolerance * least(abs(a), abs(b)), true)
$$;


create or replace function ops.differs(a double precision[], b double precision[], tolerance double precision)
returns boolean language sql immutable as $$
    select a is distinct from b
        and (
            cardinality(a) is distinct from cardinality(b)
            or exists (
                select from unnest(a, b) as pairs (x, y) where ops.differs(pairs.x, pairs.y, tolerance)
            )
        )
$$;


-- The server process that holds the lock named `build` (warehouse/lock.py), if one does.
create or replace function ops.build_lock_holder()
returns integer language sql stable as $$
    with named as (
        select ('x' || left(encode(sha256('omics-warehouse:build'), 'hex'), 16))::bit(64) as key
    )
    select pid
    from pg_locks
    cross join named
    where
        locktype = 'advisory' and granted and objsubid = 1
        and classid = substring(key for 32)::bit(32)::bigint::oid
        and objid = substring(key from 33)::bit(32)::bigint::oid
        and database = (select oid from pg_database where datname = current_database())
    limit 1
$$;


-- Notes what the marts that say what is built are about to say. They are not the last ones: a build
-- that is killed, or makes only some models, may leave another mart without it.
create or replace function ops.remember_unfinished(of_kind text, ids_query text)
returns void language plpgsql as $$
begin
    execute format(
        'insert into ops.unfinished (kind, entity_id) select %L, listed.* from (%s) as listed '
        'on conflict do nothing',
        of_kind, ids_query
    );
end
$$;


-- A build begins. An open one whose process is gone was cut off: what it saved stays saved, because
-- it is still the last good content.
create or replace function ops.begin_build(of_run uuid, with_tool text, complete boolean)
returns uuid language plpgsql as $$
declare
    earlier ops.builds;
    opened uuid;
begin
    perform pg_advisory_xact_lock(hashtext('omics builds'));
    -- Whatever this build does, and however it ends: what was known of the last one no longer holds.
    delete from ops.build_marks;
    select * into earlier from ops.builds where status = 'open' order by started_at desc limit 1;
    update ops.builds set status = 'cut_off', finished_at = clock_timestamp()
    where status = 'open';
    insert into ops.builds (run_id, tool, status, is_complete, can_undo)
    values (
        of_run, with_tool, 'open', complete,
        coalesce(earlier.can_undo, to_regclass('marts.datasets') is not null)
    )
    returning build_id into opened;
    return opened;
end
$$;


-- Saves the rows of a mart with some keys, at the first touch of each key, and the keys. Rows that
-- are inserted later under a saved key are the build's own.
create or replace function ops.remember(of_mart text, columns text[], keys_query text)
returns bigint language plpgsql as $$
declare
    is_needed boolean;
    saved bigint;
    names text := (select string_agg(format('%I', each), ', ') from unnest(columns) as each);
    fields text;
begin
    if not coalesce((select can_undo from ops.builds where status = 'open'), false)
        or exists (select from ops.undo_tables where mart = of_mart and is_set_aside)
    then
        return 0;
    end if;
    execute format('select exists (%s)', keys_query) into is_needed;
    if not is_needed then
        return 0;
    end if;
    if not exists (select from ops.undo_tables where mart = of_mart) then
        execute format('create table marts_undo.%I (like marts.%I)', of_mart, of_mart);
        execute format(
            'create table marts_undo.%I as select %s from marts.%I where false',
            of_mart || '__keys', names, of_mart
        );
        execute format(
            'create unique index on marts_undo.%I (%s)', of_mart || '__keys', names
        );
        insert into ops.undo_tables (mart, key_columns) values (of_mart, columns);
    end if;
    fields := ops.undo_columns(of_mart);
    execute format(
        'with keys as (insert into marts_undo.%I select distinct * from (%s) as touched '
        'on conflict do nothing returning *) '
        'insert into marts_undo.%I (%s) select %s from marts.%I as known where %s',
        of_mart || '__keys', keys_query, of_mart, fields, fields, of_mart,
        case
            -- An array is looked up through the index.
            when cardinality(columns) = 1
                then format('known.%I = any(array(select keys.%I from keys))', columns[1], columns[1])
            else format('(%s) in (select %s from keys)', names, names)
        end
    );
    get diagnostics saved = row_count;
    return saved;
end
$$;


-- The columns that the saved rows of a mart have, as a list.
create or replace function ops.undo_columns(of_mart text)
returns text language sql stable as $$
    select string_agg(format('%I', attname), ', ' order by attnum)
    from pg_attribute
    where attrelid = to_regclass(format('marts_undo.%I', of_mart)) and attnum > 0 and not attisdropped
$$;


-- Views that read a table, those that read them too, nearest first.
create or replace function ops.views_over(of_table regclass)
returns table (view_id oid, depth integer) language sql stable as $$
    with recursive readers as (
        select of_table::oid as view_id, 0 as depth
        union
        select rules.ev_class, readers.depth + 1
        from readers
        inner join pg_depend as uses
            on readers.view_id = uses.refobjid and uses.refclassid = 'pg_class'::regclass
        inner join pg_rewrite as rules
            on uses.objid = rules.oid and uses.classid = 'pg_rewrite'::regclass
        where rules.ev_class <> readers.view_id
    )
    select readers.view_id, max(readers.depth)
    from readers
    inner join pg_class on readers.view_id = pg_class.oid
    where readers.depth > 0 and pg_class.relkind = 'v'
    group by readers.view_id
$$;


-- A mart was made anew; its former table stands under another name. The first one of a build is the
-- last good content: it is kept, with the text of the views that read it. Others are dropped.
create or replace function ops.set_aside(former text, of_mart text)
returns void language plpgsql as $$
declare
    reader record;
begin
    if to_regclass(format('marts.%I', former)) is null then
        return;
    end if;
    if not coalesce((select can_undo from ops.builds where status = 'open'), false)
        or exists (select from ops.undo_tables where mart = of_mart and is_set_aside)
    then
        execute format('drop table marts.%I cascade', former);
        return;
    end if;
    perform set_config('search_path', 'pg_catalog', true);
    for reader in
        select n.nspname, c.relname, pg_get_viewdef(c.oid) as definition,
            obj_description(c.oid, 'pg_class') as remark
        from ops.views_over(to_regclass(format('marts.%I', former))) as found
        inner join pg_class as c on found.view_id = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        order by found.depth
    loop
        insert into ops.undo_views (schema_name, view_name, definition, remark)
        values (
            reader.nspname, reader.relname,
            -- Also where it names the columns; the ending is nothing that people write.
            replace(reader.definition, former, of_mart),
            reader.remark
        )
        on conflict do nothing;
        execute format('drop view if exists %I.%I cascade', reader.nspname, reader.relname);
    end loop;
    execute format('alter table marts.%I set schema marts_undo', former);
    execute format('alter table marts_undo.%I rename to %I', former, of_mart || '__table');
    insert into ops.undo_tables (mart, is_set_aside) values (of_mart, true)
    on conflict (mart) do update set is_set_aside = true;
end
$$;


-- Puts everything back as it was before the build, in this transaction; returns the rows put back.
create or replace function ops.undo_build(what_failed text[])
returns bigint language plpgsql as $$
declare
    touched ops.undo_tables;
    reader ops.undo_views;
    keys text;
    fields text;
    restored bigint := 0;
    counted bigint;
    is_undone boolean := (select can_undo from ops.builds where status = 'open');
begin
    perform pg_advisory_xact_lock(hashtext('omics builds'));
    perform ops.leftovers();
    if coalesce(is_undone, false) then
        for touched in select * from ops.undo_tables where is_set_aside loop
            execute format('drop table if exists marts.%I cascade', touched.mart);
            execute format('alter table marts_undo.%I set schema marts', touched.mart || '__table');
            execute format('alter table marts.%I rename to %I', touched.mart || '__table', touched.mart);
        end loop;
        for touched in select * from ops.undo_tables where cardinality(key_columns) > 0 loop
            select string_agg(format('%I', each), ', ') into keys
            from unnest(touched.key_columns) as each;
            execute format(
                'delete from marts.%I as known where %s',
                touched.mart,
                case
                    when cardinality(touched.key_columns) = 1
                        then format(
                            'known.%s = any(array(select keys.%s from marts_undo.%I as keys))',
                            keys, keys, touched.mart || '__keys'
                        )
                    else format(
                        '(%s) in (select %s from marts_undo.%I)', keys, keys, touched.mart || '__keys'
                    )
                end
            );
            fields := ops.undo_columns(touched.mart);
            execute format(
                'insert into marts.%I (%s) select %s from marts_undo.%I',
                touched.mart, fields, fields, touched.mart
            );
            get diagnostics counted = row_count;
            restored := restored + counted;
        end loop;
        perform set_config('search_path', 'pg_catalog', true);
        for reader in select * from ops.undo_views order by position loop
            if to_regclass(format('%I.%I', reader.schema_name, reader.view_name)) is null then
                execute format(
                    'create view %I.%I as %s', reader.schema_name, reader.view_name, reader.definition
                );
                execute format(
                    'comment on view %I.%I is %L',
                    reader.schema_name, reader.view_name, reader.remark
                );
            end if;
        end loop;
    end if;
    perform ops.forget_undo();
    update ops.builds
    set status = 'failed', finished_at = clock_timestamp(), failed = what_failed,
        rows_restored = case when is_undone then restored end
    where status = 'open';
    perform ops.mark_marts();
    return restored;
end
$$;


-- The build passed: what was saved is let go.
create or replace function ops.keep_build()
returns void language plpgsql as $$
begin
    perform pg_advisory_xact_lock(hashtext('omics builds'));
    perform ops.forget_undo();
    if (select is_complete from ops.builds where status = 'open') then
        delete from ops.unfinished;
    end if;
    update ops.builds set status = 'good', finished_at = clock_timestamp() where status = 'open';
    perform ops.mark_marts();
end
$$;


-- A build that was killed between two renames left a former table behind.
create or replace function ops.leftovers()
returns void language plpgsql as $$
declare
    former text;
begin
    for former in
        select c.relname from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname = 'marts' and c.relkind = 'r' and c.relname like '%\_\_dbt\_backup'
    loop
        perform ops.set_aside(former, replace(former, '__dbt_backup', ''));
    end loop;
end
$$;


create or replace function ops.forget_undo()
returns void language plpgsql as $$
declare
    saved text;
begin
    for saved in
        select c.relname from pg_class as c inner join pg_namespace as n on c.relnamespace = n.oid
        where n.nspname = 'marts_undo' and c.relkind = 'r'
    loop
        execute format('drop table marts_undo.%I cascade', saved);
    end loop;
    delete from ops.undo_tables;
    delete from ops.undo_views;
end
$$;


-- Whoever may see the schema `marts` can read there whether it is up to date.
create or replace function ops.mark_marts()
returns void language plpgsql as $$
declare
    good timestamptz := (
        select max(finished_at) from ops.builds where status = 'good' and is_complete
    );
    bad ops.builds;
    words text;
begin
    if to_regnamespace('marts') is null then
        return;
    end if;
    select * into bad from ops.builds
    where status = 'failed' and finished_at > coalesce(good, '-infinity')
    order by finished_at desc limit 1;
    words := case
        when bad.build_id is null then 'up to date, built ' || to_char(good, 'YYYY-MM-DD HH24:MI:SS TZ')
        else format(
            'stale since %s: the build failed (%s); content of %s',
            to_char(bad.finished_at, 'YYYY-MM-DD HH24:MI:SS TZ'),
            coalesce(nullif(array_to_string(bad.failed, ', '), ''), 'dbt did not start'),
            coalesce(to_char(good, 'YYYY-MM-DD HH24:MI:SS TZ'), 'no tested build yet')
        )
    end;
    execute format('comment on schema marts is %L', words);
end
$$;
