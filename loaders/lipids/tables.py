"""The tables of lipid names in ``raw_features``: a cache, not a landing table.

``lipid_names``        one row per name, dialect and version of the rules and of pygoslin
``lipid_conventions``  one row per file version whose names are lipids: how it names them
``lipid_loads``        finished loads whose names have been looked at, so that nothing is looked at
                       twice and an unchanged warehouse costs one query
``lipid_rules``        the one version that counts
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse.lock import lock_transaction

if TYPE_CHECKING:
    import psycopg

SCHEMA = "raw_features"

#: Columns of ``lipid_names`` in order; the first four are the key.
NAME_COLUMNS = (
    ("name", "text not null"),
    ("dialect", "text not null"),
    ("rules_version", "text not null"),
    ("parser_version", "text not null"),
    ("status", "text not null"),
    ("reason", "text"),
    ("method", "text"),
    ("normalized", "text"),
    ("level", "text"),
    ("species", "text"),
    ("molecular_species", "text"),
    ("sn_position", "text"),
    ("structure_defined", "text"),
    ("full_structure", "text"),
    ("identity_name", "text"),
    ("display_name", "text"),
    ("lipid_class", "text"),
    ("lipid_category", "text"),
    ("formula", "text"),
    ("exact_mass", "double precision"),
    ("n_carbons", "integer"),
    ("n_double_bonds", "integer"),
    ("n_oxygens", "integer"),
    ("chains", "jsonb"),
    ("adduct", "text"),
    ("isotope", "text"),
    ("is_internal_standard_candidate", "boolean not null default false"),
    ("flags", "jsonb not null default '[]'"),
    ("candidates", "jsonb not null default '[]'"),
    ("parsed_at", "timestamp with time zone not null default now()"),
)

_DDL = (
    f"create schema if not exists {SCHEMA}",
    f"create table if not exists {SCHEMA}.lipid_names ("
    + ", ".join(f"{name} {kind}" for name, kind in NAME_COLUMNS)
    + ", primary key (name, dialect, rules_version, parser_version))",
    f"create table if not exists {SCHEMA}.lipid_conventions ("
    "file_id bigint not null, load_id text not null, source text not null, dialect text not null, "
    "nacyl_only boolean not null, evidence jsonb not null, rules_version text not null, "
    "primary key (file_id, load_id, rules_version))",
    f"create table if not exists {SCHEMA}.lipid_loads ("
    "source text not null, load_id text not null, rules_version text not null, "
    "parser_version text not null, "
    "primary key (source, load_id, rules_version, parser_version))",
    f"create table if not exists {SCHEMA}.lipid_rules ("
    "is_current boolean primary key check (is_current), rules_version text not null, "
    "parser_version text not null, since timestamp with time zone not null default now())",
)


def ensure_lipid_tables(conn: psycopg.Connection[Any]) -> None:
    """Makes the tables; one query once they exist.

    Args:
        conn: Connection in autocommit mode to the warehouse.
    """
    found = conn.execute("select to_regclass(%s)", (f"{SCHEMA}.lipid_rules",)).fetchone()
    if found is not None and found[0] is not None:
        return
    with conn.transaction():
        # Two first loads at once would race in "create schema if not exists".
        lock_transaction(conn, "landing tables")
        for statement in _DDL:
            conn.execute(statement)
