-- What search keeps beside the marts. All of it can be worked out again from them.
-- Safe to apply again at any time. Version stands in the comment on `sync.search_documents`.
create schema if not exists sync;

create table if not exists sync.search_documents (
    document_no bigint generated always as identity primary key,
    entity_type text not null,
    entity_id uuid not null,
    chunk text not null,
    content_hash text not null,
    keys text[] not null,
    terms tsvector not null,
    unique (entity_type, entity_id, chunk)
);
comment on column sync.search_documents.keys is
'What filters ask for, as key=value, keys as in sync/metadata.yml, values in lower case.';
-- Ranking reads thousands of these for a query: packed or kept aside they would cost far more.
alter table sync.search_documents alter column terms set storage external;
alter table sync.search_documents set (toast_tuple_target = 8160, fillfactor = 100);
create index if not exists search_documents_terms
on sync.search_documents using gin (terms);
create index if not exists search_documents_keys
on sync.search_documents using gin (keys);

create table if not exists sync.search_names (
    entity_type text not null,
    entity_id uuid not null,
    name_key text not null,
    stem_key text not null,
    name text not null,
    kind text not null
);
comment on table sync.search_names is
'One row per entity and name that it goes by: names, codes, identifiers, synonyms, reported names.';
create index if not exists search_names_key on sync.search_names (name_key);
create index if not exists search_names_stems on sync.search_names (stem_key);
create index if not exists search_names_entity on sync.search_names (entity_type, entity_id);

create table if not exists sync.search_entities (
    entity_type text not null,
    entity_id uuid not null,
    names_hash text not null,
    primary key (entity_type, entity_id)
);
comment on table sync.search_entities is 'One row per entity that has a name: a hash of its names as the marts have them.';

create table if not exists sync.search_words (
    word text primary key,
    documents integer not null default 0,
    names integer not null default 0,
    grams text[] not null
) with (fillfactor = 80);
comment on table sync.search_words is
'One row per word: in how many documents and names it stands. Rare words decide; unknown ones are
compared by their letter groups.';
create index if not exists search_words_grams
on sync.search_words using gin (grams);

create table if not exists sync.search_vectors (
    document_no bigint not null
    references sync.search_documents (document_no) on delete cascade,
    embedder_id text not null,
    text_hash text not null,
    vector_no bigint generated always as identity,
    primary key (document_no, embedder_id)
);
comment on table sync.search_vectors is
'One row per document and embedder. The column `embedding` is there where pgvector is.';

create table if not exists sync.search_state (
    name text primary key,
    value jsonb not null
);
comment on table sync.search_state is 'What the index was last made from.';

create table if not exists sync.search_services (
    service text primary key,
    failures integer not null default 0,
    open_until timestamptz,
    reason text
);
comment on table sync.search_services is
'One row per service that a search asks: after failures in a row it is left alone for a while.';
