-- What sync knows: what it wants to be out there, what it sent, and what became of it.
-- Safe to apply again at any time.
create schema if not exists sync;

create table if not exists sync.embedders (
    embedder_id text primary key,
    provider text not null,
    model text not null,
    dimension integer not null check (dimension between 1 and 20000),
    is_lexical boolean not null,
    created_at timestamptz not null default now()
);
comment on table sync.embedders is 'One row per way of turning text into vectors that was ever used.';

create table if not exists sync.targets (
    target_id text primary key,
    service text not null check (service in ('notion', 'pinecone')),
    entity_type text not null,
    container text,
    embedder_id text references sync.embedders,
    properties jsonb,
    is_live boolean not null default false,
    is_retired boolean not null default false,
    created_at timestamptz not null default now(),
    check (service = 'notion' or embedder_id is not null)
);
comment on table sync.targets is
'One row per place that one type of entity goes to: a Notion data source, or a Pinecone namespace.';
comment on column sync.targets.is_live is 'Whether search reads it: its backfill is complete.';
create unique index if not exists targets_live
on sync.targets (service, entity_type) where is_live;

create table if not exists sync.runs (
    run_id bigint generated always as identity primary key,
    target_id text not null,
    mode text not null check (mode in ('apply', 'reconcile', 'pull')),
    status text not null default 'running' check (
        status in ('running', 'done', 'partial', 'failed', 'crashed')
    ),
    worker text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    counts jsonb not null default '{}',
    message text
);
comment on table sync.runs is 'One row per run over one target.';
create index if not exists runs_running on sync.runs (target_id) where status = 'running';

create table if not exists sync.items (
    target_id text not null references sync.targets,
    entity_id text not null,
    chunk text not null default '',
    remote_id text,
    want_hash text,
    sent_hash text,
    text_hash text,
    state text not null default 'pending' check (
        state in (
            'pending', 'inflight', 'ambiguous', 'synced', 'retry', 'dead', 'deleting', 'deleted',
            'conflict'
        )
    ),
    attempts integer not null default 0,
    probes integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    worker text,
    lease_until timestamptz,
    error_code text,
    error text,
    request_id text,
    lsn bigint,
    remote_edited_at timestamptz,
    synced_at timestamptz,
    embedded_at timestamptz,
    missing_since timestamptz,
    sent jsonb,
    primary key (target_id, entity_id, chunk)
);
comment on table sync.items is 'One row per thing that is, or shall be, in a target: ledger and outbox.';
comment on column sync.items.want_hash is 'What the marts say; work is where it differs from sent_hash.';
-- A ledger from before the column: what was sent last is the best that is known.
alter table sync.items add column if not exists embedded_at timestamptz;
update sync.items set embedded_at = synced_at where embedded_at is null and text_hash is not null;
comment on column sync.items.embedded_at is
'When a vector of this text was taken last; new metadata alone does not move it.';
create unique index if not exists items_remote on sync.items (target_id, remote_id)
where remote_id is not null;
create index if not exists items_due on sync.items (target_id, next_attempt_at)
where state in ('pending', 'retry', 'ambiguous', 'deleting', 'inflight');

create table if not exists sync.attempts (
    at timestamptz not null default clock_timestamp(),
    run_id bigint,
    target_id text not null,
    entity_id text not null,
    chunk text not null,
    operation text not null,
    outcome text not null,
    error_code text,
    message text,
    request_id text,
    payload jsonb
);
comment on table sync.attempts is 'One row per call that went wrong, or that overruled a person.';
create index if not exists attempts_item on sync.attempts (target_id, entity_id, chunk, at);

create table if not exists sync.embeddings (
    text_hash text not null,
    embedder_id text not null references sync.embedders,
    vector real[] not null,
    created_at timestamptz not null default now(),
    primary key (text_hash, embedder_id)
);
comment on table sync.embeddings is 'One row per text and embedder: the same text is embedded once.';

create table if not exists sync.narratives (
    entity_type text not null,
    entity_id text not null,
    page_id text not null,
    markdown text not null,
    body_hash text not null,
    is_truncated boolean not null default false,
    remote_edited_at timestamptz,
    fetched_at timestamptz not null default now(),
    primary key (entity_type, entity_id)
);
comment on table sync.narratives is 'One row per page: its body as people wrote it, last good copy.';

create table if not exists sync.pulls (
    target_id text primary key references sync.targets,
    edited_until timestamptz not null
);
comment on table sync.pulls is 'One row per data source: edits up to this time have been read back.';

create or replace view sync.notion_pages as
with targets as (
    select
        target_id,
        service,
        -- Each kind of feature has a database of its own.
        case
            when entity_type in ('gene', 'transcript', 'protein', 'metabolite', 'lipid')
                then 'feature'
            else entity_type
        end as entity_type
    from sync.targets
)

select
    targets.entity_type,
    items.entity_id,
    items.remote_id as page_id,
    items.state,
    narratives.markdown as narrative,
    narratives.remote_edited_at as narrative_edited_at
from sync.items as items
inner join targets
    on items.target_id = targets.target_id
left join sync.narratives as narratives
    on
        targets.entity_type = narratives.entity_type
        and items.entity_id = narratives.entity_id
where
    targets.service = 'notion'
    and items.remote_id is not null
    and items.state <> 'deleted';
comment on view sync.notion_pages is 'One row per entity that has a page, with what people wrote on it.';

create or replace view sync.dead_letters as
select
    items.target_id,
    items.entity_id,
    items.chunk,
    items.error_code,
    items.error,
    items.request_id,
    items.attempts,
    (
        select attempts.payload
        from sync.attempts as attempts
        where
            attempts.target_id = items.target_id
            and attempts.entity_id = items.entity_id
            and attempts.chunk = items.chunk
            and attempts.payload is not null
        order by attempts.at desc
        limit 1
    ) as payload
from sync.items as items
where items.state = 'dead';
comment on view sync.dead_letters is 'One row per thing that the service refused for good, with what was sent.';
