"""No key stands in a table, a message, a report, a log or an answer of the command line."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from dataclasses import replace
from typing import Any

import httpx
import psycopg
import pytest

from sync import publish
from sync.embedders import make_embedder
from sync.options import Options
from tests.conftest import REPOSITORY
from tests.standins.notion import NotionStandIn, refuse
from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Answer, Fault
from tests.sync.marts import put, put_document
from warehouse import connection
from warehouse.settings import Settings

TOKEN = "ntn_planted_0123456789"
KEY = "pcsk_planted_0123456789"
OPENAI = "sk-planted-0123456789"
PLANTED = (TOKEN, KEY, OPENAI)


def _everything(conn: psycopg.Connection[Any]) -> str:
    """Every row of every table that this project writes, as one text."""
    found = []
    for schema, table in conn.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('sync', 'ops', 'marts')"
    ).fetchall():
        for (text,) in conn.execute(f"select t::text from {schema}.{table} as t".encode()):
            found.append(str(text))
    return "\n".join(found)


def _clean(text: str) -> bool:
    return not any(secret in text for secret in PLANTED)


def test_services_that_echo_keys_get_them_nowhere(
    marts: psycopg.Connection[Any],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    notion_options: Options,
) -> None:
    caplog.set_level(logging.DEBUG)
    put(marts, "datasets", "d")
    put_document(marts, "d")
    with (
        NotionStandIn(token=TOKEN) as notion,
        PineconeStandIn(api_key=KEY, address="127.2.0.1") as pc,
    ):
        options = replace(
            notion_options, notion_token=TOKEN, notion_url=notion.url,
            notion_parent=notion.add_page(), pinecone_key=KEY, pinecone_host=pc.url,
            openai_key=OPENAI, linger=0.0,
        )  # fmt: skip
        echo = " ".join(PLANTED)
        pc.faults.append(Fault("POST", "upsert", answer=Answer(400, {"code": 3, "message": echo})))
        notion.faults.append(
            Fault("POST", "^/v1/pages$", answer=refuse(400, "validation_error", echo).answer)
        )
        dead = publish.apply(marts, options)
        put(marts, "datasets", "d", summary="x")
        put_document(marts, "d", text="x")
        pc.faults.append(Fault(path="upsert", answer=Answer(401, echo)))
        notion.faults.append(Fault(path="pages", answer=refuse(401, "unauthorized", echo).answer))
        stopped = publish.apply(marts, options)
    text = _everything(marts)
    assert "***" in text
    assert _clean(text)
    assert _clean(f"{dead} {stopped} {options!r} {publish.status(marts)}")
    assert _clean(caplog.text)
    printed = capfd.readouterr()
    assert _clean(printed.out + printed.err)


def test_an_embedder_that_echoes_its_key(
    marts: psycopg.Connection[Any], pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    put_document(marts, "d")
    with PineconeStandIn(address="127.2.0.2") as other:
        options = replace(
            pinecone_options, embedder="openai:text-embedding-3-small:1536", openai_key=OPENAI,
            openai_url=f"{other.url}/{OPENAI}", linger=0.0,
        )  # fmt: skip
        publish.apply(marts, options, services=["pinecone"])
        assert other.count("POST", "/v1/embeddings") == 1
        with pytest.raises(httpx.HTTPError):
            make_embedder(options).embed(["text"])
    text = _everything(marts)
    assert "embedding failed" in text
    assert _clean(text)


def test_the_command_line_keeps_them_too(settings: Settings, conn: psycopg.Connection[Any]) -> None:
    environment = {
        **os.environ, "DATABASE_URL": connection.database_url(settings),
        "ENABLE_NOTION_SYNC": "true", "NOTION_TOKEN": TOKEN, "NOTION_PARENT_PAGE": "0" * 32,
        "NOTION_BASE_URL": "http://127.0.0.1:9", "PINECONE_API_KEY": KEY,
        "PINECONE_HOST": "http://127.0.0.1:9", "OPENAI_API_KEY": OPENAI,
    }  # fmt: skip
    conn.execute("create schema marts")
    conn.execute("create table marts.datasets (dataset_id uuid, name text, notion_page_id text)")
    conn.execute("insert into marts.datasets values (gen_random_uuid(), 'd', null)")
    for command in (["sync", "plan"], ["sync", "apply"], ["sync", "status"], ["doctor"]):
        ran = subprocess.run(
            [sys.executable, "-m", "omics.cli", *command],
            cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.stdout
        assert "Traceback" not in ran.stderr
        assert _clean(ran.stdout + ran.stderr), command
    assert _clean(_everything(conn))
