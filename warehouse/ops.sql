-- What the project knows about its own running. Safe to apply again at any time.
create schema if not exists ops;

create table if not exists ops.runs (
    run_id uuid primary key,
    command text not null,
    arguments jsonb not null default '{}',
    status text not null check (status in ('running', 'done', 'partial', 'failed', 'locked', 'crashed')),
    exit_code integer,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    durations jsonb not null default '{}',
    counts jsonb not null default '{}',
    message text,
    pid integer,
    host text,
    version text
);
comment on table ops.runs is 'One row per run of a command that changes the warehouse.';
create index if not exists runs_started_at on ops.runs (started_at);
create index if not exists runs_running on ops.runs (run_id) where status = 'running';

create table if not exists ops.run_results (
    run_id uuid not null,
    node_id text not null,
    node_type text not null,
    status text not null,
    execution_seconds double precision,
    rows_affected bigint,
    failures bigint,
    message text
);
comment on table ops.run_results is 'One row per dbt node of a run: models, seeds and tests.';
create index if not exists run_results_run_id on ops.run_results (run_id);

create table if not exists ops.quarantine (
    quarantine_id text primary key,
    source_path text not null,
    source_root text,
    sha256 text,
    size_bytes bigint,
    modified_at timestamptz,
    stat_signature text,
    omics_type text,
    reader_version text,
    reason_code text not null,
    place text,
    seen text,
    expected text,
    question text,
    nearest_format text,
    mapping_stub text,
    rows_read bigint,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    resolved_at timestamptz,
    run_id uuid
);
comment on table ops.quarantine is
'One row per version of a file that could not be read; resolved_at is set once it could.';
create index if not exists quarantine_source_path on ops.quarantine (source_path);

create table if not exists ops.dataset_states (
    dataset_key text primary key,
    source_path text,
    state text not null check (state in ('source_missing', 'removed')),
    since timestamptz not null default now(),
    run_id uuid
);
comment on table ops.dataset_states is
'One row per dataset whose file vanished: still current (source_missing), or not (removed).';

create table if not exists ops.reference_pins (
    reference text not null,
    content text not null,
    taxon text not null default '',
    sha256 text not null,
    file_id bigint,
    version text,
    pinned_at timestamptz not null default now(),
    primary key (reference, content, taxon)
);
comment on table ops.reference_pins is
'One row per reference table that is held at one release; the others are used at their newest.';

-- Asked first: altering a table waits for everyone who reads it, even where there is nothing to do.
do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'ops.quarantine'::regclass and attname = 'differs' and not attisdropped
    ) then
        alter table ops.quarantine add column differs text;
    end if;
end
$$;

create table if not exists ops.mappings (
    mapping_id text primary key,
    header_fingerprint text not null,
    kind jsonb not null,
    given_for text not null,
    created_at timestamptz not null default now(),
    forgotten_at timestamptz,
    run_id uuid
);
comment on table ops.mappings is
'One row per kind of file whose column roles a user gave; files of that kind then load by themselves.';

create table if not exists ops.budgets (
    service text primary key,
    next_at timestamptz not null default now(),
    blocked_until timestamptz,
    reason text
);
comment on table ops.budgets is
'One row per outside service: when the next call may be made, by any worker of any room.';
