"""What every command needs to find in the database, made when it is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg


def prepare(conn: psycopg.Connection[Any]) -> None:
    """Makes the tables of landing, runs and sync, and seeds; quick queries once they exist."""
    from loaders import load
    from omics.dbt import PROJECT_FOLDER
    from omics.seeds import ensure_seeds
    from sync import state
    from warehouse.settings import get_settings

    load.prepare(conn)
    state.ensure(conn)
    ensure_seeds(conn, get_settings().root / PROJECT_FOLDER / "seeds")
