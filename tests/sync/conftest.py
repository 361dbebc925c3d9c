"""Stand-ins, marts made by hand, and options that wait for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync.options import Options
from tests.standins.notion import NotionStandIn
from tests.standins.pinecone import PineconeStandIn
from tests.sync.marts import make_marts

# Pinecone's client remembers trouble by host name, over all clients of the process.
_ADDRESSES = (f"127.0.{third}.{fourth}" for third in range(3, 250) for fourth in range(1, 250))


@pytest.fixture
def pinecone() -> Iterator[PineconeStandIn]:
    with PineconeStandIn(address=next(_ADDRESSES)) as server:
        yield server


@pytest.fixture
def notion() -> Iterator[NotionStandIn]:
    with NotionStandIn() as server:
        yield server


@pytest.fixture
def marts(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    """A connection to a database with empty marts."""
    make_marts(conn)
    return conn


@pytest.fixture
def pinecone_options(pinecone: PineconeStandIn) -> Options:
    return replace(
        Options(),
        pinecone_key=pinecone.api_key,
        pinecone_host=pinecone.url,
        timeout=10.0,
        linger=20.0,
        verify_seconds=2.0,
    )


@pytest.fixture
def notion_options(notion: NotionStandIn) -> Options:
    return replace(
        Options(),
        notion_token=notion.token,
        notion_parent=notion.add_page("Omics"),
        notion_url=notion.url,
        notion_per_second=100.0,
        timeout=10.0,
        linger=20.0,
        probe_waits=(0.05, 0.1),
    )
