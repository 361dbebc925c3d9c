"""The real services, for whoever has keys: the same steps as against the stand-ins.

    SMOKE_NOTION_TOKEN=… SMOKE_NOTION_PAGE=… SMOKE_PINECONE_KEY=… make test ARGS="-k smoke"

A stand-in cannot show that the real service agrees. What is made here is removed again.
"""

from __future__ import annotations

import os
import uuid
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import publish, vectors
from sync.options import Options
from tests.sync.marts import drop_document, put, put_document
from warehouse.notion.api import NotionApi

Conn = psycopg.Connection[Any]
# Read before the tests empty the environment of settings.
NOTION_TOKEN = os.environ.get("SMOKE_NOTION_TOKEN")
NOTION_PAGE = os.environ.get("SMOKE_NOTION_PAGE")
PINECONE_KEY = os.environ.get("SMOKE_PINECONE_KEY")


@pytest.mark.skipif(
    not (NOTION_TOKEN and NOTION_PAGE),
    reason="SMOKE_NOTION_TOKEN and SMOKE_NOTION_PAGE (a page for trying out) are not set",
)
def test_notion_smoke(marts: Conn) -> None:
    options = replace(Options(), notion_token=NOTION_TOKEN, notion_parent=NOTION_PAGE)
    put(marts, "datasets", f"smoke {uuid.uuid4().hex[:6]}", summary="made by a test")
    try:
        assert publish.apply(marts, options, services=["notion"]).status == "done"
        again = publish.apply(marts, options, services=["notion"])
        assert [target.sent for target in again.targets] == [0]
        assert publish.pull(marts, options).targets[0].status == "done"
    finally:
        containers = marts.execute("select container from sync.targets where service = 'notion'")
        with NotionApi(marts, options.notion) as api:
            for (source,) in containers.fetchall():
                database = api.request("GET", f"data_sources/{source}")["parent"]["database_id"]
                api.request("PATCH", f"databases/{database}", {"in_trash": True})


@pytest.mark.skipif(not PINECONE_KEY, reason="SMOKE_PINECONE_KEY is not set")
def test_pinecone_smoke(marts: Conn) -> None:
    name = f"omics-smoke-{uuid.uuid4().hex[:6]}"
    options = replace(Options(), pinecone_key=PINECONE_KEY, pinecone_index=name)
    put_document(marts, "kept", text="ceramides rise")
    put_document(marts, "dropped", text="kinases fall")
    try:
        assert publish.apply(marts, options, services=["pinecone"]).status == "done"
        drop_document(marts, "dropped")
        report = publish.apply(marts, options, services=["pinecone"])
        assert (report.status, report.targets[0].planned["delete"]) == ("done", 1)
        again = publish.apply(marts, options, services=["pinecone"])
        assert again.targets[0].sent == 0
    finally:
        client = vectors.open_client(options)
        client.indexes.delete(name)
        client.close()
