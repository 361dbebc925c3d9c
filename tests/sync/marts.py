"""Small marts made by hand: what sync reads, without loading or building anything."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

_TABLES = """
create schema if not exists marts;
create table marts.documents (
    entity_type text not null, entity_id uuid not null, chunk text not null, title text not null,
    text text not null, metadata jsonb not null, content_hash text not null,
    primary key (entity_id, chunk));
create table marts.programs (
    program_id uuid primary key, name text not null, description text, disease text[] default '{}',
    external_ids jsonb default '{}', notion_page_id text);
create table marts.experiments (
    experiment_id uuid primary key, name text not null, type text, description text,
    disease text[] default '{}', matrix text[] default '{}', model_systems text[] default '{}',
    targets text[] default '{}', modality text[] default '{}', stage text,
    biomarker_role text[] default '{}', treatment_arms text[] default '{}', design_type text,
    external_ids jsonb default '{}', notion_page_id text);
create table marts.datasets (
    dataset_id uuid primary key, name text not null, omics_type text, description text,
    organism text[] default '{}', sample_type text[] default '{}', disease text[] default '{}',
    methods text, summary text, results text, conclusions text, dataset_source_type text,
    data_origin text, n_features bigint default 0, n_assays bigint default 0,
    quality_status text, external_ids jsonb default '{}', notion_page_id text);
create table marts.signatures (
    signature_id uuid primary key, name text not null, short_id text, description text,
    feature_types text[] default '{}', version text, type text, data_ownership text,
    biomarker_role text[] default '{}', phenotype_axes text[] default '{}',
    disease_context text[] default '{}', n_components bigint default 0,
    ingestion_status text default 'loaded', notion_page_id text);
create table marts.signature_components (
    signature_id uuid not null, position integer not null, reported_name text not null,
    feature_type text, feature_id uuid, direction smallint default 0,
    weight double precision default 1);
create table marts.features (
    feature_id uuid primary key, feature_type text not null, name text not null,
    canonical_id text, taxon text, lipid_class text, formula text, inchikey text,
    synonyms text[] default '{}', identifiers jsonb default '{}', notion_page_id text);
create table marts.notion_pages (
    page_id text primary key, entity_type text, title text, in_trash boolean default false,
    properties jsonb default '{}');
create table marts.program_experiments (program_id uuid, experiment_id uuid);
create table marts.program_datasets (program_id uuid, dataset_id uuid);
create table marts.experiment_datasets (experiment_id uuid, dataset_id uuid);
create table marts.program_signatures (program_id uuid, signature_id uuid);
create table marts.experiment_signatures (experiment_id uuid, signature_id uuid);
"""

_KEYS = {
    "programs": "program_id",
    "experiments": "experiment_id",
    "datasets": "dataset_id",
    "signatures": "signature_id",
    "features": "feature_id",
}


def make_marts(conn: psycopg.Connection[Any]) -> None:
    """Makes the tables, empty."""
    conn.execute(_TABLES.encode())


def id_of(name: str) -> str:
    """The id that a made-up entity of this name has."""
    return str(uuid.UUID(hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()))


def put_document(
    conn: psycopg.Connection[Any],
    entity: str,
    chunk: str = "overview",
    text: str = "some text",
    *,
    entity_type: str = "dataset",
    title: str | None = None,
    **metadata: Any,
) -> None:
    """Writes a document, over the one that was there."""
    title = title or entity
    content = hashlib.sha256(repr((title, text, sorted(metadata.items()))).encode()).hexdigest()
    conn.execute(
        "insert into marts.documents values (%s, %s, %s, %s, %s, %s, %s)"
        " on conflict (entity_id, chunk) do update set title = excluded.title,"
        " text = excluded.text, metadata = excluded.metadata, content_hash = excluded.content_hash",
        (entity_type, id_of(entity), chunk, title, text, Jsonb(metadata), content),
    )


def drop_document(conn: psycopg.Connection[Any], entity: str, chunk: str | None = None) -> None:
    """Deletes the documents of an entity, or one of them."""
    conn.execute(
        "delete from marts.documents where entity_id = %s and (%s::text is null or chunk = %s)",
        (id_of(entity), chunk, chunk),
    )


def put(conn: psycopg.Connection[Any], mart: str, name: str, **values: Any) -> str:
    """Writes an entity, over the one that was there; returns its id."""
    key = _KEYS[mart]
    row: Mapping[str, Any] = {key: id_of(name), "name": name, **values}
    columns = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    updates = ", ".join(f"{column} = excluded.{column}" for column in row if column != key)
    conn.execute(
        f"insert into marts.{mart} ({columns}) values ({places})"
        f" on conflict ({key}) do update set {updates}".encode(),
        list(row.values()),
    )
    return id_of(name)


def drop(conn: psycopg.Connection[Any], mart: str, *names: str) -> None:
    """Deletes entities."""
    conn.execute(
        f"delete from marts.{mart} where {_KEYS[mart]} = any(%s::uuid[])".encode(),
        ([id_of(name) for name in names],),
    )


def link(conn: psycopg.Connection[Any], mart: str, pairs: Sequence[tuple[str, str]]) -> None:
    """Writes the pairs of a table of pairs, and no others."""
    conn.execute(f"delete from marts.{mart}".encode())
    for left, right in pairs:
        conn.execute(
            f"insert into marts.{mart} values (%s, %s)".encode(), (id_of(left), id_of(right))
        )


def compose(
    conn: psycopg.Connection[Any], signature: str, components: Sequence[Mapping[str, Any]]
) -> None:
    """Gives a signature these components, and no others. `feature` is the name of a feature."""
    conn.execute(
        "delete from marts.signature_components where signature_id = %s", (id_of(signature),)
    )
    for position, component in enumerate(components, start=1):
        row = {"feature_type": "gene", "direction": 0, "weight": 1.0, "feature": None, **component}
        conn.execute(
            "insert into marts.signature_components values (%s, %s, %s, %s, %s, %s, %s)",
            (
                id_of(signature),
                position,
                row["reported_name"],
                row["feature_type"],
                id_of(row["feature"]) if row["feature"] else None,
                row["direction"],
                row["weight"],
            ),
        )


def match(conn: psycopg.Connection[Any], pairs: Sequence[tuple[str, str]]) -> None:
    """Lets the documents of datasets name signatures as matched."""
    for dataset in sorted({left for left, _ in pairs}):
        matched = [id_of(right) for left, right in pairs if left == dataset]
        put_document(conn, dataset, signature_ids=matched, signature_match_score=0.7)
