"""What is down, slow, empty or wrong never costs the answer: the next path serves, and says so."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from sync import publish, state
from sync.embedders import make_embedder
from sync.options import Options
from sync.searching import answering, indexing, nearness
from sync.searching.model import SearchAnswer
from sync.vectors import open_client
from tests.standins.notion import NotionStandIn
from tests.standins.pinecone import PineconeStandIn, Vector
from tests.standins.server import Answer, Fault
from tests.sync.marts import drop, drop_document, id_of, put, put_document

Conn = psycopg.Connection[Any]
SPACE = "dataset.hash-v1-512"
QUESTION = "ceramides in plasma"

#: Seconds where a service has to answer, and the machine may be busy.
PATIENT = 20.0


@pytest.fixture
def filled(marts: Conn) -> Conn:
    """Three datasets with words and vectors in Postgres."""
    for name, text in (
        ("Plasma ceramides", "Ceramides of human plasma, measured by LC-MS"),
        ("Liver genes", "Counts of genes in mouse liver"),
        ("Kidney proteins", "Proteins of rat kidney"),
    ):
        put(marts, "datasets", name, omics_type="lipidomics")
        put_document(marts, name, text=text, dataset_id=id_of(name), omics_type="lipidomics")
    state.ensure(marts)
    indexing.update(marts)
    embedder = make_embedder(Options())
    assert nearness.prepare(marts, embedder.spec) is None
    nearness.fill(marts, embedder)
    return marts


@pytest.fixture
def published(filled: Conn, pinecone_options: Options) -> Conn:
    """The same, in Pinecone too."""
    assert publish.apply(filled, pinecone_options, services=["pinecone"]).status == "done"
    return filled


def _ask(conn: Conn, options: Options, text: str = QUESTION, **more: Any) -> SearchAnswer:
    began = time.monotonic()
    found = answering.answer(conn, text, options, **more)
    # The deadline, and what a busy machine adds to it.
    assert time.monotonic() - began < more.get("seconds", answering.DEADLINE) + 1.0
    return found


def _falls_back(found: SearchAnswer, service: str, reason: str) -> None:
    assert found.hits[0].title == "Plasma ceramides"
    assert any(t.service == service and reason in t.reason for t in found.degraded), found.degraded


def test_pinecone_serves_where_it_is_set_up(published: Conn, pinecone_options: Options) -> None:
    found = _ask(published, pinecone_options, seconds=PATIENT)
    assert found.hits[0].title == "Plasma ceramides"
    assert "pinecone" in found.paths
    assert "pgvector" not in found.paths
    assert not found.degraded
    assert not found.stale


def test_pinecone_is_slow(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    pinecone.faults.append(Fault(path="/query", times=9, delay=4.0))
    found = _ask(published, pinecone_options)
    _falls_back(found, "pinecone", "")
    assert "pgvector" in found.paths
    assert found.seconds <= 2.5


def test_pinecone_fails(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    pinecone.faults.append(Fault(path="/query", times=9, answer=Answer(503, "down")))
    found = _ask(published, pinecone_options)
    _falls_back(found, "pinecone", "")
    assert "pgvector" in found.paths


def test_pinecone_is_gone(published: Conn, pinecone_options: Options) -> None:
    nowhere = replace(pinecone_options, pinecone_host="http://127.0.0.1:9")
    _falls_back(_ask(published, nowhere), "pinecone", "")


def test_pinecone_is_empty(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    pinecone.indexes["amprenta-rag"].namespaces.clear()
    found = _ask(published, pinecone_options, seconds=PATIENT)
    _falls_back(found, "pinecone", "found nothing")


def test_nothing_is_published_yet(filled: Conn, pinecone_options: Options) -> None:
    _falls_back(_ask(filled, pinecone_options), "pinecone", "omics sync apply pinecone")


def test_pinecone_holds_vectors_of_another_length(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    with open_client(pinecone_options) as client:
        client.indexes.delete("amprenta-rag")
    pinecone.create("amprenta-rag", 384)
    found = _ask(published, pinecone_options, seconds=PATIENT)
    _falls_back(found, "pinecone", "384")


def test_orphans_of_pinecone_are_no_hits(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    space = pinecone.indexes["amprenta-rag"].namespaces[SPACE]
    held = space.indexed[f"dataset#{id_of('Plasma ceramides')}#overview"]
    for orphan in (f"dataset#{uuid.uuid4()}#overview", "dataset#no-uuid#overview", "odd"):
        space.indexed[orphan] = Vector(held.values, dict(held.metadata or {}))
    found = _ask(published, pinecone_options, seconds=PATIENT)
    assert found.dropped == 2
    assert {hit.title for hit in found.hits} <= {
        "Plasma ceramides",
        "Liver genes",
        "Kidney proteins",
    }


def test_a_row_that_is_gone_is_no_hit(published: Conn, pinecone_options: Options) -> None:
    drop_document(published, "Plasma ceramides")
    drop(published, "datasets", "Plasma ceramides")
    found = _ask(published, pinecone_options, seconds=PATIENT)
    assert found.dropped == 1
    assert "Plasma ceramides" not in {hit.title for hit in found.hits}


def test_a_hit_by_an_older_text_is_marked(published: Conn, pinecone_options: Options) -> None:
    put_document(published, "Plasma ceramides", text="Sphingomyelins now", omics_type="lipidomics")
    found = _ask(published, pinecone_options, seconds=PATIENT)
    (hit,) = (h for h in found.hits if h.title == "Plasma ceramides")
    assert hit.stale
    assert hit.passage == "Sphingomyelins now"


def test_a_key_that_a_service_echoes_goes_nowhere(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    echo = Answer(400, f"the key {pinecone.api_key} is not welcome")
    pinecone.faults.append(Fault(path="/query", times=9, answer=echo))
    found = _ask(published, pinecone_options)
    _falls_back(found, "pinecone", "")
    kept = published.execute("select s::text from sync.search_services as s").fetchall()
    assert kept
    assert pinecone.api_key not in f"{found}{kept}"


def test_a_service_that_keeps_failing_is_left_alone(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    pinecone.faults.append(Fault(path="/query", times=99, answer=Answer(500, "down")))
    for _ in range(3):
        _ask(published, pinecone_options)
    pinecone.forget_calls()
    found = _ask(published, pinecone_options)
    assert pinecone.count() == 0
    _falls_back(found, "pinecone", "left alone")
    published.execute("update sync.search_services set open_until = now() - interval '1 second'")
    pinecone.faults.clear()
    assert "pinecone" in _ask(published, pinecone_options, seconds=PATIENT).paths


def test_a_pause_that_publishing_was_asked_for_counts(
    published: Conn, pinecone: PineconeStandIn, pinecone_options: Options
) -> None:
    published.execute(
        "insert into ops.budgets (service, blocked_until, reason)"
        " values ('pinecone', now() + interval '1 hour', 'monthly quota')"
        " on conflict (service) do update set blocked_until = excluded.blocked_until,"
        " reason = excluded.reason"
    )
    pinecone.forget_calls()
    _falls_back(_ask(published, pinecone_options), "pinecone", "monthly quota")
    assert pinecone.count() == 0


def test_the_embedder_is_down(filled: Conn, pinecone_options: Options) -> None:
    hosted = replace(
        pinecone_options,
        pinecone_key=None,
        openai_key="key",
        openai_url="http://127.0.0.1:9",
        embedder="openai:text-embedding-3-small:512",
    )
    nearness.prepare(filled, make_embedder(hosted).spec)
    filled.execute(
        "insert into sync.search_vectors (document_no, embedder_id, text_hash, embedding)"
        " select document_no, %s, text_hash, embedding from sync.search_vectors",
        (hosted.embedder,),
    )
    found = _ask(filled, hosted)
    _falls_back(found, "embedder", "")
    assert "full_text" in found.paths
    assert "pgvector" not in found.paths
    without_key = replace(hosted, openai_key=None)
    _falls_back(_ask(filled, without_key), "embedder", "key")


def test_postgres_has_no_pgvector(filled: Conn) -> None:
    filled.execute("drop extension vector cascade")
    found = _ask(filled, Options())
    _falls_back(found, "pgvector", "no pgvector")
    assert "full_text" in found.paths
    assert "pgvector" not in found.paths


def test_there_is_no_index_and_none_may_be_made(filled: Conn) -> None:
    filled.execute("drop schema sync cascade")
    filled.execute("create role reader_of_marts")
    try:
        filled.execute("grant usage on schema marts to reader_of_marts")
        filled.execute("grant select on all tables in schema marts to reader_of_marts")
        filled.execute("set role reader_of_marts")
        found = _ask(filled, Options())
        exact = _ask(filled, Options(), "liver genes")
    finally:
        filled.execute("reset role")
        filled.execute("drop owned by reader_of_marts")
        filled.execute("drop role reader_of_marts")
    _falls_back(found, "index", "omics sync index")
    assert exact.hits[0].title == "Liver genes"
    assert exact.hits[0].exact
    assert "full_text" in found.paths
    assert "pgvector" not in found.paths
    assert found.stale


def test_an_index_is_made_and_caught_up_with_on_the_spot(filled: Conn) -> None:
    filled.execute("drop schema sync cascade")
    assert _ask(filled, Options()).hits[0].title == "Plasma ceramides"
    put(filled, "datasets", "Bile acids", omics_type="metabolomics")
    put_document(filled, "Bile acids", text="Taurocholate of bile")
    filled.execute("select pg_stat_force_next_flush()")
    found = _ask(filled, Options(), "taurocholate")
    assert found.hits[0].title == "Bile acids"
    assert not found.stale
    assert [t for t in found.degraded if t.service == "pgvector"]
    nearness.prepare(filled, make_embedder(Options()).spec)
    nearness.fill(filled, make_embedder(Options()))
    assert not _ask(filled, Options(), "taurocholate").degraded


@pytest.fixture
def paged(filled: Conn, notion: NotionStandIn, notion_options: Options) -> Options:
    """Pages of the datasets, with what people wrote on one of them."""
    assert publish.apply(filled, notion_options, services=["notion"]).status == "done"
    (page,) = filled.execute(
        "select remote_id from sync.items where entity_id = %s", (id_of("Plasma ceramides"),)
    ).fetchone() or ("",)
    notion.pages[str(page)].body = "Repeat this with more donors"
    publish.pull(filled, notion_options)
    filled.execute(
        "update sync.narratives set markdown = 'An older note',"
        " fetched_at = now() - interval '2 hours'"
    )
    return replace(notion_options, timeout=2.0)


def test_what_people_wrote_comes_from_notion(filled: Conn, paged: Options) -> None:
    found = _ask(filled, paged, notion_enabled=True)
    narrative = found.hits[0].narrative
    assert narrative is not None
    assert (narrative.source, narrative.text) == ("notion", "Repeat this with more donors")


@pytest.mark.parametrize("fault", ["slow", "down", "off"])
def test_notion_does_not_answer(
    filled: Conn, notion: NotionStandIn, paged: Options, fault: str
) -> None:
    if fault == "slow":
        notion.faults.append(Fault(path="/markdown", times=9, delay=5.0))
    elif fault == "down":
        notion.faults.append(Fault(path="/markdown", times=9, answer=Answer(503, "down")))
    found = _ask(filled, paged, notion_enabled=fault != "off")
    narrative = found.hits[0].narrative
    assert narrative is not None
    assert (narrative.source, narrative.text) == ("postgres", "An older note")
    assert narrative.age_seconds is not None
    assert narrative.age_seconds > 7000
    assert any(t.service == "notion" for t in found.degraded) is (fault != "off")
