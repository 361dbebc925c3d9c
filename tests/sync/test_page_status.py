"""What pages tell of the work itself: when an entity was embedded, what became of its file."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from sync import publish, state
from sync.options import Options
from tests.standins.notion import NotionStandIn, Page
from tests.standins.pinecone import PineconeStandIn
from tests.standins.server import Answer, Fault
from tests.sync.marts import drop_document, id_of, put, put_document

Conn = psycopg.Connection[Any]
DATASETS = "Experimental Data Assets"


@pytest.fixture
def both(notion_options: Options, pinecone_options: Options) -> Options:
    return replace(
        notion_options,
        pinecone_key=pinecone_options.pinecone_key,
        pinecone_host=pinecone_options.pinecone_host,
        verify_seconds=2.0,
    )


def _page(notion: NotionStandIn, entity: str, title: str = DATASETS) -> Page:
    (page,) = [p for p in notion.rows(title) if notion.text(p, "PG ID") == id_of(entity)]
    return page


def _embedded(page: Page) -> datetime | None:
    date = page.properties["Last Embedded"]["date"]
    return datetime.fromisoformat(date["start"]) if date else None


def _set_back(conn: Conn, hours: int = 3) -> datetime:
    """Lets what was embedded have been embedded hours ago; returns that time, to the minute."""
    row = conn.execute(
        "update sync.items"
        " set embedded_at = date_trunc('minute', now() - make_interval(hours => %s))"
        " where embedded_at is not null returning embedded_at",
        (hours,),
    ).fetchone()
    assert row is not None
    return row[0].astimezone(UTC)


def test_a_new_page_tells_when_its_dataset_was_embedded_in_one_call(
    marts: Conn, notion: NotionStandIn, pinecone: PineconeStandIn, both: Options
) -> None:
    put(marts, "datasets", "d")
    put_document(marts, "d")
    before = datetime.now(UTC).replace(second=0, microsecond=0)
    assert publish.apply(marts, both).status == "done"
    embedded = _embedded(_page(notion, "d"))
    assert embedded is not None
    assert before <= embedded <= datetime.now(UTC)
    # Pinecone went first, so the time stood in the call that made the page.
    assert (notion.count("POST", "^/v1/pages$"), notion.count("PATCH", "/pages/")) == (1, 0)
    notion.forget_calls()
    pinecone.forget_calls()
    assert publish.apply(marts, both).status == "done"
    assert (notion.count(), pinecone.count()) == (0, 0)


def test_a_new_time_alone_is_one_update_and_no_more(
    marts: Conn, notion: NotionStandIn, both: Options
) -> None:
    for name in ("d", "e"):
        put(marts, "datasets", name)
        put_document(marts, name)
    publish.apply(marts, both)
    old = _set_back(marts)
    publish.apply(marts, both)
    assert _embedded(_page(notion, "d")) == old
    notion.forget_calls()
    put_document(marts, "d", text="another text")
    assert publish.apply(marts, both).status == "done"
    assert notion.count("PATCH", "/pages/") == 1
    moved = _embedded(_page(notion, "d"))
    assert moved is not None
    assert moved > old
    assert _embedded(_page(notion, "e")) == old
    notion.forget_calls()
    assert publish.apply(marts, both).status == "done"
    assert notion.count() == 0


def test_new_metadata_alone_embeds_nothing_and_moves_no_time(
    marts: Conn, notion: NotionStandIn, pinecone: PineconeStandIn, both: Options
) -> None:
    put(marts, "datasets", "d")
    put_document(marts, "d")
    publish.apply(marts, both)
    old = _set_back(marts)
    publish.apply(marts, both)
    notion.forget_calls()
    pinecone.forget_calls()
    # As when the id of the page came back into the marts.
    put_document(marts, "d", notion_page_id=_page(notion, "d").id)
    assert publish.apply(marts, both).status == "done"
    assert pinecone.count("POST", "upsert") == 1
    assert notion.count() == 0
    assert _embedded(_page(notion, "d")) == old


def test_the_latest_chunk_counts_and_only_that_of_the_entity(
    marts: Conn, notion: NotionStandIn, both: Options
) -> None:
    put(marts, "datasets", "d")
    put(marts, "datasets", "without documents")
    put_document(marts, "d", "overview")
    put_document(marts, "d", "quality")
    publish.apply(marts, both)
    old = _set_back(marts)
    put_document(marts, "d", "quality", text="worse")
    publish.apply(marts, both)
    latest = _embedded(_page(notion, "d"))
    assert latest is not None
    assert latest > old
    assert _embedded(_page(notion, "without documents")) is None
    # With that chunk gone, the other one is the last that was taken.
    drop_document(marts, "d", "quality")
    publish.apply(marts, both)
    assert _embedded(_page(notion, "d")) == old


def test_without_pinecone_a_time_that_stands_there_is_let_be(
    marts: Conn, notion: NotionStandIn, notion_options: Options
) -> None:
    put(marts, "datasets", "d")
    publish.apply(marts, notion_options, services=["notion"])
    page = _page(notion, "d")
    assert _embedded(page) is None
    page.properties["Last Embedded"]["date"] = {"start": "2024-05-01", "end": None}
    put(marts, "datasets", "d", summary="new")
    publish.apply(marts, notion_options, services=["notion"])
    assert notion.text(page, "Summary") == "new"
    assert page.properties["Last Embedded"]["date"]["start"] == "2024-05-01"


def test_a_time_that_was_sent_reads_back_as_the_same(
    marts: Conn, notion: NotionStandIn, both: Options
) -> None:
    put(marts, "datasets", "d")
    put_document(marts, "d")
    publish.apply(marts, both)
    publish.pull(marts, both)
    assert not marts.execute("select 1 from sync.attempts where operation = 'pull'").fetchall()
    page = _page(notion, "d")
    page.properties["Last Embedded"]["date"]["start"] = "2020-01-01T00:00:00.000+00:00"
    notion.edit(page, body="so that it is read")
    publish.pull(marts, both)
    (edits,) = marts.execute(
        "select payload from sync.attempts where operation = 'pull'"
    ).fetchall()
    assert list(edits[0]) == ["Last Embedded"]


def test_pages_are_written_though_pinecone_is_in_trouble(
    marts: Conn, notion: NotionStandIn, pinecone: PineconeStandIn, both: Options
) -> None:
    put(marts, "datasets", "d")
    put_document(marts, "d")
    pinecone.faults.append(Fault(times=99, answer=Answer(401, "Unauthorized")))
    assert publish.apply(marts, both).status == "failed"
    assert _embedded(_page(notion, "d")) is None
    put(marts, "datasets", "e")
    with pytest.raises(Exception, match="embedder"):
        publish.apply(marts, replace(both, embedder="no such embedder"))
    assert _page(notion, "e")


def test_a_ledger_from_before_takes_the_time_it_has(marts: Conn, both: Options) -> None:
    put_document(marts, "d")
    publish.apply(marts, both, services=["pinecone"])
    marts.execute("alter table sync.items drop column embedded_at")
    marts.execute("comment on schema sync is 'omics sync 2'")
    state.ensure(marts)
    assert state.embedded_at(marts, "dataset") == {
        str(entity): moment
        for entity, moment in marts.execute("select entity_id, synced_at from sync.items")
    }


@pytest.mark.parametrize(
    ("status", "shown"), [("loaded", "Loaded"), ("source_missing", "Source missing")]
)
def test_a_signature_tells_what_became_of_its_file(
    marts: Conn, notion: NotionStandIn, notion_options: Options, status: str, shown: str
) -> None:
    put(marts, "signatures", "s", ingestion_status=status)
    publish.apply(marts, notion_options, services=["notion"])
    page = _page(notion, "s", "Lipid Signatures")
    assert page.properties["Status"]["select"]["name"] == shown
